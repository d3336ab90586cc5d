#ifndef PACKETBOAT_BASE_CLOCK_H_
#define PACKETBOAT_BASE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace packetboat {

// Where time comes from. Thread-safe. Code below `net/` and outside `main.cc` never asks the system
// for the time.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall-clock time; may jump.
  virtual absl::Time Now() const = 0;

  // Time since an arbitrary start; never goes back.
  virtual absl::Duration Monotonic() const = 0;
};

// The system's clocks. Never destroyed.
Clock& SystemClock();

// A clock that moves only when told to. Thread-safe.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::UnixEpoch() + absl::Hours(24 * 365 * 50));

  absl::Time Now() const override;
  absl::Duration Monotonic() const override;

  // Moves both clocks forward; `by` is not negative.
  void Advance(absl::Duration by);
  // Makes the wall clock jump, in either direction; the monotonic one does not notice.
  void JumpWall(absl::Duration by);

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_CLOCK_H_
