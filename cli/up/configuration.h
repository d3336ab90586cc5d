#ifndef PACKETBOAT_CLI_UP_CONFIGURATION_H_
#define PACKETBOAT_CLI_UP_CONFIGURATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/up/ports.h"

namespace packetboat::config {
class Config;
}

namespace packetboat::cli {

// The configuration of a process that is all roles at once, from files or from none; what the files
// leave open is decided here:
//  - without any file, the data folder is ./packetboat-data;
//  - without mx.listeners, SMTP listens on port 25 of all addresses, if this process may use low
//  ports, else on 127.0.0.1:2525;
//    without store.imap, IMAP listens on 143 and 993, or on 127.0.0.1:1143 and 1993;
//  - the internal addresses, and node.http, stay at their defaults where these are free, else they
//  take free ports on loopback;
//  - cluster.stores, cluster.auths and cluster.signers are those internal addresses.
// kInvalidArgument for settings that this process cannot honour: other nodes, and a cluster
// certificate, since each role needs its own. node.data is an absolute path afterwards.
absl::StatusOr<config::Config> MakeConfiguration(const std::vector<std::string>& files,
                                                 const Ports& ports);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_UP_CONFIGURATION_H_
