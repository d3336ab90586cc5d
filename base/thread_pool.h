#ifndef PACKETBOAT_BASE_THREAD_POOL_H_
#define PACKETBOAT_BASE_THREAD_POOL_H_

#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "base/executor.h"

namespace packetboat {

// Threads for work that blocks or takes long, off the loops: at most `threads` at a time, at most
// `queue` waiting. Thread-safe. The destructor runs what waits, then joins.
class ThreadPool : public Executor {
 public:
  ThreadPool(size_t threads, size_t queue);
  ~ThreadPool() override;

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] bool Submit(absl::AnyInvocable<void()> task) override;

 private:
  void Run();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !tasks_.empty();
  }

  const size_t queue_;
  absl::Mutex mutex_;
  std::deque<absl::AnyInvocable<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_THREAD_POOL_H_
