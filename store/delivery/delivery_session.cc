#include "store/delivery/delivery_session.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "base/log.h"
#include "proto/store/entry.pb.h"
#include "store/delivery/leadership.h"
#include "store/model/limits.h"

namespace packetboat::store {
namespace {

using rpc::delivery::DeliverBegin;
using rpc::delivery::DeliverRefusal;
using rpc::delivery::DeliverReply;
using rpc::delivery::DeliverRequest;
using rpc::delivery::DeliverResult;
using rpc::delivery::RecipientResult;

// An entry holds besides the body: numbers, keys and names of its recipients.
constexpr size_t kBytesPerRecipient = 256;

DeliverRefusal Refusal(DeliverRefusal::Reason reason, absl::string_view text) {
  DeliverRefusal refusal;
  refusal.set_reason(reason);
  refusal.set_text(std::string(text));
  return refusal;
}

// What a proposal that failed tells the MX. Only what is certain not to have been committed is told
// as such.
DeliverRefusal::Reason ReasonFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return DeliverRefusal::NOT_LEADER;
    case absl::StatusCode::kResourceExhausted:
      return DeliverRefusal::NO_SPACE;
    case absl::StatusCode::kInvalidArgument:
      return DeliverRefusal::MALFORMED;
    default:
      return DeliverRefusal::UNKNOWN;
  }
}

DeliverRefusal RefusalForOutcome(const entry::Result& result) {
  switch (result.outcome()) {
    case entry::Result::MALFORMED:
      return Refusal(DeliverRefusal::MALFORMED, result.detail());
    // The chunks were collected meanwhile: the MX sends them again.
    case entry::Result::BODY_MISSING:
      return Refusal(DeliverRefusal::UNAVAILABLE, "the body is gone");
    default:
      return Refusal(DeliverRefusal::UNAVAILABLE, entry::Result::Outcome_Name(result.outcome()));
  }
}

RecipientResult::Outcome ToProto(entry::DeliverResult::One::Outcome outcome) {
  switch (outcome) {
    case entry::DeliverResult::One::DELIVERED:
      return RecipientResult::DELIVERED;
    case entry::DeliverResult::One::DUPLICATE:
      return RecipientResult::DUPLICATE;
    default:
      return RecipientResult::NO_SUCH_ACCOUNT;
  }
}

DeliverResult ToProto(const entry::DeliverResult& result) {
  DeliverResult out;
  for (const entry::DeliverResult::One& one : result.recipients()) {
    RecipientResult& recipient = *out.add_recipients();
    recipient.set_outcome(ToProto(one.outcome()));
    recipient.set_mailbox_id(one.mailbox());
    recipient.set_uid(one.uid());
    recipient.set_uid_validity(one.uid_validity());
  }
  return out;
}

record::SpecialUse SpecialUseOf(absl::string_view attribute) {
  record::SpecialUse use;
  const std::string name = absl::AsciiStrToUpper(attribute.substr(1));
  return record::SpecialUse_Parse(name, &use) ? use : record::SPECIAL_USE_UNSPECIFIED;
}

entry::Entry FinalEntry(const DeliverBegin& begin, entry::BodySource body) {
  entry::Entry entry;
  entry.set_version(model::kEntryVersion);
  entry::Deliver& deliver = *entry.mutable_deliver();
  *deliver.mutable_body() = std::move(body);
  deliver.set_received_us(begin.received_us());
  for (const auto& recipient : begin.recipients()) {
    entry::Recipient& out = *deliver.add_recipients();
    out.set_account(recipient.account_id());
    out.set_prefix(recipient.prefix());
    out.set_delivery_key(recipient.delivery_key());
    if (absl::StartsWith(recipient.mailbox(), "\\")) {
      out.set_special_use(SpecialUseOf(recipient.mailbox()));
    } else if (!recipient.mailbox().empty()) {
      out.set_name(recipient.mailbox());
    }
  }
  return entry;
}

