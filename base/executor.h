#ifndef PACKETBOAT_BASE_EXECUTOR_H_
#define PACKETBOAT_BASE_EXECUTOR_H_

#include "absl/functional/any_invocable.h"

namespace packetboat {

// Where work goes that blocks or takes long: threads in a process (thread_pool.h), the only thread
// there is in a simulation. Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` some time later, never from inside this call. False when too much waits; the task
  // has then not been taken.
  [[nodiscard]] virtual bool Submit(absl::AnyInvocable<void()> task) = 0;
};

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_EXECUTOR_H_
