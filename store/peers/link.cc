#include "store/peers/link.h"

#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "net/rpc/credentials.h"

namespace packetboat::store {

using rpc::replication::ExchangeReply;
using rpc::replication::ExchangeRequest;

Link::Link(Options options, Stub& stub, net::EventLoop& loop, const Members& members)
    : options_(std::move(options)), stub_(stub), loop_(loop), members_(members) {}

void Link::Start() { Open(); }

void Link::Stop() {
  std::shared_ptr<Stream> stream;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    stream = stream_;
  }
  if (stream != nullptr) stream->Cancel();
  stream = nullptr;
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](bool* open) { return !*open; }, &open_));
}

void Link::Send(std::string frame) {
  std::shared_ptr<Stream> stream;
  {
    absl::MutexLock lock(&mutex_);
    if (peer() == NodeId(0) || frame.size() > kMaxFrameBytes ||
        queued_bytes_ + frame.size() > options_.max_queued_bytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queued_bytes_ += frame.size();
    frames_.push_back(std::move(frame));
    stream = stream_;
  }
  if (stream != nullptr) stream->Wake();
}

size_t Link::queued_bytes() const {
  absl::MutexLock lock(&mutex_);
  return queued_bytes_;
}

absl::Status Link::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

void Link::Open() {
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return;
    open_ = true;
    hello_sent_ = false;
  }
  const auto self = shared_from_this();
  std::shared_ptr<Stream> stream = Stream::Open(
      {.next = [self] { return self->Next(); },
       .on_reply = [self](Stream& stream,
                          const ExchangeReply& reply) { self->Greeted(stream, reply); },
       .on_end = [self](absl::Status why) { self->Ended(std::move(why)); }},
      [&](auto* context, auto* reactor) { stub_.async()->Exchange(context, reactor); });
  {
    absl::MutexLock lock(&mutex_);
    if (open_) stream_ = stream;
    if (stopped_) stream->Cancel();
  }
  // Frames may have come since the greeting.
  stream->Wake();
}

std::optional<ExchangeRequest> Link::Next() {
  absl::MutexLock lock(&mutex_);
  ExchangeRequest request;
  if (!hello_sent_) {
    hello_sent_ = true;
    request.mutable_hello()->set_node_id(options_.self.value());
    return request;
  }
  if (frames_.empty()) return std::nullopt;
  for (size_t bytes = 0; !frames_.empty();) {
    bytes += frames_.front().size();
    if (bytes > kMaxFrameBytes) break;
    queued_bytes_ -= frames_.front().size();
    request.add_frames(std::move(frames_.front()));
    frames_.pop_front();
  }
  return request;
}

void Link::Greeted(Stream& stream, const ExchangeReply& reply) {
  const absl::StatusOr<NodeId> peer =
      Judge(rpc::PeerOf(stream.context()), NodeId(reply.hello().node_id()));
  absl::MutexLock lock(&mutex_);
  if (!peer.ok()) {
    refusal_ = peer.status();
    stream.Cancel();
  } else if (*peer == options_.self) {
    is_self_ = true;
    stream.Cancel();
  } else {
    refusal_ = status_ = absl::OkStatus();
    peer_.store(peer->value(), std::memory_order_release);
    log::Info("peer connected", {{"peer", members_.Find(*peer)->name}, {"address", address()}});
  }
}

absl::StatusOr<NodeId> Link::Judge(const rpc::Identity& holder, NodeId claimed) const {
  if (claimed == options_.self) return claimed;
  RETURN_IF_ERROR(CheckSpeaker(members_, holder.node, claimed));
  return claimed;
}

void Link::Ended(absl::Status why) {
  absl::MutexLock lock(&mutex_);
  open_ = false;
  stream_ = nullptr;
  frames_.clear();
  queued_bytes_ = 0;
  if (why.ok()) why = absl::UnavailableError("the peer ended the stream");
  if (!refusal_.ok()) why = refusal_;
  if (why != status_ && !stopped_ && !is_self_) {
    const auto say = status_.ok() || !refusal_.ok() ? log::Warning : log::Info;
    say("no stream to a peer", {{"address", address()}, {"status", why}});
  }
  status_ = std::move(why);
  peer_.store(0, std::memory_order_release);
  if (stopped_ || is_self_) return;
  loop_.RunAfter(options_.reopen_pause, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Open();
  });
}

}  // namespace packetboat::store
