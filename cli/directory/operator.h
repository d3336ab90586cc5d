#ifndef PACKETBOAT_CLI_DIRECTORY_OPERATOR_H_
#define PACKETBOAT_CLI_DIRECTORY_OPERATOR_H_

#include "absl/status/statusor.h"
#include "cli/command/command.h"
#include "cli/directory/client.h"

namespace packetboat::cli {

// What `packetboat up` leaves below its data folder so that commands find it, in the form of a
// configuration file.
inline constexpr char kOperatorFile[] = "cluster/operator.yaml";
// The data folder of `packetboat up` without a configuration.
inline constexpr char kDefaultDataFolder[] = "packetboat-data";

// How to reach the stores, from the configuration files of a command: `cluster.stores`, and
// `cluster.tls` with a certificate of role admin. Without them, what `packetboat up` left in the
// data folder of the same configuration. Checked, so that a mistake is told before anything is
// sent.
absl::StatusOr<DirectoryClient::Options> OperatorOptions(const Arguments& arguments);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_DIRECTORY_OPERATOR_H_
