#ifndef PACKETBOAT_NET_ASIO_LOOP_H_
#define PACKETBOAT_NET_ASIO_LOOP_H_

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstddef>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "net/api/event_loop.h"

namespace packetboat::net {

class AsioConnection;

// One thread with one io_context: what runs there needs no strand. Owns the connections that are
// bound to it.
class AsioLoop : public EventLoop {
 public:
  // How much one read takes from a socket, at most.
  static constexpr size_t kReadBytes = size_t{64} << 10;

  AsioLoop();
  // Stops.
  ~AsioLoop() override;

  // Drops every connection and pending task, and ends the thread. Not from the loop itself.
  // Repeatable.
  void Stop();

  void Post(Task task) override;
  TimerId RunAfter(absl::Duration delay, Task task) override;
  void Cancel(TimerId timer) override;
  bool InLoop() const override { return std::this_thread::get_id() == thread_.get_id(); }
  absl::Time Now() const override;

  // The rest is for connections, on the loop.

  asio::io_context& context() { return context_; }
  // One for all connections: its contents are consumed before the next read.
  std::vector<char>& read_buffer() { return read_buffer_; }

  // Keeps a connection until it releases itself; one that is adopted while the loop stops is
  // aborted.
  void Adopt(std::shared_ptr<AsioConnection> connection);
  void Release(AsioConnection* connection);

  // The same for something else that ends by itself when `cancel` is called, such as an attempt to
  // connect.
  void Adopt(const void* key, absl::AnyInvocable<void()> cancel);
  void Release(const void* key);

 private:
  struct Timer {
    explicit Timer(asio::io_context& context) : timer(context) {}
    asio::steady_timer timer;
    Task task;
  };

  void OnTimer(TimerId id);
  void BeginStop();
  void StopOnceEmpty();

  const absl::Time start_;
  const absl::Duration monotonic_start_;
  std::vector<char> read_buffer_;
  std::unordered_map<const void*, absl::AnyInvocable<void()>> owned_;  // how to end each
  bool stopping_ = false;                                              // on the loop

  absl::Mutex mutex_;
  uint64_t last_timer_ ABSL_GUARDED_BY(mutex_) = 0;

  // Before the timers and the thread, which need it.
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::unordered_map<uint64_t, std::unique_ptr<Timer>> timers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_ASIO_LOOP_H_
