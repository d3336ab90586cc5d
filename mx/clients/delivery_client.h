#ifndef PACKETBOAT_MX_CLIENTS_DELIVERY_CLIENT_H_
#define PACKETBOAT_MX_CLIENTS_DELIVERY_CLIENT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mx/clients/delivery_options.h"
#include "mx/clients/key_forgetter.h"
#include "mx/clients/leader_map.h"
#include "mx/clients/store_client.h"
#include "mx/clients/store_transport.h"
#include "net/api/event_loop.h"

namespace packetboat::mx {

// The deterministic part of a StoreClient: finds the leader of each shard, proposes deliveries to
// it and repeats them, with the same keys, until the outcome is certain. A delivery lies at one
// store, and additionally at each new leader that appears before the first one has answered: the
// keys make one copy of it. At most one try of a delivery is under way at one store.
//
// Methods may be called from any thread; all work is done on `loop`. Owned by shared_ptr; what is
// under way keeps it alive, so that it must be stopped to end.
class DeliveryClient : public StoreClient, public std::enable_shared_from_this<DeliveryClient> {
 public:
  // `loop` outlives the client.
  static std::shared_ptr<DeliveryClient> Create(DeliveryClientOptions options, net::EventLoop& loop,
                                                std::shared_ptr<StoreTransport> transport);

  ~DeliveryClient() override;

  // On the loop, once: begins to follow the leaders.
  void Start();
  // On the loop: deliveries under way are answered kCancelled, and nothing is started any more.
  void Stop();

  void Deliver(
      Delivery delivery, absl::Time deadline,
      absl::AnyInvocable<void(absl::StatusOr<std::vector<DeliveryOutcome>>)> done) override;
  void CheckQuota(const LocalTarget& target, uint64_t octets,
                  absl::AnyInvocable<void(bool)> done) override;
  void ForgetKey(ShardId shard, AccountId account, std::string key) override;
  void AwaitForgotten(std::vector<std::string> keys, absl::AnyInvocable<void()> done) override;
  bool CanDeliver(ShardId shard) const override;
  absl::Status status() const override;

 private:
  struct Pending;
  struct Attempt;
  struct Store;

  DeliveryClient(DeliveryClientOptions options, net::EventLoop& loop,
                 std::shared_ptr<StoreTransport> transport);

  // --- Who leads.
  void Watch(size_t at);
  void WatchEnded(size_t at);
  void Ask(size_t at);
  void Asked(size_t at, const absl::StatusOr<rpc::delivery::ShardsReply>& reply);
  void Learn(size_t at, const rpc::delivery::ShardsReply& reply);
  void Learn(size_t at, const rpc::delivery::ShardsReply::Shard& shard);
  bool LearnHint(ShardId shard, const std::string& address, uint64_t term);
  // Brings what is pending for a shard to its new leader.
  void Move(ShardId shard);

  // --- Deliveries.
  void Accept(const std::shared_ptr<Pending>& pending);
  void Try(const std::shared_ptr<Pending>& pending);
  void OpenStream(size_t at);
  void StreamEnded(size_t at, const absl::Status& why);
  void Begin(size_t at, uint64_t id);
  void SendChunks(size_t at, uint64_t id);
  void AwaitAnswer(size_t at, uint64_t id);
  void Unanswered(size_t at, uint64_t id);
  void Replied(size_t at, const rpc::delivery::DeliverReply& reply);
  void Succeeded(const std::shared_ptr<Pending>& pending, size_t at,
                 const rpc::delivery::DeliverResult& result);
  void Refused(const std::shared_ptr<Pending>& pending, size_t at,
               const rpc::delivery::DeliverRefusal& refusal);
  void RetryLater(const std::shared_ptr<Pending>& pending, RetryReason reason);
  // All of its body, so that the store may carry it out.
  static bool IsSent(const Attempt& attempt);
  // Forgets a try, and tells the store to if that still waits for the rest of the body.
  void Abandon(size_t at, uint64_t id);
  void Finish(std::shared_ptr<Pending> pending,
              absl::StatusOr<std::vector<DeliveryOutcome>> outcome);

  // --- Delivery keys that may go.
  void AskQuota(const rpc::delivery::CheckQuotaRequest& request,
                absl::AnyInvocable<void(bool)> done);
  void QueueForgotten(ShardId shard, AccountId account, std::string key);
  bool SendForgotten(ShardId shard, rpc::delivery::ForgetKeysRequest request,
                     std::function<void(KeyForgetter::Outcome)> done);
  // A try of it may still lie at a store.
  void KeepKeys(const Delivery& delivery);

  const DeliveryClientOptions options_;
  net::EventLoop& loop_;
  const std::shared_ptr<StoreTransport> transport_;
  LeaderMap leaders_;

  // On the loop alone.
  std::vector<Store> stores_;
  // By when they came, so that equal runs do equal things in equal order.
  std::map<uint64_t, std::shared_ptr<Pending>> pending_;
  uint64_t last_pending_ = 0;
  KeyForgetter forgetter_;
  // Keys that must live out their window, by when they came; no more than forget_queue.
  std::set<std::string> kept_;
  std::deque<std::string> kept_order_;
  bool stopped_ = false;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_DELIVERY_CLIENT_H_
