#ifndef PACKETBOAT_TESTS_SIM_ORACLES_FINDINGS_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_FINDINGS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace packetboat::sim {

// What the oracles found wrong. Bounded: after many, more of them say nothing new.
class Findings {
 public:
  static constexpr size_t kMax = 100;

  template <typename... Parts>
  void Add(const Parts&... parts) {
    if (all_.size() < kMax) all_.push_back(absl::StrCat(parts...));
  }

  bool none() const { return all_.empty(); }
  const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_FINDINGS_H_
