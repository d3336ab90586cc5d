#include "mx/clients/store_client.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "base/log.h"
#include "mx/clients/deliver_stream.h"
#include "mx/clients/replies.h"
#include "net/rpc/channel.h"
#include "proto/delivery/delivery.grpc.pb.h"

namespace packetboat::mx {
namespace {

using rpc::delivery::DeliverRefusal;
using rpc::delivery::DeliverReply;
using rpc::delivery::DeliverRequest;
using rpc::delivery::RecipientResult;

// A body up to this goes with the first message, and into one log entry together with its trace
// fields.
constexpr uint64_t kInlineBodyBytes = 256 * 1024;
constexpr size_t kChunkBytes = 512 * 1024;
// `deliver_chunks_unacknowledged` of the protocol.
constexpr int kUnacknowledgedChunks = 4;

constexpr absl::Duration kRetryMin = absl::Milliseconds(20);
constexpr absl::Duration kRetryMax = absl::Seconds(1);

// How often the stores are asked what they lead, and how long an answer counts.
constexpr absl::Duration kPollInterval = absl::Milliseconds(500);
constexpr absl::Duration kPollTimeout = absl::Seconds(2);
constexpr absl::Duration kLeaderFresh = absl::Seconds(4);

constexpr size_t kForgetBatch = 1000;
constexpr absl::Duration kForgetInterval = absl::Seconds(2);
// Keys that wait to be forgotten; beyond, they live out their window.
constexpr size_t kForgetQueue = 100'000;

using DeliverCallback = absl::AnyInvocable<void(absl::StatusOr<std::vector<DeliveryOutcome>>)>;

// A delivery until its outcome is certain or its time is up.
struct Pending {
  Delivery delivery;
  absl::Time deadline;
  DeliverCallback done;
  absl::Duration pause = kRetryMin;
  // What the client is told if nothing better comes.
  absl::Status outlook = absl::UnavailableError("no certain outcome within commit_wait");
  net::TimerId timer;
  bool finished = false;
};

// One try of it at one store.
struct Attempt {
  std::shared_ptr<Pending> pending;
  uint64_t sent = 0;  // octets of the body
  int unacknowledged = 0;
};

struct Store {
  std::string address;
  std::unique_ptr<rpc::delivery::Delivery::Stub> stub;
  std::shared_ptr<DeliverStream> stream;
  uint64_t stream_number = 0;                 // events of earlier streams are stale
  std::shared_ptr<grpc::ClientContext> poll;  // while one is under way
  uint64_t last_id = 0;
  std::map<uint64_t, Attempt> attempts;
};

// Everything but what is marked lives on the loop.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(StoreClientOptions options, net::EventLoop& loop)
      : options_(std::move(options)), loop_(loop) {
    for (const std::string& address : options_.addresses) {
      Store store;
      store.address = address;
      store.stub = rpc::delivery::Delivery::NewStub(
          rpc::OpenChannel(address, options_.tls, options_.cluster, rpc::Role::kStore));
      stores_.push_back(std::move(store));
    }
  }

  void Start() {
    for (size_t i = 0; i < stores_.size(); ++i) Poll(i);
  }

  void Deliver(Delivery delivery, absl::Time deadline, DeliverCallback done) {
    auto pending = std::make_shared<Pending>();
    pending->delivery = std::move(delivery);
    pending->deadline = deadline;
    pending->done = std::move(done);
    if (stopped_) return Finish(*pending, absl::CancelledError("stopping"));
    if (stores_.empty()) {
      return Finish(*pending, absl::UnavailableError("cluster.stores names no store"));
    }
    pending_.insert(pending);
    pending->timer = loop_.RunAfter(
        deadline - loop_.Now(), [this, self = shared_from_this(), pending] { GiveUp(pending); });
    Try(pending);
  }

  void ForgetKey(ShardId shard, AccountId account, std::string key) {
    if (stopped_ || forgotten_count_ >= kForgetQueue) return;
    if (forgotten_count_++ == 0) {
      loop_.RunAfter(kForgetInterval, [this, self = shared_from_this()] { FlushForgotten(); });
    }
    forgotten_[shard].push_back({account, std::move(key)});
  }

  void Stop() {
    stopped_ = true;
    for (Store& store : stores_) {
      store.attempts.clear();
      if (store.stream != nullptr) store.stream->Cancel();
      if (store.poll != nullptr) store.poll->TryCancel();
    }
    const std::set<std::shared_ptr<Pending>> pending = std::move(pending_);
    for (const auto& one : pending) Finish(*one, absl::CancelledError("stopping"));
  }

