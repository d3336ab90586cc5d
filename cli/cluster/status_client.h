#ifndef PACKETBOAT_CLI_CLUSTER_STATUS_CLIENT_H_
#define PACKETBOAT_CLI_CLUSTER_STATUS_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/cluster/status.h"
#include "net/rpc/tls_files.h"

namespace packetboat::cli {

// Asks every store for its status, all at once, as an operator. Connections stay open from one
// round to the next. Thread-compatible.
class StatusClient {
 public:
  struct Options {
    std::vector<std::string> stores;  // `host:port`
    rpc::TlsFiles tls;                // of role admin
    std::string cluster;
    // For a store to take the connection and to answer.
    absl::Duration patience = absl::Seconds(3);
  };

  explicit StatusClient(Options options);
  ~StatusClient();

  // In the order of the stores. Blocks for at most `patience`.
  std::vector<StoreAnswer> Ask();

 private:
  struct Store;

  const Options options_;
  std::vector<std::unique_ptr<Store>> stores_;
};

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_CLUSTER_STATUS_CLIENT_H_
