#ifndef PACKETBOAT_MAIL_IMAP_RESPONSES_H_
#define PACKETBOAT_MAIL_IMAP_RESPONSES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "mail/imap/view.h"

// Responses that several commands share (RFC 3501 s7).

namespace packetboat::imap {

// `* FLAGS (...)`: the system flags and the mailbox's keywords.
std::string FlagsResponse(const std::vector<std::string>& keywords);

// `* OK [PERMANENTFLAGS (...)]`: what this session can change for good; `\*` while the mailbox may
// have more keywords.
std::string PermanentFlagsResponse(const std::vector<std::string>& keywords, bool read_only,
                                   size_t max_keywords);

// `FLAGS (...)` of a FETCH response.
std::string FlagsItem(const View& view, SeqNum number);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_RESPONSES_H_
