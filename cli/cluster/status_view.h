#ifndef PACKETBOAT_CLI_CLUSTER_STATUS_VIEW_H_
#define PACKETBOAT_CLI_CLUSTER_STATUS_VIEW_H_

#include <ostream>

#include "cli/cluster/status.h"

namespace packetboat::cli {

// A table of stores, one of shards, and the warnings; at most 100 columns wide with up to five
// stores, whatever they are called, as long as addresses have at most 21 octets.
void PrintStatusText(const ClusterStatus& status, std::ostream& out);

// One object on one line; what is not known is null.
void PrintStatusJson(const ClusterStatus& status, std::ostream& out);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_CLUSTER_STATUS_VIEW_H_
