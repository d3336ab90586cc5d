#include "base/secret.h"

#include <strings.h>

#include <cstddef>
#include <cstdint>

namespace packetboat {

Secret::~Secret() {
  // All of the capacity: an earlier, longer value may be left behind its end.
  value_.resize(value_.capacity());
  explicit_bzero(value_.data(), value_.size());
}

bool operator==(const Secret& a, const Secret& b) {
  if (a.value_.size() != b.value_.size()) return false;
  uint8_t difference = 0;
  for (size_t i = 0; i < a.value_.size(); ++i) {
    difference |= static_cast<uint8_t>(a.value_[i] ^ b.value_[i]);
  }
  return difference == 0;
}

}  // namespace packetboat
