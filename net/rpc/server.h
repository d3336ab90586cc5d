#ifndef PACKETBOAT_NET_RPC_SERVER_H_
#define PACKETBOAT_NET_RPC_SERVER_H_

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/rpc/tls_files.h"

namespace packetboat::rpc {

// A gRPC server for one role's services, with mutual TLS, the table of access.h and the standard
// health service (grpc.health.v1). Thread-safe.
class Server {
 public:
  struct Options {
    std::string address;  // `host:port`; port 0 takes a free one
    TlsFiles tls;
    std::string cluster;
  };

  // The services are served until Stop; not serving at first, as far as health goes.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const Options& options, std::vector<std::unique_ptr<grpc::Service>> services);
  // Stops at once.
  ~Server();

  int port() const { return port_; }

  // What the health service says, for the server as a whole.
  void SetServing(bool serving);

  // Takes no more calls; those under way may end within `grace`, then they are cancelled. Returns
  // when no handler runs. Repeatable.
  void Stop(absl::Duration grace);

 private:
  class Impl;

  Server(std::unique_ptr<Impl> impl, int port);

  std::unique_ptr<Impl> impl_;
  const int port_;
};

}  // namespace packetboat::rpc

#endif  // PACKETBOAT_NET_RPC_SERVER_H_
