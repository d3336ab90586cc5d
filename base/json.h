#ifndef PACKETBOAT_BASE_JSON_H_
#define PACKETBOAT_BASE_JSON_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace packetboat {

// Appends `text` as a JSON string (RFC 8259 s7), quotes included. The result is valid UTF-8
// whatever `text` is (each octet that is not is U+FFFD), and one line for every tool: controls,
// U+0085, U+2028 and U+2029 are escaped.
void AppendJsonString(absl::string_view text, std::string* out);

// The longest prefix of `text` with at most `max_bytes` octets that does not cut a UTF-8 sequence.
absl::string_view CutUtf8(absl::string_view text, size_t max_bytes);

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_JSON_H_
