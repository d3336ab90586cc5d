#include "store/peers/proposals.h"

#include <utility>

#include "absl/status/status.h"

namespace packetboat::store {
namespace {

using rpc::replication::ProposeReply;
using rpc::replication::ProposeRequest;
using rpc::replication::Refused;

absl::Status ToStatus(const Refused& refused) {
  switch (refused.reason()) {
    case Refused::NOT_LEADER:
      return absl::UnavailableError(refused.text());
    case Refused::NO_SPACE:
      return absl::ResourceExhaustedError(refused.text());
    case Refused::MALFORMED:
      return absl::InvalidArgumentError(refused.text());
    default:
      return absl::UnknownError(refused.text());
  }
}

}  // namespace

void Proposals::Propose(ShardId shard, std::string command, RemoteProposals::Callback done) {
  absl::Status refusal;
  std::shared_ptr<Stream> stream;
  bool open = false;
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) {
      refusal = absl::UnavailableError("the store is stopping");
    } else if (bytes_ + command.size() > max_bytes_) {
      refusal = absl::ResourceExhaustedError("too much is on its way to the leader");
    } else {
      ProposeRequest& request = queue_.emplace_back();
      request.set_id(++last_id_);
      request.set_shard(shard.value());
      bytes_ += command.size();
      pending_.emplace(last_id_, Pending{command.size(), false, std::move(done)});
      request.set_command(std::move(command));
      stream = stream_;
      open = !std::exchange(open_, true);
    }
  }
  if (!refusal.ok()) {
    return loop_.Post([done = std::move(done), refusal]() mutable { done(refusal, std::nullopt); });
  }
  if (open) return Open();
  if (stream != nullptr) stream->Wake();
}

void Proposals::Open() {
  const auto self = shared_from_this();
  std::shared_ptr<Stream> stream = Stream::Open(
      {.next = [self] { return self->Next(); },
       .on_reply = [self](Stream&, const ProposeReply& reply) { self->Answered(reply); },
       .on_end = [self](absl::Status) { self->Ended(); }},
      [&](auto* context, auto* reactor) { stub_.async()->Propose(context, reactor); });
  {
    absl::MutexLock lock(&mutex_);
    if (open_) stream_ = stream;
    if (closed_) stream->Cancel();
  }
  // More may have come while it was opened.
  stream->Wake();
}

std::optional<ProposeRequest> Proposals::Next() {
  absl::MutexLock lock(&mutex_);
  if (queue_.empty()) return std::nullopt;
  ProposeRequest request = std::move(queue_.front());
  queue_.pop_front();
  pending_.at(request.id()).sent = true;
  return request;
}

void Proposals::Answered(const ProposeReply& reply) {
  RemoteProposals::Callback done;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = pending_.find(reply.id());
    if (found == pending_.end()) return;
    bytes_ -= found->second.bytes;
    done = std::move(found->second.done);
    pending_.erase(found);
  }
  if (!reply.has_applied()) {
    std::optional<NodeId> leader;
    if (reply.refused().leader() != 0) leader = NodeId(reply.refused().leader());
    return done(ToStatus(reply.refused()), leader);
  }
  done(replication::ApplyResult{RaftIndex(reply.applied().index()),
                                absl::FromUnixMicros(reply.applied().log_time_us()),
                                reply.applied().result()},
       std::nullopt);
}

void Proposals::Ended() {
  bool reopen = false;
  for (bool idle = false; !idle;) {
    FailPending();
    absl::MutexLock lock(&mutex_);
    // What came meanwhile goes out anew, unless nothing may any more.
    idle = pending_.empty() || !closed_;
    // Close() waits for the callbacks.
    if (idle) open_ = reopen = !pending_.empty();
  }
  if (reopen) Open();
}

void Proposals::FailPending() {
  std::map<uint64_t, Pending> pending;
  {
    absl::MutexLock lock(&mutex_);
    pending = std::exchange(pending_, {});
    queue_.clear();
    bytes_ = 0;
    stream_ = nullptr;
  }
  for (auto& [id, one] : pending) {
    one.done(one.sent ? absl::UnknownError("the connection to the leader broke")
                      : absl::UnavailableError("the leader is gone"),
             std::nullopt);
  }
}

void Proposals::Close() {
  std::shared_ptr<Stream> stream;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    stream = stream_;
  }
  if (stream != nullptr) stream->Cancel();
  stream = nullptr;
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](bool* open) { return !*open; }, &open_));
}

}  // namespace packetboat::store