  // After Stop, not from the loop: when this returns no thread of gRPC comes to the loop any more.
  void AwaitCalls() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* calls) { return *calls == 0; }, &calls_));
  }

  // From any thread.
  bool CanDeliver(ShardId shard) const {
    const absl::Time now = loop_.Now();
    absl::MutexLock lock(&mutex_);
    const auto found = leaders_.find(shard);
    return found != leaders_.end() && now - found->second.heard < kLeaderFresh;
  }

  // From any thread.
  absl::Status status() const {
    const absl::Time now = loop_.Now();
    absl::MutexLock lock(&mutex_);
    for (const auto& [shard, leader] : leaders_) {
      if (now - leader.heard < kLeaderFresh) return absl::OkStatus();
    }
    return absl::UnavailableError("no store leads any shard");
  }

 private:
  struct Leader {
    size_t store = 0;
    absl::Time heard = absl::InfinitePast();
  };

  // Calls and streams whose callbacks come to the loop.
  void Began() {
    absl::MutexLock lock(&mutex_);
    ++calls_;
  }

  void Ended() {
    absl::MutexLock lock(&mutex_);
    --calls_;
  }

  // --- Who leads.

  size_t LeaderOf(ShardId shard) const {
    absl::MutexLock lock(&mutex_);
    const auto found = leaders_.find(shard);
    return found == leaders_.end() ? 0 : found->second.store;
  }

  void SetLeader(ShardId shard, size_t store, absl::Time heard) {
    absl::MutexLock lock(&mutex_);
    leaders_[shard] = {store, heard};
  }

  // A store said that it does not lead: go where it points, or to the next.
  void NotLeader(ShardId shard, size_t store, const std::string& hint) {
    size_t next = (store + 1) % stores_.size();
    for (size_t i = 0; i < stores_.size(); ++i) {
      if (i != store && stores_[i].address == hint) next = i;
    }
    if (LeaderOf(shard) == store) SetLeader(shard, next, absl::InfinitePast());
  }

  void Poll(size_t at) {
    struct Call {
      grpc::ClientContext context;
      rpc::delivery::ShardsRequest request;
      rpc::delivery::ShardsReply reply;
    };
    auto call = std::make_shared<Call>();
    rpc::SetTimeout(call->context, kPollTimeout);
    Began();
    stores_[at].poll = std::shared_ptr<grpc::ClientContext>(call, &call->context);
    stores_[at].stub->async()->Shards(&call->context, &call->request, &call->reply,
                                      [self = shared_from_this(), call, at](grpc::Status status) {
                                        self->loop_.Post([self, call, at, ok = status.ok()] {
                                          self->stores_[at].poll = nullptr;
                                          if (ok) self->Polled(at, call->reply);
                                          if (self->stopped_) return;
                                          self->loop_.RunAfter(kPollInterval, [self, at] {
                                            if (!self->stopped_) self->Poll(at);
                                          });
                                        });
                                        self->Ended();
                                      });
  }

  void Polled(size_t at, const rpc::delivery::ShardsReply& reply) {
    for (const auto& shard : reply.shards()) {
      if (shard.leads()) SetLeader(ShardId(shard.shard()), at, loop_.Now());
    }
  }

  // --- Deliveries.

  void Try(const std::shared_ptr<Pending>& pending) {
    if (pending->finished) return;
    const size_t at = LeaderOf(pending->delivery.shard);
    Store& store = stores_[at];
    if (store.stream == nullptr) OpenStream(at);
    const uint64_t id = ++store.last_id;
    Attempt& attempt = store.attempts[id];
    attempt.pending = pending;
    Begin(store, id, attempt);
  }

  void OpenStream(size_t at) {
    Store& store = stores_[at];
    const uint64_t number = ++store.stream_number;
    Began();
    store.stream = DeliverStream::Start(
        *store.stub, {.on_reply =
                          [self = shared_from_this(), at, number](DeliverReply reply) {
                            self->loop_.Post([self, at, number, reply = std::move(reply)] {
                              if (self->stores_[at].stream_number == number)
                                self->Replied(at, reply);
                            });
                          },
                      .on_end =
                          [self = shared_from_this(), at, number](absl::Status why) {
                            self->loop_.Post([self, at, number, why = std::move(why)] {
                              if (self->stores_[at].stream_number == number)
                                self->StreamEnded(at, why);
                            });
                            self->Ended();
                          }});
  }

  void StreamEnded(size_t at, const absl::Status& why) {
    Store& store = stores_[at];
    store.stream = nullptr;
    if (stopped_) return;
    if (!store.attempts.empty()) {
      log::Warning(
          "the stream to a store broke",
          {{"store", store.address}, {"under_way", store.attempts.size()}, {"status", why}});
    }
    std::map<uint64_t, Attempt> attempts = std::move(store.attempts);
    store.attempts.clear();
    for (auto& [id, attempt] : attempts) {
      NotLeader(attempt.pending->delivery.shard, at, "");
      RetryLater(attempt.pending);
    }
  }

  void Begin(Store& store, uint64_t id, Attempt& attempt) {
    const Delivery& delivery = attempt.pending->delivery;
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
    if (delivery.body->size() > kInlineBodyBytes) {
      store.stream->Send(std::move(request));
      SendChunks(store, id, attempt);
      return;
    }
    absl::StatusOr<std::string> body = delivery.body->Read(0, kInlineBodyBytes);
    if (!body.ok()) return FailAttempt(store, id, body.status());
    begin.set_body(*std::move(body));
    attempt.sent = delivery.body->size();
    store.stream->Send(std::move(request));
  }

  void SendChunks(Store& store, uint64_t id, Attempt& attempt) {
    const BodySource& body = *attempt.pending->delivery.body;
    while (attempt.sent < body.size() && attempt.unacknowledged < kUnacknowledgedChunks) {
      absl::StatusOr<std::string> octets = body.Read(attempt.sent, kChunkBytes);
      if (!octets.ok()) return FailAttempt(store, id, octets.status());
      attempt.sent += octets->size();
      ++attempt.unacknowledged;
      DeliverRequest request;
      request.set_id(id);
      request.mutable_chunk()->set_octets(*std::move(octets));
      store.stream->Send(std::move(request));
      if (attempt.sent < body.size()) continue;
      DeliverRequest commit;
      commit.set_id(id);
      commit.mutable_commit();
      store.stream->Send(std::move(commit));
    }
  }

  void Replied(size_t at, const DeliverReply& reply) {
    Store& store = stores_[at];
    const auto found = store.attempts.find(reply.id());
    if (found == store.attempts.end()) return;
    if (reply.has_chunk_accepted()) {
      --found->second.unacknowledged;
      SendChunks(store, reply.id(), found->second);
      return;
    }
    const std::shared_ptr<Pending> pending = found->second.pending;
    if (reply.has_result()) {
      store.attempts.erase(found);
      Succeeded(pending, at, reply.result());
    } else {
      Abandon(store, reply.id(), Attempt(found->second));
      Refused(pending, at, reply.refusal());
    }
  }

  void Succeeded(const std::shared_ptr<Pending>& pending, size_t at,
                 const rpc::delivery::DeliverResult& result) {
    SetLeader(pending->delivery.shard, at, loop_.Now());
    if (static_cast<size_t>(result.recipients_size()) != pending->delivery.recipients.size()) {
      return Finish(*pending, absl::InternalError("the store answered for other recipients"));
    }
    std::vector<DeliveryOutcome> outcomes;
    for (const RecipientResult& one : result.recipients()) {
      const absl::StatusOr<DeliveryOutcome> outcome = FromProto(one.outcome());
      if (!outcome.ok()) return Finish(*pending, outcome.status());
      outcomes.push_back(*outcome);
    }
    Finish(*pending, std::move(outcomes));
  }

  void Refused(const std::shared_ptr<Pending>& pending, size_t at, const DeliverRefusal& refusal) {
    switch (refusal.reason()) {
      case DeliverRefusal::NO_SPACE:
        // Too much is in flight to the shard: its client waits, and is not read from (SEMANTICS.md
        // s5).
        pending->outlook = absl::ResourceExhaustedError(refusal.text());
        break;
      case DeliverRefusal::MALFORMED:
        return Finish(*pending, absl::InternalError(refusal.text()));
      case DeliverRefusal::NOT_LEADER:
        NotLeader(pending->delivery.shard, at, refusal.leader_hint());
        break;
      default:
        break;
    }
    RetryLater(pending);
  }

  void FailAttempt(Store& store, uint64_t id, const absl::Status& status) {
    const std::shared_ptr<Pending> pending = store.attempts[id].pending;
    Abandon(store, id, Attempt(store.attempts[id]));
    Finish(*pending, status);
  }

  // Forgets a try, and tells the store to if that still waits for the rest of the body.
  void Abandon(Store& store, uint64_t id, const Attempt& attempt) {
    if (store.stream != nullptr && attempt.sent < attempt.pending->delivery.body->size()) {
      DeliverRequest abort;
      abort.set_id(id);
      abort.mutable_abort();
      store.stream->Send(std::move(abort));
    }
    store.attempts.erase(id);
  }

  void RetryLater(const std::shared_ptr<Pending>& pending) {
    const absl::Duration pause = pending->pause;
    pending->pause = std::min(2 * pause, kRetryMax);
    loop_.RunAfter(pause, [this, self = shared_from_this(), pending] { Try(pending); });
  }

  void GiveUp(const std::shared_ptr<Pending>& pending) {
    for (Store& store : stores_) {
      for (auto it = store.attempts.begin(); it != store.attempts.end();) {
        const auto [id, attempt] = *it++;
        if (attempt.pending == pending) Abandon(store, id, attempt);
      }
    }
    Finish(*pending, pending->outlook);
  }

  void Finish(Pending& pending, absl::StatusOr<std::vector<DeliveryOutcome>> outcome) {
    if (pending.finished) return;
    pending.finished = true;
    loop_.Cancel(pending.timer);
    pending.done(std::move(outcome));
    // A retry that is due later still refers to this, and the body holds its part of the budget.
    pending.delivery.body = nullptr;
    std::erase_if(pending_, [&](const auto& one) { return one.get() == &pending; });
  }

  // --- Delivery keys that may go.

  struct Forgotten {
    AccountId account;
    std::string key;
  };

  void FlushForgotten() {
    std::map<ShardId, std::vector<Forgotten>> forgotten = std::move(forgotten_);
    forgotten_.clear();
    forgotten_count_ = 0;
    if (stopped_) return;
    for (const auto& [shard, keys] : forgotten) {
      for (size_t at = 0; at < keys.size(); at += kForgetBatch) {
        SendForget(shard, absl::MakeConstSpan(keys).subspan(at, kForgetBatch));
      }
    }
  }

  void SendForget(ShardId shard, absl::Span<const Forgotten> keys) {
    struct Call {
      grpc::ClientContext context;
      rpc::delivery::ForgetKeysRequest request;
      rpc::delivery::ForgetKeysReply reply;
    };
    auto call = std::make_shared<Call>();
    call->request.set_shard(shard.value());
    for (const Forgotten& one : keys) {
      rpc::delivery::ForgottenKey& out = *call->request.add_keys();
      out.set_account_id(one.account.value());
      out.set_delivery_key(one.key);
    }
    rpc::SetTimeout(call->context, options_.call_timeout);
    // A key that is not forgotten now lives out its window: no harm, so no retry.
    stores_[LeaderOf(shard)].stub->async()->ForgetKeys(&call->context, &call->request, &call->reply,
                                                       [call](grpc::Status) {});
  }

  const StoreClientOptions options_;
  net::EventLoop& loop_;
  std::vector<Store> stores_;
  std::set<std::shared_ptr<Pending>> pending_;
  std::map<ShardId, std::vector<Forgotten>> forgotten_;
  size_t forgotten_count_ = 0;
  bool stopped_ = false;

  mutable absl::Mutex mutex_;
  std::map<ShardId, Leader> leaders_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

