#include "base/thread_pool.h"

#include <utility>

namespace packetboat {

ThreadPool::ThreadPool(size_t threads, size_t queue) : queue_(queue) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

ThreadPool::~ThreadPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

bool ThreadPool::Submit(absl::AnyInvocable<void()> task) {
  absl::MutexLock lock(&mutex_);
  if (tasks_.size() >= queue_) return false;
  tasks_.push_back(std::move(task));
  return true;
}

void ThreadPool::Run() {
  for (;;) {
    absl::AnyInvocable<void()> task;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &ThreadPool::HasWork));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::move(task)();
  }
}

}  // namespace packetboat
