#ifndef PACKETBOAT_ROLE_PROCESS_H_
#define PACKETBOAT_ROLE_PROCESS_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "role/service.h"

namespace packetboat::role {

// Of this build, such as "0.1.0".
absl::string_view Version();

// The whole `main` of a process with one role: `PROGRAM --config FILE...`.
int Main(int argc, char** argv, absl::string_view role, const StartFunction& start);

// A process with several roles (`packetboat up`).
struct ProcessOptions {
  std::string role;  // in the log
  // In the order of start; they are drained in the opposite order.
  std::vector<std::pair<std::string, StartFunction>> roles;
  // Once everything is up and ready; what listens where.
  std::function<absl::Status(const std::vector<Listening>&)> when_ready;
};

// Runs until SIGTERM or SIGINT, then drains. SIGHUP opens the log file anew. Returns the exit
// status.
int Run(const config::Config& config, const ProcessOptions& options);

// To be called first in main, before any thread: from then on signals wait for Run, and writing to
// a closed pipe is an error like any other.
void BlockSignals();

}  // namespace packetboat::role

#endif  // PACKETBOAT_ROLE_PROCESS_H_
