#ifndef PACKETBOAT_ROLE_CONFIG_FILES_H_
#define PACKETBOAT_ROLE_CONFIG_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "net/rpc/tls_files.h"

namespace packetboat::config {
class Config;
}

namespace packetboat::role {

// Defaults, and then the files one over the other. On mistakes: kInvalidArgument with all of them,
// a line each.
absl::Status LoadConfig(const std::vector<std::string>& files, config::Config& config);

// `cluster.tls` of the configuration.
rpc::TlsFiles ClusterTlsFiles(const config::Config& config);

}  // namespace packetboat::role

#endif  // PACKETBOAT_ROLE_CONFIG_FILES_H_
