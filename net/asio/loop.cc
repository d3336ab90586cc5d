#include "net/asio/loop.h"

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "net/asio/connection.h"

namespace packetboat::net {
namespace {

// Far enough to be never, near enough not to overflow the timer's clock.
constexpr absl::Duration kLongestDelay = absl::Hours(24 * 365);

}  // namespace

AsioLoop::AsioLoop()
    : start_(SystemClock().Now()),
      monotonic_start_(SystemClock().Monotonic()),
      read_buffer_(kReadBytes),
      thread_([this] { context_.run(); }) {}

AsioLoop::~AsioLoop() { Stop(); }

void AsioLoop::Stop() {
  if (!thread_.joinable()) return;
  CHECK(!InLoop()) << "a loop cannot wait for its own end";
  Post([this] { BeginStop(); });
  thread_.join();
  work_.reset();
  std::unordered_map<uint64_t, std::unique_ptr<Timer>> timers;
  absl::MutexLock lock(&mutex_);
  timers.swap(timers_);
}

absl::Time AsioLoop::Now() const { return start_ + (SystemClock().Monotonic() - monotonic_start_); }

void AsioLoop::Post(Task task) { asio::post(context_, std::move(task)); }

TimerId AsioLoop::RunAfter(absl::Duration delay, Task task) {
  delay = std::clamp(delay, absl::ZeroDuration(), kLongestDelay);
  auto timer = std::make_unique<Timer>(context_);
  timer->task = std::move(task);
  timer->timer.expires_after(absl::ToChronoNanoseconds(delay));
  absl::MutexLock lock(&mutex_);
  const TimerId id(++last_timer_);
  timer->timer.async_wait([this, id](const asio::error_code& error) {
    if (error != asio::error::operation_aborted) OnTimer(id);
  });
  timers_.emplace(id.value(), std::move(timer));
  return id;
}

void AsioLoop::Cancel(TimerId id) {
  std::unique_ptr<Timer>
      cancelled;  // destroyed outside of the lock: a task's destructor may call back
  absl::MutexLock lock(&mutex_);
  const auto found = timers_.find(id.value());
  if (found == timers_.end()) return;
  cancelled = std::move(found->second);
  timers_.erase(found);
}

void AsioLoop::OnTimer(TimerId id) {
  std::unique_ptr<Timer> timer;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = timers_.find(id.value());
    // Cancelled after it had expired.
    if (found == timers_.end()) return;
    timer = std::move(found->second);
    timers_.erase(found);
  }
  timer->task();
}

void AsioLoop::Adopt(std::shared_ptr<AsioConnection> connection) {
  const void* const key = connection.get();
  Adopt(key, [connection = std::move(connection)] {
    connection->Abort(absl::CancelledError("shutting down"));
  });
}

void AsioLoop::Release(AsioConnection* connection) {
  Release(static_cast<const void*>(connection));
}

void AsioLoop::Adopt(const void* key, absl::AnyInvocable<void()> cancel) {
  if (stopping_) cancel();
  owned_.emplace(key, std::move(cancel));
}

void AsioLoop::Release(const void* key) {
  const auto node = owned_.extract(key);  // destroyed last: it may hold the caller
}

void AsioLoop::BeginStop() {
  stopping_ = true;
  for (auto& [key, cancel] : owned_) cancel();
  StopOnceEmpty();
}

void AsioLoop::StopOnceEmpty() {
  if (owned_.empty()) return context_.stop();
  // The ends of what was cancelled are on their way through the same queue.
  Post([this] { StopOnceEmpty(); });
}

}  // namespace packetboat::net
