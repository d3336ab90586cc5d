#include "store/service/delivery_service.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "base/log.h"
#include "net/rpc/channel.h"
#include "proto/delivery/delivery.grpc.pb.h"
#include "proto/store/entry.pb.h"
#include "store/intake/body_upload.h"
#include "store/model/limits.h"

namespace packetboat::store {
namespace {

using rpc::delivery::DeliverBegin;
using rpc::delivery::DeliverRefusal;
using rpc::delivery::DeliverReply;
using rpc::delivery::DeliverRequest;
using rpc::delivery::DeliverResult;
using rpc::delivery::RecipientResult;

// Transactions of one stream that are under way at a time; more are a caller gone wild.
constexpr size_t kMaxTransactionsPerStream = 10'000;
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
DeliverRefusal RefusalFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return Refusal(DeliverRefusal::NOT_LEADER, status.message());
    case absl::StatusCode::kResourceExhausted:
      return Refusal(DeliverRefusal::NO_SPACE, status.message());
    case absl::StatusCode::kInvalidArgument:
      return Refusal(DeliverRefusal::MALFORMED, status.message());
    default:
      return Refusal(DeliverRefusal::UNKNOWN, status.message());
  }
}

DeliverRefusal RefusalFor(const entry::Result& result) {
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

// The long stream of one MX. Deletes itself when gRPC is done with it and nothing refers to it any
// more.
class DeliverStream : public grpc::ServerBidiReactor<DeliverRequest, DeliverReply>,
                      public std::enable_shared_from_this<DeliverStream> {
 public:
  static DeliverStream* Start(Shards& shards) {
    auto stream = std::make_shared<DeliverStream>(shards);
    stream->self_ = stream;
    stream->StartRead(&stream->request_);
    return stream.get();
  }

  explicit DeliverStream(Shards& shards) : shards_(shards) {}

  void OnReadDone(bool ok) override {
    if (!ok) return End(grpc::Status::OK);
    Take(std::move(request_));
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
    transactions_.clear();
    const std::shared_ptr<DeliverStream> self = std::move(self_);
  }

 private:
  struct Transaction {
    DeliverBegin begin;
    std::unique_ptr<BodyUpload> upload;
  };

  void End(const grpc::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      if (ended_) return;
      ended_ = true;
    }
    Finish(status);
  }

  // Requests come one at a time; transactions_ is touched by their thread alone.
  void Take(DeliverRequest request) {
    const uint64_t id = request.id();
    switch (request.step_case()) {
      case DeliverRequest::kBegin:
        return Begin(id, std::move(*request.mutable_begin()));
      case DeliverRequest::kChunk:
        return Chunk(id, request.chunk().octets());
      case DeliverRequest::kCommit:
        return Commit(id);
      case DeliverRequest::kAbort:
        transactions_.erase(id);
        return;
      default:
        return Refuse(id, Refusal(DeliverRefusal::MALFORMED, "a request without a step"));
    }
  }

  void Begin(uint64_t id, DeliverBegin begin) {
    if (begin.shard() >= shards_.count() || begin.recipients().empty() ||
        transactions_.size() >= kMaxTransactionsPerStream) {
      return Refuse(id, Refusal(DeliverRefusal::MALFORMED, "no such shard, or no recipients"));
    }
    Transaction transaction;
    transaction.upload =
        std::make_unique<BodyUpload>(shards_, ShardId(begin.shard()), begin.body_octets());
    const bool whole = begin.has_body();
    const std::string body = std::move(*begin.mutable_body());
    begin.clear_body();
    transaction.begin = std::move(begin);
    const auto [found, is_new] = transactions_.emplace(id, std::move(transaction));
    if (!is_new) {
      return Refuse(id, Refusal(DeliverRefusal::MALFORMED, "the id is in use"));
    }
    if (!whole) return;
    found->second.upload->Write(body, [](absl::Status) {});
    Commit(id);
  }

  void Chunk(uint64_t id, const std::string& octets) {
    const auto found = transactions_.find(id);
    // Refused meanwhile: the rest of it is on its way still.
    if (found == transactions_.end()) return;
    found->second.upload->Write(octets, [self = shared_from_this(), id](absl::Status status) {
      if (!status.ok()) return self->Refuse(id, RefusalFor(status));
      DeliverReply reply;
      reply.set_id(id);
      reply.mutable_chunk_accepted();
      self->Send(std::move(reply));
    });
  }

  void Commit(uint64_t id) {
    const auto found = transactions_.find(id);
    if (found == transactions_.end()) return;
    auto transaction = std::make_shared<Transaction>(std::move(found->second));
    transactions_.erase(found);
    transaction->upload->Finish(
        NeedsChunks(transaction->begin),
        [self = shared_from_this(), id, transaction](absl::StatusOr<entry::BodySource> body) {
          if (!body.ok()) return self->Refuse(id, RefusalFor(body.status()));
          self->Propose(id, transaction->begin, *std::move(body));
        });
  }

  void Propose(uint64_t id, const DeliverBegin& begin, entry::BodySource body) {
    shards_.Propose(ShardId(begin.shard()), FinalEntry(begin, std::move(body)),
                    [self = shared_from_this(), id,
                     transaction = begin.transaction()](absl::StatusOr<entry::Result> result) {
                      if (!result.ok()) return self->Refuse(id, RefusalFor(result.status()));
                      if (result->outcome() != entry::Result::OK)
                        return self->Refuse(id, RefusalFor(*result));
                      self->LogResult(transaction, result->deliver());
                      DeliverReply reply;
                      reply.set_id(id);
                      *reply.mutable_result() = ToProto(result->deliver());
                      self->Send(std::move(reply));
                    });
  }

  void LogResult(const std::string& transaction, const entry::DeliverResult& result) const {
    for (const entry::DeliverResult::One& one : result.recipients()) {
      log::Info("delivered", {{"id", transaction},
                              {"outcome", entry::DeliverResult::One::Outcome_Name(one.outcome())},
                              {"mailbox", one.mailbox()},
                              {"uid", one.uid()}});
    }
  }

  void Refuse(uint64_t id, DeliverRefusal refusal) {
    DeliverReply reply;
    reply.set_id(id);
    *reply.mutable_refusal() = std::move(refusal);
    Send(std::move(reply));
  }

  // From any thread.
  void Send(DeliverReply reply) {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    replies_.push_back(std::move(reply));
    if (replies_.size() == 1) StartWrite(&replies_.front());
  }

  Shards& shards_;
  DeliverRequest request_;
  std::map<uint64_t, Transaction> transactions_;
  std::shared_ptr<DeliverStream> self_;

  absl::Mutex mutex_;
  std::deque<DeliverReply> replies_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

class Service : public rpc::delivery::Delivery::CallbackService {
 public:
  explicit Service(store::Shards& shards) : shards_(shards) {}

  grpc::ServerBidiReactor<DeliverRequest, DeliverReply>* Deliver(
      grpc::CallbackServerContext*) override {
    return DeliverStream::Start(shards_);
  }

  grpc::ServerUnaryReactor* ForgetKeys(grpc::CallbackServerContext* context,
                                       const rpc::delivery::ForgetKeysRequest* request,
                                       rpc::delivery::ForgetKeysReply*) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    entry::Entry entry;
    entry.set_version(model::kEntryVersion);
    for (const auto& key : request->keys()) {
      entry::ForgetKeys::Key& out = *entry.mutable_forget_keys()->add_keys();
      out.set_account(key.account_id());
      out.set_delivery_key(key.delivery_key());
    }
    shards_.Propose(ShardId(request->shard()), entry,
                    [reactor](absl::StatusOr<entry::Result> result) {
                      reactor->Finish(rpc::ToGrpc(result.status()));
                    });
    return reactor;
  }

  grpc::ServerUnaryReactor* Shards(grpc::CallbackServerContext* context,
                                   const rpc::delivery::ShardsRequest*,
                                   rpc::delivery::ShardsReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    for (uint32_t i = 0; i < shards_.count(); ++i) {
      const replication::GroupStatus status = shards_.group(ShardId(i)).status();
      rpc::delivery::ShardsReply::Shard& shard = *reply->add_shards();
      shard.set_shard(i);
      shard.set_leads(status.role == replication::Role::kLeader && status.health.ok());
    }
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  store::Shards& shards_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDeliveryService(Shards& shards) {
  return std::make_unique<Service>(shards);
}

}  // namespace packetboat::store
