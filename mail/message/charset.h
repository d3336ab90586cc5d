#ifndef PACKETBOAT_MAIL_MESSAGE_CHARSET_H_
#define PACKETBOAT_MAIL_MESSAGE_CHARSET_H_

#include <string>

#include "absl/strings/string_view.h"

namespace packetboat::message {

// Appends `octets` of `charset` to `*utf8` as well-formed UTF-8, with U+FFFD for what cannot be;
// false, with nothing appended, if it does not know the charset. For the charsets that need tables:
// whoever links ICU passes one.
using CharsetConverter = bool (*)(absl::string_view charset, absl::string_view octets,
                                  std::string* utf8);

// A CharsetConverter of UTF-8, US-ASCII and ISO-8859-1, under the names they go by in mail, in any
// case. An octet above 127 is U+FFFD in US-ASCII.
bool ConvertBasicCharset(absl::string_view charset, absl::string_view octets, std::string* utf8);

// The basic charsets, then `other` unless that is null.
bool ConvertCharset(absl::string_view charset, absl::string_view octets, CharsetConverter other,
                    std::string* utf8);

// Appends `octets` with U+FFFD in place of each octet that is no part of UTF-8.
void AppendWellFormed(absl::string_view octets, std::string* utf8);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_CHARSET_H_
