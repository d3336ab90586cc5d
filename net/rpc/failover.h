#ifndef PACKETBOAT_NET_RPC_FAILOVER_H_
#define PACKETBOAT_NET_RPC_FAILOVER_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
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
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "net/rpc/channel.h"

namespace packetboat::rpc {

// Idempotent unary calls to whichever replica of a service answers: the one that answered last
// first, then each of the others while the answer is UNAVAILABLE or there is none within the time
// for one attempt. What hangs is thereby asked twice: not for calls that must happen once. When
// none is connected, as while the only replica starts again, a connection is waited for a little
// (kReconnectPatience). A replica that says that it does not serve, as an auth service without a
// copy of the directory, counts as not connected. Thread-safe. The destructor waits for calls under
// way.
template <typename Stub>
class Failover {
 public:
  static constexpr absl::Duration kReconnectPatience = absl::Seconds(2);

  // `make` is the service's NewStub. `call_timeout` bounds a call as a whole; `attempt_timeout`
  // each try of it, but for the last replica, which has all the time that is left.
  template <typename Make>
  Failover(const std::vector<std::string>& addresses, const TlsFiles& tls,
           const std::string& cluster, Role role, absl::Duration call_timeout,
           absl::Duration attempt_timeout, Make make)
      : role_(role), call_timeout_(call_timeout), attempt_timeout_(attempt_timeout) {
    for (const std::string& address : addresses) {
      channels_.push_back(OpenChannel(address, tls, cluster, role, {.follow_health = true}));
      stubs_.push_back(make(channels_.back()));
    }
  }

  ~Failover() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* calls) { return *calls == 0; }, &calls_));
  }

  // The same with an equal part of the time for each replica.
  template <typename Make>
  Failover(const std::vector<std::string>& addresses, const TlsFiles& tls,
           const std::string& cluster, Role role, absl::Duration call_timeout, Make make)
      : Failover(addresses, tls, cluster, role, call_timeout,
                 call_timeout / static_cast<int64_t>(std::max<size_t>(addresses.size(), 1)), make) {
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
    attempt->deadline = absl::Now() + call_timeout_;
    Try(std::move(attempt));
  }

  // OK while a replica is connected and serves.
  absl::Status status() const {
    for (const auto& channel : channels_) {
      if (channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY) {
        return absl::OkStatus();
      }
    }
    return absl::UnavailableError("no " + std::string(RoleName(role_)) +
                                  " is connected and able to serve");
  }

 private:
  template <typename Request, typename Reply>
  struct Attempt {
    Starter<Request, Reply> start;
    Request request;
    Reply reply;
    std::unique_ptr<grpc::ClientContext> context;
    absl::AnyInvocable<void(absl::StatusOr<Reply>)> done;
    absl::Time deadline;
    size_t at = 0;
    size_t tried = 0;
    // All were tried: this is the last try, which waits for a connection.
    bool waits = false;
  };

  template <typename Request, typename Reply>
  void Try(std::shared_ptr<Attempt<Request, Reply>> attempt) {
    attempt->context = std::make_unique<grpc::ClientContext>();
    absl::Duration left = attempt->deadline - absl::Now();
    if (attempt->waits) {
      attempt->context->set_wait_for_ready(true);
      left = std::min(left, kReconnectPatience);
    } else if (attempt->tried + 1 < stubs_.size()) {
      left = std::min(left, attempt_timeout_);
    }
    SetTimeout(*attempt->context, left);
    attempt->start(*stubs_[attempt->at], attempt->context.get(), &attempt->request, &attempt->reply,
                   [this, attempt](grpc::Status status) { Answered(attempt, status); });
  }

  template <typename Request, typename Reply>
  void Answered(const std::shared_ptr<Attempt<Request, Reply>>& attempt,
                const grpc::Status& status) {
    const bool unavailable = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    const bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if ((unavailable || late) && !attempt->waits && absl::Now() < attempt->deadline) {
      const bool all = ++attempt->tried >= stubs_.size();
      if (!all || unavailable) {
        attempt->waits = all;
        attempt->at = (attempt->at + 1) % stubs_.size();
        attempt->reply.Clear();
        return Try(attempt);
      }
    }
    if (status.ok()) {
      current_.store(attempt->at, std::memory_order_relaxed);
      attempt->done(std::move(attempt->reply));
    } else {
      attempt->done(attempt->waits && late ? absl::UnavailableError("none is connected")
                                           : FromGrpc(status));
    }
    absl::MutexLock lock(&mutex_);
    --calls_;
  }

  const Role role_;
  const absl::Duration call_timeout_;
  const absl::Duration attempt_timeout_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<Stub>> stubs_;
  // The last that answered.
  std::atomic<size_t> current_{0};
  absl::Mutex mutex_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace packetboat::rpc

#endif  // PACKETBOAT_NET_RPC_FAILOVER_H_
