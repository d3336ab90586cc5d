#ifndef PACKETBOAT_MX_READINESS_H_
#define PACKETBOAT_MX_READINESS_H_

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace packetboat::mx {

// Whether an MX shall be taken out: not before it was seen to be unable to accept for anybody
// throughout `grace` (SEMANTICS.md s7). One that never could is not ready. Thread-safe.
class Readiness {
 public:
  Readiness(absl::Duration grace, Clock& clock) : grace_(grace), clock_(clock) {}

  // `now`: OK if it can accept for somebody just now. However seldom this is called, one bad look
  // alone takes nothing out.
  absl::Status Judge(absl::Status now) {
    const absl::Duration at = clock_.Monotonic();
    absl::MutexLock lock(&mutex_);
    if (now.ok()) {
      failing_since_ = absl::InfiniteDuration();
      return now;
    }
    if (failing_since_ == absl::InfiniteDuration()) failing_since_ = at;
    return at - failing_since_ < grace_ ? absl::OkStatus() : now;
  }

 private:
  const absl::Duration grace_;
  Clock& clock_;
  absl::Mutex mutex_;
  // Of the monotonic clock; infinite while it can.
  absl::Duration failing_since_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_READINESS_H_
