#ifndef PACKETBOAT_STORE_PEERS_CLIENT_STREAM_H_
#define PACKETBOAT_STORE_PEERS_CLIENT_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "net/rpc/channel.h"

namespace packetboat::store {

// The calling side of a long stream. What goes out is asked for when the stream can take it, one
// message at a time, so that whoever owns the queue also knows what has left it. Keeps itself alive
// until gRPC is done with it. Thread-safe.
template <typename Request, typename Reply>
class ClientStream : public grpc::ClientBidiReactor<Request, Reply> {
 public:
  struct Events {
    // The next message, if there is one. Called with the stream locked: must not call it.
    std::function<std::optional<Request>()> next;
    // From threads of gRPC, one after the other; on_end is the last, with OK if the other side
    // ended the stream in order.
    std::function<void(ClientStream&, Reply)> on_reply;
    std::function<void(absl::Status)> on_end;
  };

  // `start` starts the call on a stub, [&](auto* context, auto* reactor) { stub.async()->... }. It
  // waits for the connection as long as it takes.
  template <typename Start>
  static std::shared_ptr<ClientStream> Open(Events events, Start start) {
    auto stream = std::shared_ptr<ClientStream>(new ClientStream(std::move(events)));
    stream->self_ = stream;
    stream->context_.set_wait_for_ready(true);
    start(&stream->context_, stream.get());
    // Writes are started from outside of reactions.
    stream->AddHold();
    stream->StartRead(&stream->reply_);
    stream->StartCall();
    stream->Wake();
    return stream;
  }

  // There may be something to send.
  void Wake() {
    absl::MutexLock lock(&mutex_);
    if (!writing_) WriteNext();
  }

  void Cancel() { context_.TryCancel(); }

  // In Events::on_reply: who answers.
  const grpc::ClientContext& context() const { return context_; }

 private:
  explicit ClientStream(Events events) : events_(std::move(events)) {}

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = false;
    if (ended_) return;
    std::optional<Request> request = events_.next();
    if (!request.has_value()) return;
    writing_ = true;
    request_ = *std::move(request);
    this->StartWrite(&request_);
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    // Stays "writing" when it failed: nothing more goes out.
    if (ok) WriteNext();
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      events_.on_reply(*this, std::move(reply_));
      reply_.Clear();
      this->StartRead(&reply_);
      return;
    }
    // The peer is gone or has ended the stream; let go of what Wake could still start.
    absl::MutexLock lock(&mutex_);
    ended_ = true;
    context_.TryCancel();
    this->RemoveHold();
  }

  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<ClientStream> self = std::move(self_);
    events_.on_end(rpc::FromGrpc(status));
  }

  const Events events_;
  grpc::ClientContext context_;
  Reply reply_;
  std::shared_ptr<ClientStream> self_;  // until OnDone

  absl::Mutex mutex_;
  Request request_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_CLIENT_STREAM_H_
