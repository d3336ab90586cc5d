#include "auth/service.h"

#include <grpcpp/server_context.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "base/log.h"
#include "base/secret.h"
#include "mail/address/mailbox.h"
#include "net/rpc/channel.h"
#include "proto/auth/auth.grpc.pb.h"

namespace packetboat::auth {
namespace {

using rpc::auth::AuthenticateReply;
using rpc::auth::AuthenticateRequest;
using rpc::auth::ResolveReply;
using rpc::auth::ResolveRequest;

void Fill(const Account& account, rpc::auth::Account& out) {
  out.set_account_id(account.id.value());
  out.set_shard(account.shard.value());
  out.set_address(account.address);
  out.set_quota_octets(account.quota_octets);
}

void Fill(const Resolved& resolved, uint64_t version, ResolveReply& reply) {
  reply.set_directory_version(version);
  switch (resolved.resolution) {
    case Resolution::kOk:
      reply.set_result(ResolveReply::OK);
      break;
    case Resolution::kNoSuchUser:
      reply.set_result(ResolveReply::NO_SUCH_USER);
      break;
    case Resolution::kNotLocal:
      reply.set_result(ResolveReply::NOT_LOCAL);
      break;
    case Resolution::kLoop:
      reply.set_result(ResolveReply::LOOP);
      break;
  }
  for (const LocalTarget& target : resolved.local) {
    rpc::auth::LocalTarget& out = *reply.add_targets()->mutable_local();
    Fill(target.account, *out.mutable_account());
    out.set_detail(target.detail);
  }
  for (const std::string& address : resolved.remote) reply.add_targets()->set_remote(address);
}

absl::string_view Name(Authenticator::Result result) {
  switch (result) {
    case Authenticator::Result::kOk:
      return "ok";
    case Authenticator::Result::kBadCredentials:
      return "bad credentials";
    case Authenticator::Result::kSlowedDown:
      return "slowed down";
  }
  return "";
}

AuthenticateReply::Result ToProto(Authenticator::Result result) {
  switch (result) {
    case Authenticator::Result::kOk:
      return AuthenticateReply::OK;
    case Authenticator::Result::kBadCredentials:
      return AuthenticateReply::BAD_CREDENTIALS;
    case Authenticator::Result::kSlowedDown:
      return AuthenticateReply::SLOWED_DOWN;
  }
  return AuthenticateReply::RESULT_UNSPECIFIED;
}

class Service : public rpc::auth::Auth::CallbackService {
 public:
  Service(const Directory& directory, DirectoryFollower& follower,
          const Authenticator& authenticator)
      : directory_(directory), follower_(follower), authenticator_(authenticator) {}

  grpc::ServerUnaryReactor* Authenticate(grpc::CallbackServerContext* context,
                                         const AuthenticateRequest* request,
                                         AuthenticateReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    if (Refused(reactor)) return reactor;
    Authenticator::Attempt attempt{request->user(), Secret(request->password()),
                                   request->peer_address()};
    authenticator_.Check(std::move(attempt),
                         [reactor, request, reply](absl::StatusOr<Authenticator::Outcome> outcome) {
                           FinishAuthenticate(*request, outcome, reply, reactor);
                         });
    return reactor;
  }

  grpc::ServerUnaryReactor* Resolve(grpc::CallbackServerContext* context,
                                    const ResolveRequest* request, ResolveReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    if (Refused(reactor)) return reactor;
    std::optional<address::Mailbox> mailbox;
    // The bare postmaster alone has no domain.
    if (absl::StrContains(request->address(), '@')) {
      absl::StatusOr<address::Mailbox> parsed = address::Mailbox::Parse(request->address());
      if (!parsed.ok()) {
        reactor->Finish(rpc::ToGrpc(parsed.status()));
        return reactor;
      }
      mailbox = *std::move(parsed);
    }
    const Resolved resolved = directory_.Resolve(mailbox);
    if (resolved.resolution == Resolution::kOk) {
      Fill(resolved, follower_.version(), *reply);
      reactor->Finish(grpc::Status::OK);
      return reactor;
    }
    follower_.ConfirmFresh([this, mailbox, reply, reactor](absl::Status status) {
      if (status.ok()) Fill(directory_.Resolve(mailbox), follower_.version(), *reply);
      reactor->Finish(rpc::ToGrpc(status));
    });
    return reactor;
  }

 private:
  // Finishes a call that nothing can be said to yet.
  bool Refused(grpc::ServerUnaryReactor* reactor) const {
    if (follower_.HasCopy()) return false;
    reactor->Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "no copy of the directory yet"));
    return true;
  }

  static void FinishAuthenticate(const AuthenticateRequest& request,
                                 const absl::StatusOr<Authenticator::Outcome>& outcome,
                                 AuthenticateReply* reply, grpc::ServerUnaryReactor* reactor) {
    if (!outcome.ok()) {
      reactor->Finish(rpc::ToGrpc(outcome.status()));
      return;
    }
    log::Info("log-in", {{"user", request.user()},
                         {"peer", request.peer_address()},
                         {"service", request.service()},
                         {"result", Name(outcome->result)}});
    reply->set_result(ToProto(outcome->result));
    if (outcome->account.has_value()) Fill(*outcome->account, *reply->mutable_account());
    reactor->Finish(grpc::Status::OK);
  }

  const Directory& directory_;
  DirectoryFollower& follower_;
  const Authenticator& authenticator_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeService(const Directory& directory, DirectoryFollower& follower,
                                           const Authenticator& authenticator) {
  return std::make_unique<Service>(directory, follower, authenticator);
}

}  // namespace packetboat::auth
