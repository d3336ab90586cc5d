#ifndef PACKETBOAT_MAIL_IMAP_UTF7_H_
#define PACKETBOAT_MAIL_IMAP_UTF7_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace packetboat::imap {

// Mailbox names on the wire are modified UTF-7 (RFC 3501 s5.1.3), everywhere else UTF-8. The two
// functions are each other's inverse: what DecodeMailboxName() accepts, EncodeMailboxName() gives
// back octet for octet, so that no two spellings name one mailbox.

// Modified UTF-7 to UTF-8; nothing if it is not exactly that: 8-bit octets, printable ASCII in
// base64, a shift that is not ended or could have been joined with the one before it, bits left
// over, half a surrogate pair. Nothing also for control characters and line separators (U+0000 to
// U+001F, U+007F to U+009F, U+2028, U+2029), which no mailbox name may hold (RFC 9051 s5.1).
// Wildcards of LIST patterns pass like any printable character.
std::optional<std::string> DecodeMailboxName(absl::string_view modified_utf7);

// UTF-8 to modified UTF-7. Octets that are not UTF-8 become U+FFFD.
std::string EncodeMailboxName(absl::string_view utf8);

// Whether it is UTF-8 that a mailbox name may be: what DecodeMailboxName() can return.
bool IsMailboxNameText(absl::string_view utf8);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_UTF7_H_
