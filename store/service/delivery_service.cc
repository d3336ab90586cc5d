#include "store/service/delivery_service.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "net/rpc/channel.h"
#include "proto/delivery/service.grpc.pb.h"
#include "store/delivery/leadership.h"
#include "store/delivery/quota.h"

namespace packetboat::store {
namespace {

using rpc::delivery::DeliverReply;
using rpc::delivery::DeliverRequest;
using rpc::delivery::ShardsReply;

// The long stream of one MX around its session. Deletes itself when gRPC is done with it.
class DeliverStream : public grpc::ServerBidiReactor<DeliverRequest, DeliverReply>,
                      public std::enable_shared_from_this<DeliverStream> {
 public:
  static DeliverStream* Start(Shards& shards, const DeliveryLimits& limits,
                              std::shared_ptr<UploadAdmission> admission) {
    auto stream = std::make_shared<DeliverStream>();
    stream->self_ = stream;
    stream->session_ = DeliverySession::Start(
        shards, limits,
        [weak = stream->weak_from_this()](DeliverReply reply) {
          if (const auto kept = weak.lock()) kept->Send(std::move(reply));
        },
        std::move(admission));
    stream->StartRead(&stream->request_);
    return stream.get();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End(grpc::Status::OK);
    session_->Take(std::move(request_));
    request_.Clear();
    // Nothing may be started once the stream has ended (OnCancel comes from another thread).
    absl::MutexLock lock(&mutex_);
    if (!ended_) StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    replies_.pop_front();
    if (!ok || ended_) return;
    if (!replies_.empty()) StartWrite(&replies_.front());
  }

  // The stream broke: what is under way goes on, nobody is told.
  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override {
    session_->End();
    const std::shared_ptr<DeliverStream> self = std::move(self_);
  }

 private:
  void End(const grpc::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      if (ended_) return;
      ended_ = true;
    }
    Finish(status);
  }

  void Send(DeliverReply reply) {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    replies_.push_back(std::move(reply));
    if (replies_.size() == 1) StartWrite(&replies_.front());
  }

  std::shared_ptr<DeliverySession> session_;
  DeliverRequest request_;
  std::shared_ptr<DeliverStream> self_;

  absl::Mutex mutex_;
  // The first is being written.
  std::deque<DeliverReply> replies_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// News of leaderships, written as fast as the MX takes them; what changes meanwhile comes as one.
class WatchStream : public grpc::ServerWriteReactor<ShardsReply>,
                    public std::enable_shared_from_this<WatchStream> {
 public:
  static WatchStream* Start(Shards& shards) {
    auto stream = std::make_shared<WatchStream>();
    stream->self_ = stream;
    stream->watch_.emplace(shards, [weak = stream->weak_from_this()] {
      if (const auto kept = weak.lock()) kept->Continue();
    });
    {
      absl::MutexLock lock(&stream->mutex_);
      stream->started_ = true;
    }
    stream->Continue();
    return stream.get();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End(grpc::Status::CANCELLED);
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
    }
    Continue();
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override {
    watch_.reset();
    const std::shared_ptr<WatchStream> self = std::move(self_);
  }

 private:
  void Continue() {
    absl::MutexLock lock(&mutex_);
    if (!started_ || ended_ || writing_) return;
    std::optional<ShardsReply> news = watch_->Take();
    if (!news.has_value()) return;
    news_ = *std::move(news);
    writing_ = true;
    StartWrite(&news_);
  }

  void End(const grpc::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      if (ended_) return;
      ended_ = true;
    }
    Finish(status);
  }

  std::optional<LeadershipWatch> watch_;
  std::shared_ptr<WatchStream> self_;

  absl::Mutex mutex_;
  ShardsReply news_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;  // watch_ may be asked
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

class Service : public rpc::delivery::Delivery::CallbackService {
 public:
  Service(store::Shards& shards, const DeliveryServiceOptions& options)
      : shards_(shards), limits_(options.limits), admission_(options.admission) {}

  grpc::ServerBidiReactor<DeliverRequest, DeliverReply>* Deliver(
      grpc::CallbackServerContext*) override {
    return DeliverStream::Start(shards_, limits_, admission_);
  }

  grpc::ServerWriteReactor<ShardsReply>* WatchShards(grpc::CallbackServerContext*,
                                                     const rpc::delivery::ShardsRequest*) override {
    return WatchStream::Start(shards_);
  }

  grpc::ServerUnaryReactor* ForgetKeys(grpc::CallbackServerContext* context,
                                       const rpc::delivery::ForgetKeysRequest* request,
                                       rpc::delivery::ForgetKeysReply*) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    store::ForgetKeys(shards_, *request, [reactor](const absl::Status& status) {
      reactor->Finish(rpc::ToGrpc(status));
    });
    return reactor;
  }

  grpc::ServerUnaryReactor* CheckQuota(grpc::CallbackServerContext* context,
                                       const rpc::delivery::CheckQuotaRequest* request,
                                       rpc::delivery::CheckQuotaReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    const absl::StatusOr<bool> exceeded = ExceedsQuota(shards_, *request);
    if (exceeded.ok()) reply->set_exceeded(*exceeded);
    reactor->Finish(rpc::ToGrpc(exceeded.status()));
    return reactor;
  }

  grpc::ServerUnaryReactor* Shards(grpc::CallbackServerContext* context,
                                   const rpc::delivery::ShardsRequest*,
                                   ShardsReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    *reply = DescribeShards(shards_);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  store::Shards& shards_;
  const DeliveryLimits limits_;
  const std::shared_ptr<UploadAdmission> admission_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDeliveryService(Shards& shards, DeliveryServiceOptions options) {
  return std::make_unique<Service>(shards, options);
}

}  // namespace packetboat::store
