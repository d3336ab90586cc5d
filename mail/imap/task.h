#ifndef PACKETBOAT_MAIL_IMAP_TASK_H_
#define PACKETBOAT_MAIL_IMAP_TASK_H_

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"

// How a command of the engine waits: for the backend, for room in the output, for the next input. A
// session is one chain of coroutines that wait in one place, its Gate; nothing here knows threads,
// clocks or I/O.

namespace packetboat::imap {

namespace task_internal {

// Resumes whoever awaits the task that has just ended. Destroying the task from there is fine: the
// coroutine is suspended by then, and nothing of it is touched afterwards.
struct ResumeAwaiter {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
    const std::coroutine_handle<> awaiter = ended.promise().awaiter;
    if (awaiter) awaiter.resume();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::suspend_never initial_suspend() const noexcept { return {}; }
  ResumeAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() const noexcept { std::terminate(); }

  std::coroutine_handle<> awaiter;
};

template <typename T>
struct Promise : PromiseBase {
  std::coroutine_handle<Promise> get_return_object() {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() { return std::move(*value); }

  std::optional<T> value;
};

template <>
struct Promise<void> : PromiseBase {
  std::coroutine_handle<Promise> get_return_object() {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  void return_void() const noexcept {}
  void Take() const noexcept {}
};

}  // namespace task_internal

// GCC 12 destroys some temporaries of a co_await expression twice (lambdas that own something, for
// one): hand awaited calls named variables, or lambdas that capture by reference only.
//
// A coroutine that runs as soon as it is called, up to its first wait. Its caller awaits it at once
// or keeps it. What it was given by reference must outlive it. Destroying a task that waits ends it
// there, its locals are destroyed. A loop that awaits tasks which need not wait uses no stack.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_internal::Promise<T>;

  // NOLINTNEXTLINE(google-explicit-constructor): what get_return_object makes.
  Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool done() const { return handle_.done(); }

  bool await_ready() const noexcept { return handle_.done(); }
  void await_suspend(std::coroutine_handle<> awaiter) const noexcept {
    handle_.promise().awaiter = awaiter;
  }
  T await_resume() const { return handle_.promise().Take(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

// Where one chain of tasks waits for a condition. Whoever may have made it true says Poke().
// Thread-compatible.
class Gate {
 public:
  using Condition = absl::FunctionRef<bool()>;

  struct Awaiter {
    bool await_ready() const { return condition(); }
    void await_suspend(std::coroutine_handle<> coroutine) {
      waiting = coroutine;
      gate->waiter_ = this;
    }
    void await_resume() const noexcept {}

    Gate* gate;
    Condition condition;
    std::coroutine_handle<> waiting = nullptr;
  };

  // Goes on once the condition holds. One waiter at a time. The condition is a local variable of
  // the caller:
  //   const auto arrived = [&] { return ...; };
  //   co_await gate.Until(arrived);
  Awaiter Until(Condition condition) { return Awaiter{this, condition}; }

  // Resumes the waiter if its condition holds by now; it runs until it waits again. Harmless from
  // inside it. Says whether it resumed anyone.
  bool Poke() {
    if (waiter_ == nullptr || !waiter_->condition()) return false;
    std::exchange(waiter_, nullptr)->waiting.resume();
    return true;
  }

 private:
  Awaiter* waiter_ = nullptr;  // lives in the frame of the coroutine that waits
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_TASK_H_
