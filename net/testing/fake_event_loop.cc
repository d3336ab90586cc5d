#include "net/testing/fake_event_loop.h"

#include <algorithm>

#include "base/check.h"

namespace packetboat::net::testing {
namespace {

// A test that runs more at one moment of virtual time goes round in circles.
constexpr size_t kMaxTasksAtOnce = 10'000'000;

}  // namespace

FakeEventLoop::FakeEventLoop(FakeClock& clock)
    : clock_(clock), start_(clock.Now() - clock.Monotonic()) {}

FakeEventLoop::~FakeEventLoop() {
  // What is destroyed here may post and cancel.
  std::deque<Task> tasks = std::move(tasks_);
  std::map<Key, Task> timers = std::move(timers_);
}

void FakeEventLoop::Post(Task task) { tasks_.push_back(std::move(task)); }

TimerId FakeEventLoop::RunAfter(absl::Duration delay, Task task) {
  const uint64_t id = ++last_timer_;
  const absl::Time due = Now() + std::max(delay, absl::ZeroDuration());
  due_.emplace(id, due);
  timers_.emplace(Key(due, id), std::move(task));
  return TimerId(id);
}

void FakeEventLoop::Cancel(TimerId timer) {
  const auto found = due_.find(timer.value());
  if (found == due_.end()) return;
  const auto cancelled = timers_.extract(Key(found->second, found->first));
  due_.erase(found);
}

void FakeEventLoop::Run(Task task) {
  CHECK(!running_) << "a task must not run the loop";
  running_ = true;
  task();
  running_ = false;
}

bool FakeEventLoop::RunOne() {
  if (!tasks_.empty()) {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    Run(std::move(task));
    return true;
  }
  if (timers_.empty() || timers_.begin()->first.first > Now()) return false;
  auto due = timers_.extract(timers_.begin());
  due_.erase(due.key().second);
  Run(std::move(due.mapped()));
  return true;
}

void FakeEventLoop::RunReady() {
  for (size_t ran = 0; RunOne(); ++ran) CHECK_LT(ran, kMaxTasksAtOnce);
}

bool FakeEventLoop::AdvanceToTimer(absl::Time limit) {
  if (timers_.empty() || timers_.begin()->first.first > limit) return false;
  clock_.Advance(std::max(timers_.begin()->first.first - Now(), absl::ZeroDuration()));
  return true;
}

void FakeEventLoop::Advance(absl::Duration by) {
  const absl::Time end = Now() + by;
  do {
    RunReady();
  } while (AdvanceToTimer(end));
  clock_.Advance(end - Now());
  RunReady();
}

bool FakeEventLoop::RunUntil(const std::function<bool()>& condition, absl::Duration patience) {
  const absl::Time end = Now() + patience;
  while (!condition()) {
    if (!RunOne() && !AdvanceToTimer(end)) return false;
  }
  return true;
}

}  // namespace packetboat::net::testing
