#include "mx/clients/deliver_stream.h"

#include <utility>

#include "net/rpc/channel.h"

namespace packetboat::mx {

using rpc::delivery::DeliverRequest;

std::shared_ptr<DeliverStream> DeliverStream::Start(rpc::delivery::Delivery::Stub& stub,
                                                    Events events) {
  auto stream = std::shared_ptr<DeliverStream>(new DeliverStream(std::move(events)));
  stream->self_ = stream;
  stub.async()->Deliver(&stream->context_, stream.get());
  // Writes are started from outside of reactions.
  stream->AddHold();
  stream->StartRead(&stream->reply_);
  stream->StartCall();
  return stream;
}

void DeliverStream::Send(DeliverRequest request) {
  absl::MutexLock lock(&mutex_);
  if (ended_) return;
  requests_.push_back(std::move(request));
  if (requests_.size() == 1) StartWrite(&requests_.front());
}

void DeliverStream::Cancel() { context_.TryCancel(); }

void DeliverStream::OnReadDone(bool ok) {
  if (ok) {
    events_.on_reply(std::move(reply_));
    reply_.Clear();
    StartRead(&reply_);
    return;
  }
  // The store is gone or has ended the stream; let go of what Send could still start.
  absl::MutexLock lock(&mutex_);
  if (ended_) return;
  ended_ = true;
  context_.TryCancel();
  RemoveHold();
}

void DeliverStream::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  requests_.pop_front();
  if (!ok || ended_) {
    requests_.clear();
    return;
  }
  if (!requests_.empty()) StartWrite(&requests_.front());
}

void DeliverStream::OnDone(const grpc::Status& status) {
  const std::shared_ptr<DeliverStream> self = std::move(self_);
  absl::Status why = rpc::FromGrpc(status);
  if (why.ok()) why = absl::UnavailableError("the store ended the stream");
  events_.on_end(std::move(why));
}

}  // namespace packetboat::mx
