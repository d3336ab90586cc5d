#ifndef PACKETBOAT_MX_CLIENTS_STORE_CLIENT_H_
#define PACKETBOAT_MX_CLIENTS_STORE_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "mx/clients/auth_client.h"
#include "mx/clients/delivery_options.h"
#include "net/api/event_loop.h"
#include "net/rpc/tls_files.h"

namespace packetboat::mx {

// A body that can be read as often as it takes; outlives the delivery by being shared. Thread-safe.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual uint64_t size() const = 0;
  virtual absl::StatusOr<std::string> Read(uint64_t offset, size_t length) const = 0;
};

struct DeliveryRecipient {
  AccountId account;
  std::string prefix;   // trace fields
  std::string key;      // delivery key, 32 octets (SEMANTICS.md s2)
  std::string mailbox;  // by SPECIAL-USE attribute or name; empty: INBOX
};

// One message for the accounts of one shard.
struct Delivery {
  ShardId shard;
  std::string transaction;
  std::vector<DeliveryRecipient> recipients;
  std::shared_ptr<const BodySource> body;
  absl::Time received;
  // Set by any thread once nobody waits for the outcome: it is not tried anew then, lest it meets
  // what the client does next. nullptr: somebody always does.
  std::shared_ptr<const std::atomic<bool>> abandoned = nullptr;
};

enum class DeliveryOutcome { kDelivered, kDuplicate, kNoSuchAccount };

// The stores, as an MX sees them. Thread-safe.
class StoreClient {
 public:
  virtual ~StoreClient() = default;

  // Proposes the delivery to whoever leads its shard, again and again with the same keys, until it
  // is certain or `deadline` (of the loop's clock) has passed. OK: every outcome stands on a
  // majority's disks. An error: nothing is certain, except that a retry with the same keys makes no
  // second copy. `done` runs on the client's loop.
  virtual void Deliver(
      Delivery delivery, absl::Time deadline,
      absl::AnyInvocable<void(absl::StatusOr<std::vector<DeliveryOutcome>>)> done) = 0;

  // Whether `octets` more fit the target's quota, by the state at hand of the store that leads its
  // shard. True also if none of them says so in time: mail is refused for a full mailbox alone.
  // `done` runs on the client's loop.
  virtual void CheckQuota(const LocalTarget& target, uint64_t octets,
                          absl::AnyInvocable<void(bool)> done) = 0;

  // Lets a delivery key go early, some time soon, in a batch with others; lost without harm. A
  // delivery with the same key that comes later waits until it is gone.
  virtual void ForgetKey(ShardId shard, AccountId account, std::string key) = 0;

  // Lets those of `keys` that ForgetKey was given go now. `done` runs on the client's loop when
  // they are gone, or when that does not come about in time.
  virtual void AwaitForgotten(std::vector<std::string> keys, absl::AnyInvocable<void()> done) = 0;

  // A store that leads this shard was heard of lately: else a recipient is told 451 at RCPT.
  virtual bool CanDeliver(ShardId shard) const = 0;

  // OK while CanDeliver for at least one shard.
  virtual absl::Status status() const = 0;
};

struct StoreClientOptions {
  std::vector<std::string> addresses;
  rpc::TlsFiles tls;
  std::string cluster;
  DeliveryClientOptions delivery;
};

// `loop` outlives the client. Deliveries that are under way when it is destroyed are answered
// kCancelled.
std::unique_ptr<StoreClient> NewStoreClient(StoreClientOptions options, net::EventLoop& loop);

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_STORE_CLIENT_H_
