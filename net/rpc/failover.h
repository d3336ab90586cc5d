#ifndef PACKETBOAT_NET_RPC_FAILOVER_H_
#define PACKETBOAT_NET_RPC_FAILOVER_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "net/rpc/channel.h"

namespace packetboat::rpc {

// Idempotent unary calls to whichever replica of a service answers: the one that answered last
// first, then each of the others while the answer is UNAVAILABLE. Thread-safe. The destructor waits
// for calls under way.
template <typename Stub>
class Failover {
 public:
  // `make` is the service's NewStub.
  template <typename Make>
  Failover(const std::vector<std::string>& addresses, const TlsFiles& tls,
           const std::string& cluster, Role role, absl::Duration call_timeout, Make make)
      : role_(role), call_timeout_(call_timeout) {
    for (const std::string& address : addresses) {
      channels_.push_back(OpenChannel(address, tls, cluster, role));
      stubs_.push_back(make(channels_.back()));
    }
  }

  ~Failover() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* calls) { return *calls == 0; }, &calls_));
  }

  // Starts a call on a stub: [](Stub& stub, auto... args) { stub.async()->Resolve(args...); }.
  template <typename Request, typename Reply>
  using Starter = void (*)(Stub& stub, grpc::ClientContext* context, const Request* request,
                           Reply* reply, std::function<void(grpc::Status)> done);

  // `done` runs on a thread of gRPC, or at once when there is no replica to ask.
  template <typename Request, typename Reply>
  void Call(Starter<Request, Reply> start, Request request,
            absl::AnyInvocable<void(absl::StatusOr<Reply>)> done) {
    if (stubs_.empty()) {
      done(absl::UnavailableError("the configuration names no " + std::string(RoleName(role_))));
      return;
    }
    {
      absl::MutexLock lock(&mutex_);
      ++calls_;
    }
    auto attempt = std::make_shared<Attempt<Request, Reply>>();
    attempt->start = start;
    attempt->request = std::move(request);
    attempt->done = std::move(done);
    attempt->at = current_.load(std::memory_order_relaxed);
    Try(std::move(attempt));
  }

  // OK while a replica is connected.
  absl::Status status() const {
    for (const auto& channel : channels_) {
      if (channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY) {
        return absl::OkStatus();
      }
    }
    return absl::UnavailableError("no " + std::string(RoleName(role_)) + " is connected");
  }

 private:
  template <typename Request, typename Reply>
  struct Attempt {
    Starter<Request, Reply> start;
    Request request;
    Reply reply;
    std::unique_ptr<grpc::ClientContext> context;
    absl::AnyInvocable<void(absl::StatusOr<Reply>)> done;
    size_t at = 0;
    size_t tried = 0;
  };

  template <typename Request, typename Reply>
  void Try(std::shared_ptr<Attempt<Request, Reply>> attempt) {
    attempt->context = std::make_unique<grpc::ClientContext>();
    SetTimeout(*attempt->context, call_timeout_);
    attempt->start(*stubs_[attempt->at], attempt->context.get(), &attempt->request, &attempt->reply,
                   [this, attempt](grpc::Status status) { Answered(attempt, status); });
  }

  template <typename Request, typename Reply>
  void Answered(const std::shared_ptr<Attempt<Request, Reply>>& attempt,
                const grpc::Status& status) {
    const bool other = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (other && ++attempt->tried < stubs_.size()) {
      attempt->at = (attempt->at + 1) % stubs_.size();
      attempt->reply.Clear();
      return Try(attempt);
    }
    if (status.ok()) {
      current_.store(attempt->at, std::memory_order_relaxed);
      attempt->done(std::move(attempt->reply));
    } else {
      attempt->done(FromGrpc(status));
    }
    absl::MutexLock lock(&mutex_);
    --calls_;
  }

  const Role role_;
  const absl::Duration call_timeout_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<Stub>> stubs_;
  // The last that answered.
  std::atomic<size_t> current_{0};
  absl::Mutex mutex_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace packetboat::rpc

#endif  // PACKETBOAT_NET_RPC_FAILOVER_H_