// Whether body, structure and trace fields could be too much for one entry together.
bool NeedsChunks(const DeliverBegin& begin) {
  size_t bytes = begin.body_octets() + model::kMaxStructureBytes;
  for (const auto& recipient : begin.recipients()) {
    bytes += recipient.prefix().size() + recipient.mailbox().size() + kBytesPerRecipient;
  }
  return bytes > model::kMaxEntryBytes;
}

void LogResult(const std::string& transaction, const entry::DeliverResult& result) {
  for (const entry::DeliverResult::One& one : result.recipients()) {
    log::Info("delivered", {{"id", transaction},
                            {"outcome", entry::DeliverResult::One::Outcome_Name(one.outcome())},
                            {"mailbox", one.mailbox()},
                            {"uid", one.uid()}});
  }
}

}  // namespace

std::shared_ptr<DeliverySession> DeliverySession::Start(
    Shards& shards, DeliveryLimits limits, ReplyCallback reply,
    std::shared_ptr<UploadAdmission> admission) {
  return std::shared_ptr<DeliverySession>(
      new DeliverySession(shards, limits, std::move(reply), std::move(admission)));
}

DeliverySession::DeliverySession(Shards& shards, DeliveryLimits limits, ReplyCallback reply,
                                 std::shared_ptr<UploadAdmission> admission)
    : shards_(shards),
      limits_(limits),
      admission_(std::move(admission)),
      reply_(std::move(reply)) {}

void DeliverySession::Take(DeliverRequest request) {
  const uint64_t id = request.id();
  switch (request.step_case()) {
    case DeliverRequest::kBegin:
      return Begin(id, std::move(*request.mutable_begin()));
    case DeliverRequest::kChunk:
      return Chunk(id, request.chunk().octets());
    case DeliverRequest::kCommit:
      return Commit(id);
    case DeliverRequest::kAbort:
      Remove(id);
      return;
    default:
      return Refuse(id, Refusal(DeliverRefusal::MALFORMED, "a request without a step"));
  }
}

void DeliverySession::End() {
  {
    absl::MutexLock lock(&reply_mutex_);
    reply_ = nullptr;
  }
  absl::MutexLock lock(&mutex_);
  transactions_.clear();
}

void DeliverySession::Begin(uint64_t id, DeliverBegin begin) {
  if (begin.shard() >= shards_.count() || begin.recipients().empty()) {
    return Refuse(id, Refusal(DeliverRefusal::MALFORMED, "no such shard, or no recipients"));
  }
  const ShardId shard(begin.shard());
  auto transaction = std::make_shared<Transaction>();
  if (admission_ != nullptr && begin.body_octets() > BodyUpload::kInlineBytes) {
    transaction->ticket = admission_->Admit(shard, begin.body_octets());
    if (!transaction->ticket.has_value()) {
      return Refuse(id, Refusal(DeliverRefusal::NO_SPACE, "too many bodies on their way"));
    }
  }
  transaction->upload =
      std::make_unique<BodyUpload>(shards_, shard, begin.body_octets(), Route::kHere, admission_);
  const bool whole = begin.has_body();
  const std::string body = std::move(*begin.mutable_body());
  begin.clear_body();
  transaction->begin = std::move(begin);
  if (std::optional<DeliverRefusal> refusal = Admit(id, transaction); refusal.has_value()) {
    return Refuse(id, *std::move(refusal));
  }
  if (!whole) return;
  transaction->upload->Write(body, [](absl::Status) {});
  Commit(id);
}

std::optional<DeliverRefusal> DeliverySession::Admit(uint64_t id,
                                                     std::shared_ptr<Transaction> transaction) {
  absl::MutexLock lock(&mutex_);
  if (transactions_.size() >= limits_.transactions_per_stream) {
    return Refusal(DeliverRefusal::MALFORMED, "too many transactions");
  }
  if (!transactions_.emplace(id, std::move(transaction)).second) {
    return Refusal(DeliverRefusal::MALFORMED, "the id is in use");
  }
  return std::nullopt;
}

