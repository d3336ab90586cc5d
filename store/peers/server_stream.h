#ifndef PACKETBOAT_STORE_PEERS_SERVER_STREAM_H_
#define PACKETBOAT_STORE_PEERS_SERVER_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace packetboat::store {

// The answering side of a long stream. Derived classes take the requests and may answer from any
// thread. Keeps itself alive until gRPC is done with it.
template <typename Request, typename Reply>
class ServerStream : public grpc::ServerBidiReactor<Request, Reply>,
                     public std::enable_shared_from_this<ServerStream<Request, Reply>> {
 public:
  // First, once.
  void Begin() {
    self_ = this->shared_from_this();
    this->StartRead(&request_);
  }

 protected:
  // One after the other. Anything but OK ends the stream with it.
  virtual grpc::Status Take(Request request) = 0;
  // Nothing more comes, nobody hears answers any more.
  virtual void Ended() {}

  // Thread-safe; dropped when the stream has ended.
  void Send(Reply reply) {
    absl::MutexLock lock(&mutex_);
    if (ended_ || ending_) return;
    replies_.push_back(std::move(reply));
    if (replies_.size() == 1) this->StartWrite(&replies_.front());
  }

  // The same, with OK and once every answer has gone out.
  void EndAfterReplies() {
    {
      absl::MutexLock lock(&mutex_);
      if (ended_) return;
      ending_ = true;
      if (!replies_.empty()) return;
    }
    End(grpc::Status::OK);
  }

  // Thread-safe; repeatable, the first counts.
  void End(const grpc::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      if (ended_) return;
      ended_ = true;
    }
    this->Finish(status);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return End(grpc::Status::OK);
    const grpc::Status status = Take(std::move(request_));
    if (!status.ok()) return End(status);
    request_.Clear();
    // Nothing may be started once the stream has ended (End() comes from any thread).
    absl::MutexLock lock(&mutex_);
    if (!ended_) this->StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      replies_.pop_front();
      if (!ok || ended_) return;
      if (!replies_.empty()) return this->StartWrite(&replies_.front());
      if (!ending_) return;
    }
    End(grpc::Status::OK);
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override {
    Ended();
    const std::shared_ptr<ServerStream> self = std::move(self_);
  }

  Request request_;
  std::shared_ptr<ServerStream> self_;  // until OnDone

  absl::Mutex mutex_;
  std::deque<Reply> replies_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;  // once replies_ is empty
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_SERVER_STREAM_H_
