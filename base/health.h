#ifndef PACKETBOAT_BASE_HEALTH_H_
#define PACKETBOAT_BASE_HEALTH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace packetboat {

// What a process says about itself: named checks, each of which is fine or tells why not. Some
// decide about readiness, the others are told alone: what is narrower than the whole must not take
// the whole out (SEMANTICS.md s7). Thread-safe.
class HealthRegistry {
 public:
  enum class Weight {
    kReadiness,    // not ready while this is not OK
    kInformation,  // told, no more
  };

  // Called on every report, from the thread that asks; must not block, nor call the registry.
  using Check = std::function<absl::Status()>;

  // A check that stands while this lives.
  class Registration {
   public:
    Registration() = default;
    Registration(Registration&& other) noexcept;
    Registration& operator=(Registration&& other) noexcept;
    ~Registration();

   private:
    friend class HealthRegistry;
    Registration(HealthRegistry* registry, uint64_t id) : registry_(registry), id_(id) {}

    HealthRegistry* registry_ = nullptr;
    uint64_t id_ = 0;
  };

  struct Item {
    std::string name;
    Weight weight;
    absl::Status status;
  };

  [[nodiscard]] Registration Add(std::string name, Weight weight, Check check);

  // In the order of their names.
  std::vector<Item> Report() const;

  bool Ready() const;

 private:
  struct Entry {
    std::string name;
    Weight weight;
    Check check;
  };

  void Remove(uint64_t id);

  mutable absl::Mutex mutex_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

// One line for each item, `name: OK`, and the line `ready` or `not ready` first.
std::string HealthText(const std::vector<HealthRegistry::Item>& items);

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_HEALTH_H_
