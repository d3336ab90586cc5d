#ifndef PACKETBOAT_MAIL_IMAP_SEARCH_RESPONSE_H_
#define PACKETBOAT_MAIL_IMAP_SEARCH_RESPONSE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "mail/imap/command.h"
#include "mail/imap/context.h"
#include "mail/imap/task.h"
#include "mail/imap/view.h"

namespace packetboat::imap {

// The UID of a message, or its number.
uint32_t ShownNumber(const View& view, bool uid, SeqNum number);

// How SEARCH and SORT answer, however much it is.
struct MatchesResponse {
  absl::string_view name;  // SEARCH or SORT
  bool uid = false;
  bool with_modseq = false;              // RFC 7162 s3.1.5 and s3.1.6
  const SearchReturn* result = nullptr;  // or not as ESEARCH
};

// `* SEARCH 2 84 882`, or `* ESEARCH (TAG "a") UID COUNT 2 ALL 7:8` (RFC 4466 s2.6.2). The set of
// ALL is in the order of `numbers`, and so are the first and the last, MIN and MAX (RFC 4731 s3.1,
// RFC 5267 s3.1). What it is given must outlive the task.
Task<> SendMatches(Context& context, MatchesResponse response, const std::vector<SeqNum>& numbers);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_SEARCH_RESPONSE_H_
