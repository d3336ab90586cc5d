#ifndef PACKETBOAT_MAIL_ADDRESS_UTF8_H_
#define PACKETBOAT_MAIL_ADDRESS_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace packetboat {

// The octets of the well-formed character that `bytes` starts with (1 to 4); 0 if it starts with
// none or is empty. No overlong forms, no surrogates, nothing above U+10FFFF (RFC 3629 s4).
size_t Utf8CharacterBytes(absl::string_view bytes);

bool IsUtf8(absl::string_view bytes);

bool IsAscii(absl::string_view bytes);

}  // namespace packetboat

#endif  // PACKETBOAT_MAIL_ADDRESS_UTF8_H_