void DeliverySession::Chunk(uint64_t id, const std::string& octets) {
  const std::shared_ptr<Transaction> transaction = TakeChunk(id);
  // Refused meanwhile: the rest of it is on its way still.
  if (transaction == nullptr) return;
  if (octets.size() > model::kMaxChunkBytes) {
    Remove(id);
    return Refuse(id, Refusal(DeliverRefusal::MALFORMED, "the chunk is too large"));
  }
  const ShardId shard(transaction->begin.shard());
  transaction->upload->Write(octets, [self = shared_from_this(), id, shard](absl::Status status) {
    self->ChunkDone(id, shard, status);
  });
}

std::shared_ptr<DeliverySession::Transaction> DeliverySession::TakeChunk(uint64_t id) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = transactions_.find(id);
    if (found == transactions_.end()) return nullptr;
    if (++found->second->unacknowledged <= limits_.unacknowledged_chunks) return found->second;
  }
  Remove(id);
  Refuse(id, Refusal(DeliverRefusal::MALFORMED, "more chunks than may be unacknowledged"));
  return nullptr;
}

void DeliverySession::ChunkDone(uint64_t id, ShardId shard, const absl::Status& status) {
  if (status.ok()) return ChunkAccepted(id);
  // Of a body that is complete the outcome is told by its end.
  if (Remove(id) != nullptr) Refuse(id, RefusalFor(shard, status));
}

void DeliverySession::ChunkAccepted(uint64_t id) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = transactions_.find(id);
    if (found != transactions_.end()) --found->second->unacknowledged;
  }
  DeliverReply reply;
  reply.set_id(id);
  reply.mutable_chunk_accepted();
  Reply(std::move(reply));
}

void DeliverySession::Commit(uint64_t id) {
  const std::shared_ptr<Transaction> transaction = Remove(id);
  if (transaction == nullptr) return;
  transaction->upload->Finish(
      NeedsChunks(transaction->begin),
      [self = shared_from_this(), id, transaction](absl::StatusOr<entry::BodySource> body) {
        if (body.ok()) return self->Propose(id, transaction->begin, *std::move(body));
        self->Refuse(id, self->RefusalFor(ShardId(transaction->begin.shard()), body.status()));
      });
}

void DeliverySession::Propose(uint64_t id, const DeliverBegin& begin, entry::BodySource body) {
  const ShardId shard(begin.shard());
  shards_.Propose(shard, FinalEntry(begin, std::move(body)),
                  [self = shared_from_this(), id, shard,
                   transaction = begin.transaction()](absl::StatusOr<entry::Result> result) {
                    if (!result.ok()) {
                      return self->Refuse(id, self->RefusalFor(shard, result.status()));
                    }
                    if (result->outcome() != entry::Result::OK) {
                      return self->Refuse(id, RefusalForOutcome(*result));
                    }
                    LogResult(transaction, result->deliver());
                    DeliverReply reply;
                    reply.set_id(id);
                    *reply.mutable_result() = ToProto(result->deliver());
                    self->Reply(std::move(reply));
                  });
}

std::shared_ptr<DeliverySession::Transaction> DeliverySession::Remove(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  const auto found = transactions_.find(id);
  if (found == transactions_.end()) return nullptr;
  std::shared_ptr<Transaction> transaction = std::move(found->second);
  transactions_.erase(found);
  return transaction;
}

DeliverRefusal DeliverySession::RefusalFor(ShardId shard, const absl::Status& status) const {
  DeliverRefusal refusal = Refusal(ReasonFor(status), status.message());
  if (refusal.reason() != DeliverRefusal::NOT_LEADER) return refusal;
  const replication::GroupStatus group = shards_.group(shard).status();
  // It may have been elected since: then this says nothing about the term that it is in now.
  if (Leads(group)) return refusal;
  refusal.set_leader_hint(shards_.LeaderAddress(shard));
  refusal.set_term(group.term.value());
  return refusal;
}

void DeliverySession::Refuse(uint64_t id, DeliverRefusal refusal) {
  DeliverReply reply;
  reply.set_id(id);
  *reply.mutable_refusal() = std::move(refusal);
  Reply(std::move(reply));
}

void DeliverySession::Reply(DeliverReply reply) {
  absl::MutexLock lock(&reply_mutex_);
  if (reply_ != nullptr) reply_(std::move(reply));
}

}  // namespace packetboat::store
