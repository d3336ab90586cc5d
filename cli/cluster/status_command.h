#ifndef PACKETBOAT_CLI_CLUSTER_STATUS_COMMAND_H_
#define PACKETBOAT_CLI_CLUSTER_STATUS_COMMAND_H_

#include "cli/command/command.h"

namespace packetboat::cli {

// `packetboat cluster status`.
Command ClusterStatusCommand();

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_CLUSTER_STATUS_COMMAND_H_