class GrpcStoreClient : public StoreClient {
 public:
  GrpcStoreClient(StoreClientOptions options, net::EventLoop& loop)
      : loop_(loop), core_(std::make_shared<Core>(std::move(options), loop)) {
    loop_.Post([core = core_] { core->Start(); });
  }

  ~GrpcStoreClient() override {
    absl::Notification stopped;
    loop_.Post([core = core_, &stopped] {
      core->Stop();
      stopped.Notify();
    });
    stopped.WaitForNotification();
    core_->AwaitCalls();
  }

  void Deliver(Delivery delivery, absl::Time deadline, DeliverCallback done) override {
    loop_.Post(
        [core = core_, delivery = std::move(delivery), deadline, done = std::move(done)]() mutable {
          core->Deliver(std::move(delivery), deadline, std::move(done));
        });
  }

  void ForgetKey(ShardId shard, AccountId account, std::string key) override {
    loop_.Post([core = core_, shard, account, key = std::move(key)]() mutable {
      core->ForgetKey(shard, account, std::move(key));
    });
  }

  bool CanDeliver(ShardId shard) const override { return core_->CanDeliver(shard); }
  absl::Status status() const override { return core_->status(); }

 private:
  net::EventLoop& loop_;
  const std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<StoreClient> NewStoreClient(StoreClientOptions options, net::EventLoop& loop) {
  return std::make_unique<GrpcStoreClient>(std::move(options), loop);
}

}  // namespace packetboat::mx
