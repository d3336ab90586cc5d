#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>

namespace packetboat {
namespace {

class KernelRandom : public Random {
 public:
  uint64_t Next() override {
    uint64_t value;
    // Reads of up to 256 octets are never short once the pool is ready, getrandom(2).
    if (getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) std::abort();
    return value;
  }
};

}  // namespace

uint64_t Random::Below(uint64_t bound) {
  assert(bound > 0);
  // Values from the incomplete last multiple of `bound` would favour small results.
  const uint64_t threshold = -bound % bound;
  for (;;) {
    const uint64_t value = Next();
    if (value >= threshold) return value % bound;
  }
}

std::string Random::Bytes(size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
    const uint64_t value = Next();
    std::memcpy(&out[at], &value, std::min(sizeof value, bytes - at));
  }
  return out;
}

Random& SystemRandom() {
  static KernelRandom* const random = new KernelRandom;
  return *random;
}

uint64_t SeededRandom::Next() {
  state_ += 0x9e3779b97f4a7c15u;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace packetboat
