#include "store/imap/authenticator.h"

#include <utility>

#include "absl/status/status.h"
#include "net/rpc/failover.h"
#include "proto/auth/auth.grpc.pb.h"

namespace packetboat::store {
namespace {

using rpc::auth::Auth;
using rpc::auth::AuthenticateReply;
using rpc::auth::AuthenticateRequest;

absl::StatusOr<LoggedIn> FromProto(const AuthenticateReply& reply) {
  if (reply.result() != AuthenticateReply::OK) {
    return absl::UnauthenticatedError("wrong user or password");
  }
  return LoggedIn{.account = AccountId(reply.account().account_id()),
                  .shard = ShardId(reply.account().shard()),
                  .address = reply.account().address(),
                  .quota_octets = reply.account().quota_octets()};
}

class GrpcAuthenticator : public Authenticator {
 public:
  explicit GrpcAuthenticator(const AuthenticatorOptions& options)
      : auth_(options.addresses, options.tls, options.cluster, rpc::Role::kAuth,
              options.call_timeout, [](const auto& channel) { return Auth::NewStub(channel); }) {}

  void Authenticate(std::string user, Secret password, std::string peer,
                    absl::AnyInvocable<void(absl::StatusOr<LoggedIn>)> done) override {
    AuthenticateRequest request;
    request.set_user(std::move(user));
    request.set_password(std::string(password.Reveal()));
    request.set_peer_address(std::move(peer));
    request.set_service("imap");
    auth_.Call<AuthenticateRequest, AuthenticateReply>(
        [](Auth::Stub& stub, auto... args) { stub.async()->Authenticate(std::move(args)...); },
        std::move(request),
        [done = std::move(done)](absl::StatusOr<AuthenticateReply> reply) mutable {
          if (!reply.ok()) return done(reply.status());
          done(FromProto(*reply));
        });
  }

  absl::Status status() const override { return auth_.status(); }

 private:
  rpc::Failover<Auth::Stub> auth_;
};

}  // namespace

std::unique_ptr<Authenticator> NewAuthenticator(const AuthenticatorOptions& options) {
  return std::make_unique<GrpcAuthenticator>(options);
}

}  // namespace packetboat::store
