#include "mail/address/utf8.h"

#include <algorithm>
#include <cstdint>

namespace packetboat {
namespace {

bool IsTail(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

struct Lead {
  size_t bytes;
  uint8_t second_low;  // the range of the second octet excludes overlong forms and surrogates
  uint8_t second_high;
};

Lead LeadOf(uint8_t first) {
  if (first >= 0xc2 && first <= 0xdf) return {2, 0x80, 0xbf};
  if (first == 0xe0) return {3, 0xa0, 0xbf};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (first >= 0xe1 && first <= 0xef) return {3, 0x80, 0xbf};
  if (first == 0xf0) return {4, 0x90, 0xbf};
  if (first >= 0xf1 && first <= 0xf3) return {4, 0x80, 0xbf};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

}  // namespace

size_t Utf8CharacterBytes(absl::string_view bytes) {
  if (bytes.empty()) return 0;
  const uint8_t first = static_cast<uint8_t>(bytes[0]);
  if (first < 0x80) return 1;
  const Lead lead = LeadOf(first);
  if (lead.bytes == 0 || bytes.size() < lead.bytes) return 0;
  const uint8_t second = static_cast<uint8_t>(bytes[1]);
  if (second < lead.second_low || second > lead.second_high) return 0;
  for (size_t i = 2; i < lead.bytes; ++i) {
    if (!IsTail(bytes[i])) return 0;
  }
  return lead.bytes;
}

bool IsUtf8(absl::string_view bytes) {
  while (!bytes.empty()) {
    const size_t size = Utf8CharacterBytes(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

bool IsAscii(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

}  // namespace packetboat
