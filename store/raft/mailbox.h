#ifndef PACKETBOAT_STORE_RAFT_MAILBOX_H_
#define PACKETBOAT_STORE_RAFT_MAILBOX_H_

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace packetboat::raft {

// Work for one thread, handed over in whole batches. Not bounded by itself: what is put in is
// bounded where it comes from. Thread-safe.
template <typename T>
class Mailbox {
 public:
  // False, and `item` untouched, once it is closed.
  bool Offer(T& item) {
    absl::MutexLock lock(&mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    return true;
  }
  // Drops it once closed.
  void Put(T item) { (void)Offer(item); }

  // Takes nothing more; Take() no longer waits.
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

  bool closed() const {
    absl::MutexLock lock(&mutex_);
    return closed_;
  }

  // Everything that is there, in order, waiting up to `timeout` for the first.
  std::vector<T> Take(absl::Duration timeout) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Mailbox::Ready), timeout);
    return std::exchange(items_, {});
  }

  // Everything that is there, waiting for something; nothing only if closed.
  std::vector<T> Take() { return Take(absl::InfiniteDuration()); }

 private:
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closed_ || !items_.empty(); }

  mutable absl::Mutex mutex_;
  std::vector<T> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_MAILBOX_H_
