#include "mx/clients/auth_client.h"

#include <utility>

#include "mx/clients/replies.h"
#include "net/rpc/failover.h"
#include "proto/auth/auth.grpc.pb.h"

namespace packetboat::mx {
namespace {

using rpc::auth::Auth;
using rpc::auth::ResolveReply;
using rpc::auth::ResolveRequest;

class GrpcAuthClient : public AuthClient {
 public:
  explicit GrpcAuthClient(const AuthClientOptions& options)
      : auth_(options.addresses, options.tls, options.cluster, rpc::Role::kAuth,
              options.call_timeout, options.attempt_timeout,
              [](const auto& channel) { return Auth::NewStub(channel); }) {}

  void Resolve(std::string address,
               absl::AnyInvocable<void(absl::StatusOr<Resolved>)> done) override {
    ResolveRequest request;
    request.set_address(std::move(address));
    auth_.Call<ResolveRequest, ResolveReply>(
        [](Auth::Stub& stub, auto... args) { stub.async()->Resolve(std::move(args)...); },
        std::move(request),
        [done = std::move(done)](absl::StatusOr<ResolveReply> reply) mutable {
          if (!reply.ok()) return done(reply.status());
          done(FromProto(*reply));
        });
  }

  absl::Status status() const override { return auth_.status(); }

 private:
  rpc::Failover<Auth::Stub> auth_;
};

}  // namespace

std::unique_ptr<AuthClient> NewAuthClient(AuthClientOptions options) {
  return std::make_unique<GrpcAuthClient>(options);
}

}  // namespace packetboat::mx
