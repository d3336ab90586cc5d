#ifndef PACKETBOAT_NET_TESTING_FAKE_EVENT_LOOP_H_
#define PACKETBOAT_NET_TESTING_FAKE_EVENT_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "absl/time/time.h"
#include "base/clock.h"
#include "net/api/event_loop.h"

namespace packetboat::net::testing {

// A loop without a thread, in virtual time: nothing happens except inside of the Run methods, and
// equal calls give equal runs. Tasks run in the order in which they were posted, timers in that of
// their times. For one thread.
class FakeEventLoop : public EventLoop {
 public:
  // Time is that of `clock`, which the loop moves.
  explicit FakeEventLoop(FakeClock& clock);
  ~FakeEventLoop() override;

  void Post(Task task) override;
  TimerId RunAfter(absl::Duration delay, Task task) override;
  void Cancel(TimerId timer) override;
  bool InLoop() const override { return running_; }
  absl::Time Now() const override { return start_ + clock_.Monotonic(); }

  // Runs tasks and due timers until there are none. Time stands still.
  void RunReady();
  // Moves time on by `by`, stopping at each timer on the way.
  void Advance(absl::Duration by);
  // Runs until `condition` holds, going to the next timer whenever nothing is due. False if nothing
  // more can happen, or only after `patience`.
  bool RunUntil(const std::function<bool()>& condition, absl::Duration patience = absl::Hours(24));

 private:
  using Key = std::pair<absl::Time, uint64_t>;

  // Runs one thing that is due; false if none is.
  bool RunOne();
  void Run(Task task);
  // To the next timer, if it is not after `limit`.
  bool AdvanceToTimer(absl::Time limit);

  FakeClock& clock_;
  const absl::Time start_;
  bool running_ = false;
  uint64_t last_timer_ = 0;
  std::deque<Task> tasks_;
  std::map<Key, Task> timers_;
  std::map<uint64_t, absl::Time> due_;  // of each timer that stands
};

}  // namespace packetboat::net::testing

#endif  // PACKETBOAT_NET_TESTING_FAKE_EVENT_LOOP_H_
