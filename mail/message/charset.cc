#include "mail/message/charset.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/match.h"
#include "mail/address/utf8.h"

namespace packetboat::message {
namespace {

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";

bool IsOneOf(absl::string_view charset, std::initializer_list<absl::string_view> names) {
  return std::any_of(names.begin(), names.end(), [charset](absl::string_view name) {
    return absl::EqualsIgnoreCase(charset, name);
  });
}

void AppendAscii(absl::string_view octets, std::string* utf8) {
  for (const char c : octets) {
    if (static_cast<unsigned char>(c) < 0x80) {
      utf8->push_back(c);
    } else {
      utf8->append(kReplacement.data(), kReplacement.size());
    }
  }
}

void AppendLatin1(absl::string_view octets, std::string* utf8) {
  for (const char c : octets) {
    const unsigned char code = static_cast<unsigned char>(c);
    if (code >= 0x80) utf8->push_back(static_cast<char>(0xc0 | code >> 6));
    utf8->push_back(static_cast<char>(code < 0x80 ? code : 0x80 | (code & 0x3f)));
  }
}

}  // namespace

void AppendWellFormed(absl::string_view octets, std::string* utf8) {
  while (!octets.empty()) {
    const size_t bytes = Utf8CharacterBytes(octets);
    const absl::string_view character = bytes == 0 ? kReplacement : octets.substr(0, bytes);
    utf8->append(character.data(), character.size());
    octets.remove_prefix(std::max<size_t>(1, bytes));
  }
}

bool ConvertBasicCharset(absl::string_view charset, absl::string_view octets, std::string* utf8) {
  if (IsOneOf(charset, {"utf-8", "utf8"})) {
    AppendWellFormed(octets, utf8);
  } else if (IsOneOf(charset, {"us-ascii", "ascii", "ansi_x3.4-1968"})) {
    AppendAscii(octets, utf8);
  } else if (IsOneOf(charset, {"iso-8859-1", "iso8859-1", "iso_8859-1", "latin1"})) {
    AppendLatin1(octets, utf8);
  } else {
    return false;
  }
  return true;
}

bool ConvertCharset(absl::string_view charset, absl::string_view octets, CharsetConverter other,
                    std::string* utf8) {
  if (ConvertBasicCharset(charset, octets, utf8)) return true;
  return other != nullptr && other(charset, octets, utf8);
}

}  // namespace packetboat::message
