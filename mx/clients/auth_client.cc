#include "mx/clients/auth_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "net/rpc/channel.h"
#include "proto/auth/auth.grpc.pb.h"

namespace packetboat::mx {
namespace {

using rpc::auth::ResolveReply;

ResolveResult FromProto(ResolveReply::Result result) {
  switch (result) {
    case ResolveReply::OK:
      return ResolveResult::kOk;
    case ResolveReply::NOT_LOCAL:
      return ResolveResult::kNotLocal;
    case ResolveReply::LOOP:
      return ResolveResult::kLoop;
    default:
      return ResolveResult::kNoSuchUser;
  }
}

Resolved FromProto(const ResolveReply& reply) {
  Resolved resolved;
  resolved.result = FromProto(reply.result());
  for (const rpc::auth::Target& target : reply.targets()) {
    if (target.has_remote()) {
      resolved.remote.push_back(target.remote());
      continue;
    }
    const rpc::auth::Account& account = target.local().account();
    resolved.local.push_back({AccountId(account.account_id()), ShardId(account.shard()),
                              account.address(), target.local().detail()});
  }
  return resolved;
}

class GrpcAuthClient : public AuthClient {
 public:
  explicit GrpcAuthClient(AuthClientOptions options) : options_(std::move(options)) {
    for (const std::string& address : options_.addresses) {
      channels_.push_back(
          rpc::OpenChannel(address, options_.tls, options_.cluster, rpc::Role::kAuth));
      stubs_.push_back(rpc::auth::Auth::NewStub(channels_.back()));
    }
  }

  ~GrpcAuthClient() override {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* calls) { return *calls == 0; }, &calls_));
  }

  void Resolve(std::string address,
               absl::AnyInvocable<void(absl::StatusOr<Resolved>)> done) override {
    if (stubs_.empty()) {
      done(absl::UnavailableError("cluster.auths names no auth service"));
      return;
    }
    auto call = std::make_shared<Call>();
    call->request.set_address(std::move(address));
    call->done = std::move(done);
    call->first = current_.load(std::memory_order_relaxed);
    {
      absl::MutexLock lock(&mutex_);
      ++calls_;
    }
    Try(std::move(call));
  }

  absl::Status status() const override {
    for (const auto& channel : channels_) {
      const grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
      if (state == GRPC_CHANNEL_READY) return absl::OkStatus();
    }
    return absl::UnavailableError("no auth service is connected");
  }

 private:
  struct Call {
    rpc::auth::ResolveRequest request;
    rpc::auth::ResolveReply reply;
    std::unique_ptr<grpc::ClientContext> context;
    absl::AnyInvocable<void(absl::StatusOr<Resolved>)> done;
    size_t first = 0;
    size_t tried = 0;
  };

  void Try(std::shared_ptr<Call> call) {
    const size_t at = (call->first + call->tried) % stubs_.size();
    call->context = std::make_unique<grpc::ClientContext>();
    rpc::SetTimeout(*call->context, options_.call_timeout);
    stubs_[at]->async()->Resolve(
        call->context.get(), &call->request, &call->reply,
        [this, call, at](grpc::Status status) { Answered(call, at, status); });
  }

  void Answered(const std::shared_ptr<Call>& call, size_t at, const grpc::Status& status) {
    const bool next = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (next && ++call->tried < stubs_.size()) {
      call->reply.Clear();
      Try(call);
      return;
    }
    if (status.ok()) {
      current_.store(at, std::memory_order_relaxed);
      call->done(FromProto(call->reply));
    } else {
      call->done(rpc::FromGrpc(status));
    }
    absl::MutexLock lock(&mutex_);
    --calls_;
  }

  const AuthClientOptions options_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<rpc::auth::Auth::Stub>> stubs_;
  // The last that answered.
  std::atomic<size_t> current_{0};
  absl::Mutex mutex_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<AuthClient> NewAuthClient(AuthClientOptions options) {
  return std::make_unique<GrpcAuthClient>(std::move(options));
}

}  // namespace packetboat::mx
