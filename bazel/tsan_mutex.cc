// Tells ThreadSanitizer what absl::Mutex and its relatives order. Debian's library is not
// instrumented: without this, everything that a mutex guards looks like a race. Linked into every
// binary under --config=tsan; its definitions stand in front of those of the shared library, which
// they call.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

// The library's definition of the function that calls this.
template <typename Function>
Function Real(Function /*type*/, const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();
  Function function;
  static_assert(sizeof function == sizeof found);
  __builtin_memcpy(&function, &found, sizeof function);
  return function;
}

// While the library works, another thread's Condition may be looked at, by whoever holds the mutex;
// the order that makes this right is between octets that the sanitizer does not see.
class Inside {
 public:
  Inside() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~Inside() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

void* Address(const void* object) { return const_cast<void*>(object); }

}  // namespace

#define ABSL_PREFIX "_ZN4absl7debian3"

// Calls the library's member function of this mangled name with `this` and the arguments.
#define CALL_REAL(Result, Types, name, ...)                                     \
  ([&] {                                                                        \
    static const auto real = Real(static_cast<Result(*) Types>(nullptr), name); \
    Inside inside;                                                              \
    return real(__VA_ARGS__);                                                   \
  }())

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  CALL_REAL(void, (Mutex*), ABSL_PREFIX "5Mutex4LockEv", this);
  __tsan_acquire(this);
}

void Mutex::Unlock() {
  __tsan_release(this);
  CALL_REAL(void, (Mutex*), ABSL_PREFIX "5Mutex6UnlockEv", this);
}

bool Mutex::TryLock() {
  const bool locked = CALL_REAL(bool, (Mutex*), ABSL_PREFIX "5Mutex7TryLockEv", this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::ReaderLock() {
  CALL_REAL(void, (Mutex*), ABSL_PREFIX "5Mutex10ReaderLockEv", this);
  __tsan_acquire(this);
}

void Mutex::ReaderUnlock() {
  __tsan_release(this);
  CALL_REAL(void, (Mutex*), ABSL_PREFIX "5Mutex12ReaderUnlockEv", this);
}

void Mutex::LockWhen(const Condition& condition) {
  CALL_REAL(void, (Mutex*, const Condition&), ABSL_PREFIX "5Mutex8LockWhenERKNS0_9ConditionE", this,
            condition);
  __tsan_acquire(this);
}

void Mutex::Await(const Condition& condition) {
  __tsan_release(this);
  CALL_REAL(void, (Mutex*, const Condition&), ABSL_PREFIX "5Mutex5AwaitERKNS0_9ConditionE", this,
            condition);
  __tsan_acquire(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  __tsan_release(this);
  const bool met = CALL_REAL(bool, (Mutex*, const Condition&, Duration),
                             ABSL_PREFIX "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE",
                             this, condition, timeout);
  __tsan_acquire(this);
  return met;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  __tsan_release(this);
  const bool met = CALL_REAL(bool, (Mutex*, const Condition&, Time),
                             ABSL_PREFIX "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE",
                             this, condition, deadline);
  __tsan_acquire(this);
  return met;
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  const bool met =
      CALL_REAL(bool, (Mutex*, const Condition&, Duration),
                ABSL_PREFIX "5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE", this,
                condition, timeout);
  __tsan_acquire(this);
  return met;
}

void CondVar::Wait(Mutex* mutex) {
  __tsan_release(mutex);
  CALL_REAL(void, (CondVar*, Mutex*), ABSL_PREFIX "7CondVar4WaitEPNS0_5MutexE", this, mutex);
  __tsan_acquire(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  __tsan_release(mutex);
  const bool late = CALL_REAL(bool, (CondVar*, Mutex*, Duration),
                              ABSL_PREFIX "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE",
                              this, mutex, timeout);
  __tsan_acquire(mutex);
  return late;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  __tsan_release(mutex);
  const bool late = CALL_REAL(bool, (CondVar*, Mutex*, Time),
                              ABSL_PREFIX "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE", this,
                              mutex, deadline);
  __tsan_acquire(mutex);
  return late;
}

void Notification::Notify() {
  __tsan_release(&notified_yet_);
  CALL_REAL(void, (Notification*), ABSL_PREFIX "12Notification6NotifyEv", this);
}

void Notification::WaitForNotification() const {
  CALL_REAL(void, (const Notification*), "_ZNK4absl7debian312Notification19WaitForNotificationEv",
            this);
  __tsan_acquire(Address(&notified_yet_));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  const bool notified =
      CALL_REAL(bool, (const Notification*, Duration),
                "_ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE",
                this, timeout);
  __tsan_acquire(Address(&notified_yet_));
  return notified;
}

bool BlockingCounter::DecrementCount() {
  __tsan_release(this);
  return CALL_REAL(bool, (BlockingCounter*), ABSL_PREFIX "15BlockingCounter14DecrementCountEv",
                   this);
}

void BlockingCounter::Wait() {
  CALL_REAL(void, (BlockingCounter*), ABSL_PREFIX "15BlockingCounter4WaitEv", this);
  __tsan_acquire(this);
}

// References are counted in the library, and whoever takes the last one frees what others wrote.
void Status::UnrefNonInlined(uintptr_t rep) {
  void* const counted = reinterpret_cast<void*>(rep & ~uintptr_t{3});
  __tsan_release(counted);
  __tsan_acquire(counted);
  CALL_REAL(void, (uintptr_t), ABSL_PREFIX "6Status15UnrefNonInlinedEm", rep);
}

ABSL_NAMESPACE_END
}  // namespace absl
