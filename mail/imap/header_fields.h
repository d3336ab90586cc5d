#ifndef PACKETBOAT_MAIL_IMAP_HEADER_FIELDS_H_
#define PACKETBOAT_MAIL_IMAP_HEADER_FIELDS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace packetboat::imap {

// The fields of `header` (a whole header, with its empty line if it has one) whose names are in
// `names`, or with `except` those whose names are not, octet for octet and in their order, and the
// empty line (RFC 3501 s6.4.5). Names compare without case. What is no field has no name.
std::string SelectHeaderFields(absl::string_view header, const std::vector<std::string>& names,
                               bool except);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_HEADER_FIELDS_H_
