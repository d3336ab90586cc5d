#include "cli/cluster/status_command.h"

#include <unistd.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "cli/cluster/status.h"
#include "cli/cluster/status_client.h"
#include "cli/cluster/status_view.h"
#include "cli/directory/operator.h"

namespace packetboat::cli {
namespace {

constexpr absl::Duration kWatchInterval = absl::Seconds(1);
// The cursor to the top, and everything below it away.
constexpr char kClearScreen[] = "\x1b[H\x1b[J";

int ExitStatus(ClusterHealth health) {
  switch (health) {
    case ClusterHealth::kHealthy:
      return 0;
    case ClusterHealth::kDegraded:
      return 1;
    case ClusterHealth::kUnreachable:
      return 2;
  }
  return 2;
}

absl::StatusOr<int> RunStatus(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const DirectoryClient::Options options, OperatorOptions(arguments));
  StatusClient client({.stores = options.stores, .tls = options.tls, .cluster = options.cluster});
  const bool json = arguments.Has("json"), watch = arguments.Has("watch");
  const bool clear = watch && !json && isatty(STDOUT_FILENO) == 1;
  for (;;) {
    const ClusterStatus status = MakeClusterStatus(client.Ask());
    if (clear) console.out << kClearScreen;
    if (json) {
      PrintStatusJson(status, console.out);
    } else {
      PrintStatusText(status, console.out);
    }
    console.out.flush();
    if (!watch || !console.out.good()) return ExitStatus(status.health);
    if (!json && !clear) console.out << "\n";
    absl::SleepFor(kWatchInterval);
  }
}

}  // namespace

Command ClusterStatusCommand() {
  return {
      "cluster status",
      "",
      0,
      0,
      "show stores, shards, leaders, lag and disks",
      "Asks every store of cluster.stores. `lag` is how many committed entries a store has not "
      "applied yet.\n"
      "Exit status: 0 healthy, 1 there are warnings, 2 no store answers.",
      {{"json", "", "as JSON, one line"}, {"watch", "", "again every second, until interrupted"}},
      RunStatus};
}

}  // namespace packetboat::cli
