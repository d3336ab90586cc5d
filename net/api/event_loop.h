#ifndef PACKETBOAT_NET_API_EVENT_LOOP_H_
#define PACKETBOAT_NET_API_EVENT_LOOP_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "base/strong_id.h"

namespace packetboat::net {

// A timer of one loop. Zero is no timer.
using TimerId = StrongId<struct TimerIdTag, uint64_t>;

// A queue of tasks that run one after the other, never two at once, in the order in which they were
// posted: whatever is touched only from its loop needs no lock. Thread-safe unless said otherwise.
// Tasks must not block: slow work goes elsewhere and posts its result back.
class EventLoop {
 public:
  using Task = absl::AnyInvocable<void()>;

  virtual ~EventLoop() = default;

  // Runs `task` later, never from inside this call. A task posted after the loop has stopped is
  // destroyed without running.
  virtual void Post(Task task) = 0;

  // Runs `task` once `delay` has passed (at once, but never from inside this call, if it is not
  // positive).
  virtual TimerId RunAfter(absl::Duration delay, Task task) = 0;

  // Destroys the task of a timer that has not run; from the loop itself it is then certain not to
  // run. From other threads it may be running already. An unknown or spent id is ignored.
  virtual void Cancel(TimerId timer) = 0;

  // True for code that this loop is running.
  virtual bool InLoop() const = 0;

  // For deadlines: the wall clock's value when the loop was made, moved on by a clock that never
  // jumps. Not for time stamps that anybody sees: those come from base/clock.h.
  virtual absl::Time Now() const = 0;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_API_EVENT_LOOP_H_
