#ifndef PACKETBOAT_NET_RPC_CHANNEL_H_
#define PACKETBOAT_NET_RPC_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "net/rpc/access.h"
#include "net/rpc/tls_files.h"

// gRPC as every internal call uses it.

namespace packetboat::rpc {

// No message on an internal call is larger.
inline constexpr int kMaxMessageBytes = 1 << 20;

// How long a peer that has gone away without a word may stay unnoticed on an idle connection.
inline constexpr absl::Duration kKeepaliveInterval = absl::Seconds(2);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(2);

// How soon a connection notices that its peer is gone, and that it is back.
struct ConnectionTiming {
  absl::Duration keepalive_interval = kKeepaliveInterval;
  absl::Duration keepalive_timeout = kKeepaliveTimeout;
  // Of one attempt, TLS and all.
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration reconnect_max = absl::Seconds(1);  // between attempts
  // A server that says of itself that it does not serve (grpc.health.v1) is as good as gone; it
  // tells as soon as that changes.
  bool follow_health = false;
};

// A connection, made on first use and made again within a second after it broke, to `address`
// (`host:port`), whose holder must have `server_role` in `cluster`. Calls fail with UNAVAILABLE
// while there is none.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const TlsFiles& files,
                                           const std::string& cluster, Role server_role,
                                           const ConnectionTiming& timing = {});

// The same bounds and keepalive for a server.
void ConfigureServer(grpc::ServerBuilder& builder);

// Every call has one.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace packetboat::rpc

#endif  // PACKETBOAT_NET_RPC_CHANNEL_H_
