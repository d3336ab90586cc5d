#ifndef PACKETBOAT_BASE_RANDOM_H_
#define PACKETBOAT_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace packetboat {

// Where randomness comes from. Thread-safe. Nothing outside `main.cc` asks the system for it.
class Random {
 public:
  virtual ~Random() = default;

  // Uniform over all 64-bit values.
  virtual uint64_t Next() = 0;

  // Uniform over [0, bound); `bound` is at least 1.
  uint64_t Below(uint64_t bound);
  // `bytes` octets.
  std::string Bytes(size_t bytes);
};

// The kernel's generator, fit for keys. Never destroyed.
Random& SystemRandom();

// The same sequence for the same seed, in every build (SplitMix64). Not fit for keys.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  // Not thread-safe: a seed only means something where the order of calls is fixed.
  uint64_t Next() override;

 private:
  uint64_t state_;
};

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_RANDOM_H_
