#include "mx/clients/delivery_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/log.h"
#include "mx/clients/replies.h"

namespace packetboat::mx {
namespace {

using rpc::delivery::DeliverRefusal;
using rpc::delivery::DeliverReply;
using rpc::delivery::DeliverRequest;
using rpc::delivery::DeliverResult;
using rpc::delivery::RecipientResult;
using rpc::delivery::ShardsReply;

// A body up to this goes with the first message, and into one log entry together with its trace
// fields.
constexpr uint64_t kInlineBodyBytes = 256 * 1024;
constexpr size_t kChunkBytes = 512 * 1024;

RetryReason ReasonOf(const DeliverRefusal& refusal) {
  switch (refusal.reason()) {
    case DeliverRefusal::NOT_LEADER:
      return RetryReason::kNotLeader;
    case DeliverRefusal::NO_SPACE:
      return RetryReason::kNoSpace;
    case DeliverRefusal::UNAVAILABLE:
      return RetryReason::kUnavailable;
    default:
      return RetryReason::kUnknown;
  }
}

DeliverRequest BeginRequest(uint64_t id, const Delivery& delivery) {
  DeliverRequest request;
  request.set_id(id);
  rpc::delivery::DeliverBegin& begin = *request.mutable_begin();
  begin.set_shard(delivery.shard.value());
  begin.set_transaction(delivery.transaction);
  begin.set_body_octets(delivery.body->size());
  begin.set_received_us(absl::ToUnixMicros(delivery.received));
  for (const DeliveryRecipient& recipient : delivery.recipients) {
    rpc::delivery::DeliverRecipient& out = *begin.add_recipients();
    out.set_account_id(recipient.account.value());
    out.set_prefix(recipient.prefix);
    out.set_delivery_key(recipient.key);
    out.set_mailbox(recipient.mailbox);
  }
  return request;
}

}  // namespace

absl::string_view RetryReasonName(RetryReason reason) {
  switch (reason) {
    case RetryReason::kNotLeader:
      return "not_leader";
    case RetryReason::kUnknown:
      return "unknown";
    case RetryReason::kNoSpace:
      return "no_space";
    case RetryReason::kUnavailable:
      return "unavailable";
    case RetryReason::kStreamBroke:
      return "stream_broke";
    case RetryReason::kLeaderChanged:
      return "leader_changed";
  }
  return "";
}

// A delivery until its outcome is certain or its time is up.
struct DeliveryClient::Pending {
  uint64_t number = 0;
  Delivery delivery;
  absl::Time deadline;
  absl::AnyInvocable<void(absl::StatusOr<std::vector<DeliveryOutcome>>)> done;
  absl::Duration pause;
  // What the client is told if nothing better comes.
  absl::Status outlook = absl::UnavailableError("no certain outcome within commit_wait");
  net::TimerId give_up;
  net::TimerId retry;
  // Until keys of it are gone that are to go.
  bool held = false;
  // A try that may have been carried out, or will be, has no answer.
  bool unsettled = false;
  // The tries that are under way: the id at each store.
  std::map<size_t, uint64_t> attempts;
  std::optional<size_t> answered_by;
};

// One try of it at one store.
struct DeliveryClient::Attempt {
  std::shared_ptr<Pending> pending;
  uint64_t sent = 0;  // octets of the body
  int unacknowledged = 0;
  net::TimerId timer;
};

bool DeliveryClient::IsSent(const Attempt& attempt) {
  return attempt.sent == attempt.pending->delivery.body->size();
}

struct DeliveryClient::Store {
  std::unique_ptr<StoreTransport::Stream> stream;
  std::unique_ptr<StoreTransport::Watch> watch;
  bool watch_told = false;  // anything
  bool asking = false;
  net::TimerId ask;
  absl::Time heard = absl::InfinitePast();  // the last sign of life
  uint64_t last_id = 0;
  std::map<uint64_t, Attempt> attempts;
};

std::shared_ptr<DeliveryClient> DeliveryClient::Create(DeliveryClientOptions options,
                                                       net::EventLoop& loop,
                                                       std::shared_ptr<StoreTransport> transport) {
  return std::shared_ptr<DeliveryClient>(
      new DeliveryClient(std::move(options), loop, std::move(transport)));
}

DeliveryClient::DeliveryClient(DeliveryClientOptions options, net::EventLoop& loop,
                               std::shared_ptr<StoreTransport> transport)
    : options_(std::move(options)),
      loop_(loop),
      transport_(std::move(transport)),
      leaders_(options_.leader_patience),
      stores_(transport_->stores()),
      forgetter_(options_, loop_,
                 [this](ShardId shard, rpc::delivery::ForgetKeysRequest request, auto done) {
                   return SendForgotten(shard, std::move(request), std::move(done));
                 }) {}

DeliveryClient::~DeliveryClient() = default;

void DeliveryClient::Start() {
  for (size_t at = 0; at < stores_.size(); ++at) {
    Watch(at);
    Ask(at);
  }
}

void DeliveryClient::Stop() {
  stopped_ = true;
  forgetter_.Stop();
  for (Store& store : stores_) {
    store.attempts.clear();
    store.stream = nullptr;
    store.watch = nullptr;
  }
  const std::map<uint64_t, std::shared_ptr<Pending>> pending = std::move(pending_);
  for (const auto& [number, one] : pending) {
    one->attempts.clear();
    Finish(one, absl::CancelledError("stopping"));
  }
}

void DeliveryClient::Deliver(
    Delivery delivery, absl::Time deadline,
    absl::AnyInvocable<void(absl::StatusOr<std::vector<DeliveryOutcome>>)> done) {
  auto pending = std::make_shared<Pending>();
  pending->delivery = std::move(delivery);
  pending->deadline = deadline;
  pending->done = std::move(done);
  pending->pause = options_.retry_min;
  loop_.Post([self = shared_from_this(), pending] { self->Accept(pending); });
}

void DeliveryClient::ForgetKey(ShardId shard, AccountId account, std::string key) {
  loop_.Post([self = shared_from_this(), shard, account, key = std::move(key)]() mutable {
    self->QueueForgotten(shard, account, std::move(key));
  });
}

void DeliveryClient::AwaitForgotten(std::vector<std::string> keys,
                                    absl::AnyInvocable<void()> done) {
  loop_.Post([self = shared_from_this(), keys = std::move(keys), done = std::move(done)]() mutable {
    self->forgetter_.WhenGone(keys, std::move(done));
  });
}

bool DeliveryClient::CanDeliver(ShardId shard) const {
  return leaders_.HasLeader(shard, loop_.Now());
}

absl::Status DeliveryClient::status() const {
  if (leaders_.HasAnyLeader(loop_.Now())) return absl::OkStatus();
  return absl::UnavailableError("no store leads any shard");
}

// --- Who leads.

void DeliveryClient::Watch(size_t at) {
  if (stopped_) return;
  stores_[at].watch_told = false;
  stores_[at].watch =
      transport_->WatchShards(at, {.on_news =
                                       [this, at](const ShardsReply& news) {
                                         stores_[at].watch_told = true;
                                         Learn(at, news);
                                       },
                                   .on_end = [this, at](const absl::Status&) { WatchEnded(at); }});
}

void DeliveryClient::WatchEnded(size_t at) {
  stores_[at].watch = nullptr;
  leaders_.GiveUp(at);
  loop_.RunAfter(stores_[at].watch_told ? options_.watch_pause : options_.ask_interval,
                 [self = shared_from_this(), at] { self->Watch(at); });
}

void DeliveryClient::Ask(size_t at) {
  if (stopped_ || stores_[at].asking) return;
  loop_.Cancel(stores_[at].ask);
  stores_[at].asking = true;
  transport_->AskShards(at, options_.ask_timeout,
                        [self = shared_from_this(), at](const absl::StatusOr<ShardsReply>& reply) {
                          self->stores_[at].asking = false;
                          if (!self->stopped_) self->Asked(at, reply);
                        });
}

void DeliveryClient::Asked(size_t at, const absl::StatusOr<ShardsReply>& reply) {
  if (reply.ok()) Learn(at, *reply);
  stores_[at].ask =
      loop_.RunAfter(options_.ask_interval, [self = shared_from_this(), at] { self->Ask(at); });
}

void DeliveryClient::Learn(size_t at, const ShardsReply& reply) {
  stores_[at].heard = loop_.Now();
  for (const ShardsReply::Shard& shard : reply.shards()) Learn(at, shard);
}

void DeliveryClient::Learn(size_t at, const ShardsReply::Shard& one) {
  const ShardId shard(one.shard());
  if (one.leads()) {
    if (leaders_.Claim(shard, at, Term(one.term()), loop_.Now())) Move(shard);
    return;
  }
  leaders_.Disclaim(shard, at, Term(one.term()));
  if (LearnHint(shard, one.leader_hint(), one.term())) Move(shard);
}

bool DeliveryClient::LearnHint(ShardId shard, const std::string& address, uint64_t term) {
  for (size_t at = 0; at < stores_.size(); ++at) {
    if (transport_->address(at) == address) return leaders_.Hearsay(shard, at, Term(term));
  }
  return false;
}

void DeliveryClient::Move(ShardId shard) {
  std::vector<std::shared_ptr<Pending>> waiting;
  for (const auto& [number, pending] : pending_) {
    if (pending->delivery.shard == shard) waiting.push_back(pending);
  }
  for (const auto& pending : waiting) Try(pending);
}

// --- Deliveries.

void DeliveryClient::Accept(const std::shared_ptr<Pending>& pending) {
  pending->number = ++last_pending_;
  if (stopped_) return Finish(pending, absl::CancelledError("stopping"));
  if (stores_.empty()) {
    return Finish(pending, absl::UnavailableError("cluster.stores names no store"));
  }
  pending_.emplace(pending->number, pending);
  pending->give_up = loop_.RunAfter(
      pending->deadline - loop_.Now(),
      [self = shared_from_this(), pending] { self->Finish(pending, pending->outlook); });
  // The same octets were confirmed before: this is another message (SEMANTICS.md s2).
  std::vector<std::string> keys;
  for (const DeliveryRecipient& one : pending->delivery.recipients) keys.push_back(one.key);
  pending->held = true;
  forgetter_.WhenGone(keys, [self = shared_from_this(), pending] {
    pending->held = false;
    self->Try(pending);
  });
}

void DeliveryClient::Try(const std::shared_ptr<Pending>& pending) {
  if (pending_.count(pending->number) == 0 || pending->held) return;
  loop_.Cancel(pending->retry);
  const std::atomic<bool>* const abandoned = pending->delivery.abandoned.get();
  if (abandoned != nullptr && *abandoned) {
    if (pending->attempts.empty()) Finish(pending, absl::CancelledError("nobody waits for it"));
    return;
  }
  const std::optional<size_t> leader = leaders_.LeaderOf(pending->delivery.shard);
  // Nobody is known to lead: who claims to next will be given it.
  if (!leader.has_value() || pending->attempts.count(*leader) > 0) return;
  if (!pending->attempts.empty()) options_.on_retry(RetryReason::kLeaderChanged);
  Store& store = stores_[*leader];
  if (store.stream == nullptr) OpenStream(*leader);
  const uint64_t id = ++store.last_id;
  store.attempts[id].pending = pending;
  pending->attempts[*leader] = id;
  AwaitAnswer(*leader, id);
  Begin(*leader, id);
}

void DeliveryClient::OpenStream(size_t at) {
  stores_[at].stream = transport_->OpenDeliver(
      at, {.on_reply = [this, at](const DeliverReply& reply) { Replied(at, reply); },
           .on_end = [this, at](const absl::Status& why) { StreamEnded(at, why); }});
}

void DeliveryClient::StreamEnded(size_t at, const absl::Status& why) {
  Store& store = stores_[at];
  store.stream = nullptr;
  leaders_.GiveUp(at);
  const std::map<uint64_t, Attempt> attempts = std::move(store.attempts);
  store.attempts.clear();
  if (attempts.empty()) return;
  log::Warning(
      "the stream to a store broke",
      {{"store", transport_->address(at)}, {"under_way", attempts.size()}, {"status", why}});
  for (const auto& [id, attempt] : attempts) {
    loop_.Cancel(attempt.timer);
    attempt.pending->attempts.erase(at);
    // What was not sent to its end was dropped with the stream.
    if (IsSent(attempt)) attempt.pending->unsettled = true;
    RetryLater(attempt.pending, RetryReason::kStreamBroke);
  }
}

void DeliveryClient::Begin(size_t at, uint64_t id) {
  Attempt& attempt = stores_[at].attempts[id];
  const Delivery& delivery = attempt.pending->delivery;
  DeliverRequest request = BeginRequest(id, delivery);
  if (delivery.body->size() > kInlineBodyBytes) {
    stores_[at].stream->Send(std::move(request));
    return SendChunks(at, id);
  }
  absl::StatusOr<std::string> body = delivery.body->Read(0, kInlineBodyBytes);
  if (!body.ok()) return Finish(attempt.pending, body.status());
  request.mutable_begin()->set_body(*std::move(body));
  attempt.sent = delivery.body->size();
  stores_[at].stream->Send(std::move(request));
}

void DeliveryClient::SendChunks(size_t at, uint64_t id) {
  Attempt& attempt = stores_[at].attempts[id];
  StoreTransport::Stream& stream = *stores_[at].stream;
  const BodySource& body = *attempt.pending->delivery.body;
  while (attempt.sent < body.size() && attempt.unacknowledged < options_.unacknowledged_chunks) {
    absl::StatusOr<std::string> octets = body.Read(attempt.sent, kChunkBytes);
    if (!octets.ok()) return Finish(attempt.pending, octets.status());
    attempt.sent += octets->size();
    ++attempt.unacknowledged;
    DeliverRequest request;
    request.set_id(id);
    request.mutable_chunk()->set_octets(*std::move(octets));
    stream.Send(std::move(request));
    if (attempt.sent < body.size()) continue;
    DeliverRequest commit;
    commit.set_id(id);
    commit.mutable_commit();
    stream.Send(std::move(commit));
  }
}

void DeliveryClient::AwaitAnswer(size_t at, uint64_t id) {
  Attempt& attempt = stores_[at].attempts[id];
  loop_.Cancel(attempt.timer);
  attempt.timer = loop_.RunAfter(options_.attempt_timeout,
                                 [self = shared_from_this(), at, id] { self->Unanswered(at, id); });
}

void DeliveryClient::Unanswered(size_t at, uint64_t id) {
  const auto found = stores_[at].attempts.find(id);
  if (found == stores_[at].attempts.end()) return;
  const std::shared_ptr<Pending> pending = found->second.pending;
  AwaitAnswer(at, id);
  // A store that lives is merely slow, and keeps what it has.
  if (loop_.Now() - stores_[at].heard < options_.attempt_timeout) return;
  leaders_.GiveUp(pending->delivery.shard, at);
  Ask(at);
  Try(pending);
}

void DeliveryClient::Replied(size_t at, const DeliverReply& reply) {
  stores_[at].heard = loop_.Now();
  const auto found = stores_[at].attempts.find(reply.id());
  if (found == stores_[at].attempts.end()) return;
  if (reply.has_chunk_accepted()) {
    --found->second.unacknowledged;
    AwaitAnswer(at, reply.id());
    return SendChunks(at, reply.id());
  }
  const std::shared_ptr<Pending> pending = found->second.pending;
  if (reply.has_result()) return Succeeded(pending, at, reply.result());
  Abandon(at, reply.id());
  Refused(pending, at, reply.refusal());
}

void DeliveryClient::Succeeded(const std::shared_ptr<Pending>& pending, size_t at,
                               const DeliverResult& result) {
  leaders_.Heard(pending->delivery.shard, at, loop_.Now());
  pending->answered_by = at;
  if (static_cast<size_t>(result.recipients_size()) != pending->delivery.recipients.size()) {
    return Finish(pending, absl::InternalError("the store answered for other recipients"));
  }
  std::vector<DeliveryOutcome> outcomes;
  for (const RecipientResult& one : result.recipients()) {
    const absl::StatusOr<DeliveryOutcome> outcome = FromProto(one.outcome());
    if (!outcome.ok()) return Finish(pending, outcome.status());
    outcomes.push_back(*outcome);
  }
  Finish(pending, std::move(outcomes));
}

void DeliveryClient::Refused(const std::shared_ptr<Pending>& pending, size_t at,
                             const DeliverRefusal& refusal) {
  const ShardId shard = pending->delivery.shard;
  const RetryReason reason = ReasonOf(refusal);
  if (refusal.reason() == DeliverRefusal::MALFORMED) {
    return Finish(pending, absl::InternalError(refusal.text()));
  }
  if (reason == RetryReason::kNoSpace) {
    // Its client waits, and is not read from (SEMANTICS.md s5).
    pending->outlook = absl::ResourceExhaustedError(refusal.text());
  }
  if (reason == RetryReason::kNotLeader && refusal.term() > 0) {
    leaders_.Disclaim(shard, at, Term(refusal.term()));
    if (LearnHint(shard, refusal.leader_hint(), refusal.term())) {
      options_.on_retry(reason);
      return Move(shard);
    }
  }
  // It lies elsewhere too.
  if (!pending->attempts.empty()) return;
  RetryLater(pending, reason);
}

void DeliveryClient::RetryLater(const std::shared_ptr<Pending>& pending, RetryReason reason) {
  options_.on_retry(reason);
  const absl::Duration pause = pending->pause;
  pending->pause = std::min(2 * pause, options_.retry_max);
  loop_.Cancel(pending->retry);
  pending->retry =
      loop_.RunAfter(pause, [self = shared_from_this(), pending] { self->Try(pending); });
}

void DeliveryClient::Abandon(size_t at, uint64_t id) {
  const auto found = stores_[at].attempts.find(id);
  if (found == stores_[at].attempts.end()) return;
  const Attempt attempt = std::move(found->second);
  stores_[at].attempts.erase(found);
  loop_.Cancel(attempt.timer);
  attempt.pending->attempts.erase(at);
  if (IsSent(attempt)) return;
  if (stores_[at].stream == nullptr) return;
  DeliverRequest abort;
  abort.set_id(id);
  abort.mutable_abort();
  stores_[at].stream->Send(std::move(abort));
}

void DeliveryClient::Finish(std::shared_ptr<Pending> pending,
                            absl::StatusOr<std::vector<DeliveryOutcome>> outcome) {
  pending_.erase(pending->number);
  const std::map<size_t, uint64_t> attempts = pending->attempts;
  for (const auto& [at, id] : attempts) {
    if (pending->answered_by != at && IsSent(stores_[at].attempts.at(id)))
      pending->unsettled = true;
    Abandon(at, id);
  }
  if (pending->unsettled) KeepKeys(pending->delivery);
  loop_.Cancel(pending->give_up);
  loop_.Cancel(pending->retry);
  // The body holds its part of the budget.
  pending->delivery.body = nullptr;
  pending->done(std::move(outcome));
}

// --- Quota.

void DeliveryClient::CheckQuota(const LocalTarget& target, uint64_t octets,
                                absl::AnyInvocable<void(bool)> done) {
  rpc::delivery::CheckQuotaRequest request;
  request.set_shard(target.shard.value());
  request.set_account_id(target.account.value());
  request.set_quota_octets(target.quota_octets);
  request.set_octets(octets);
  loop_.Post([self = shared_from_this(), request = std::move(request),
              done = std::move(done)]() mutable { self->AskQuota(request, std::move(done)); });
}

void DeliveryClient::AskQuota(const rpc::delivery::CheckQuotaRequest& request,
                              absl::AnyInvocable<void(bool)> done) {
  const std::optional<size_t> leader = leaders_.LeaderOf(ShardId(request.shard()));
  if (stopped_ || !leader.has_value()) return done(true);
  transport_->CheckQuota(*leader, options_.quota_timeout, request,
                         [done = std::move(done)](
                             const absl::StatusOr<rpc::delivery::CheckQuotaReply>& reply) mutable {
                           done(!reply.ok() || !reply->exceeded());
                         });
}

// --- Delivery keys that may go.

void DeliveryClient::QueueForgotten(ShardId shard, AccountId account, std::string key) {
  if (kept_.count(key) == 0) forgetter_.Add(shard, account, std::move(key));
}

// A try that is carried out when the key has gone would make a second copy.
void DeliveryClient::KeepKeys(const Delivery& delivery) {
  for (const DeliveryRecipient& one : delivery.recipients) {
    if (!kept_.insert(one.key).second) continue;
    kept_order_.push_back(one.key);
    if (kept_order_.size() <= options_.forget_queue) continue;
    kept_.erase(kept_order_.front());
    kept_order_.pop_front();
  }
}

bool DeliveryClient::SendForgotten(ShardId shard, rpc::delivery::ForgetKeysRequest request,
                                   std::function<void(KeyForgetter::Outcome)> done) {
  const std::optional<size_t> leader = leaders_.LeaderOf(shard);
  if (!leader.has_value()) return false;
  transport_->ForgetKeys(*leader, options_.forget_timeout, std::move(request),
                         [self = shared_from_this(), done = std::move(done)](absl::Status status) {
                           done(status.code() == absl::StatusCode::kFailedPrecondition
                                    ? KeyForgetter::Outcome::kRefused
                                    : KeyForgetter::Outcome::kOver);
                         });
  return true;
}

}  // namespace packetboat::mx
