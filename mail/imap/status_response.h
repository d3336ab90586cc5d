#ifndef PACKETBOAT_MAIL_IMAP_STATUS_RESPONSE_H_
#define PACKETBOAT_MAIL_IMAP_STATUS_RESPONSE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/imap/backend.h"
#include "mail/imap/command.h"

namespace packetboat::imap {

// Whether HIGHESTMODSEQ is among `items`: who asks for it knows CONDSTORE (RFC 7162 s3.1).
bool AsksForModSeq(const std::vector<StatusItem>& items);

// `STATUS "name" (MESSAGES 3 ...)` (RFC 3501 s7.2.4), for STATUS and LIST-STATUS.
std::string StatusResponse(absl::string_view name, const std::vector<StatusItem>& items,
                           const MailboxStatus& status, uint64_t append_limit);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_STATUS_RESPONSE_H_
