#include "net/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "net/rpc/credentials.h"

namespace packetboat::rpc {
namespace {

constexpr absl::Duration kReconnectMin = absl::Milliseconds(50);
// gRPC follows a server's health for this policy alone; here it has one address to choose from. ""
// is the server as a whole.
constexpr char kFollowHealth[] =
    R"({"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}})";
// Room for the fields around the bytes of a message of kMaxMessageBytes.
constexpr int kEnvelopeBytes = 64 * 1024;

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const TlsFiles& files,
                                           const std::string& cluster, Role server_role,
                                           const ConnectionTiming& timing) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(timing.keepalive_interval));
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(timing.keepalive_timeout));
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(kReconnectMin));
  // What gRPC calls so bounds one attempt, handshake and all.
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Milliseconds(timing.connect_timeout));
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(timing.reconnect_max));
  args.SetMaxReceiveMessageSize(kMaxMessageBytes + kEnvelopeBytes);
  args.SetMaxSendMessageSize(kMaxMessageBytes + kEnvelopeBytes);
  // Sent as SNI; the certificates carry it, and who the peer is is judged by its URI name.
  args.SetSslTargetNameOverride(std::string(RoleName(server_role)));
  if (timing.follow_health) args.SetServiceConfigJSON(kFollowHealth);
  // Channels to one address would otherwise share a connection, whatever their credentials.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, ChannelCredentials(files, cluster, server_role), args);
}

void ConfigureServer(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes + kEnvelopeBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes + kEnvelopeBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(kKeepaliveInterval) / 2);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  // A port that another process still holds is an error, not something to share.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // The codes are the same numbers (gRPC's status codes and Abseil's).
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

}  // namespace packetboat::rpc
