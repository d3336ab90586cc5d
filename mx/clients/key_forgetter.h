#ifndef PACKETBOAT_MX_CLIENTS_KEY_FORGETTER_H_
#define PACKETBOAT_MX_CLIENTS_KEY_FORGETTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/ids.h"
#include "mx/clients/delivery_options.h"
#include "net/api/event_loop.h"
#include "proto/delivery/delivery.pb.h"

namespace packetboat::mx {

// Delivery keys that may go (SEMANTICS.md s2), until the stores have let them go. In batches, at
// most one of a shard under way at a time: after `forget_interval`, or at once when somebody waits.
//
// A batch is never sent again unless it was refused for certain: a key that is let go twice could
// be that of the next message of the same octets. What has no certain outcome counts as gone, and
// lives out its window if it is not.
//
// For one loop; its callbacks hold nothing of it once it was stopped.
class KeyForgetter {
 public:
  enum class Outcome {
    kOver,     // gone, or nobody knows
    kRefused,  // nothing was let go
  };
  // Sends a batch to whoever leads the shard; `done` comes later, once. False: nobody does, and
  // nothing was sent.
  using Send = std::function<bool(ShardId, rpc::delivery::ForgetKeysRequest,
                                  std::function<void(Outcome)> done)>;

  // `options` and `loop` outlive it.
  KeyForgetter(const DeliveryClientOptions& options, net::EventLoop& loop, Send send);
  ~KeyForgetter() { Stop(); }

  // Dropped when `forget_queue` keys wait already.
  void Add(ShardId shard, AccountId account, std::string key);

  // Calls `done` once those of `keys` that were added are gone, at the latest after `forget_wait`;
  // from inside if none is left.
  void WhenGone(const std::vector<std::string>& keys, absl::AnyInvocable<void()> done);

  // Calls those who wait, and does nothing more.
  void Stop();

 private:
  struct Key {
    AccountId account;
    std::string key;
    absl::Time deadline;  // dropped after it
  };
  struct Shard {
    std::deque<Key> queued;
    std::vector<Key> under_way;
    bool calling = false;
    // Somebody waits: what is queued goes as soon as it can.
    bool urgent = false;
    net::TimerId due;
    bool is_due = false;
  };
  struct Waiter {
    std::set<std::string> left;
    absl::AnyInvocable<void()> done;
    net::TimerId timer;
  };

  void Flush(ShardId shard);
  void FlushIn(ShardId shard, absl::Duration delay);
  void Ended(ShardId shard, Outcome outcome);
  void PutBack(Shard& shard);
  void Gone(const std::string& key);
  void GiveUpWaiting(uint64_t waiter);
  void Finish(uint64_t waiter);

  const DeliveryClientOptions& options_;
  net::EventLoop& loop_;
  Send send_;
  std::map<ShardId, Shard> shards_;
  // Queued or under way, with the shard.
  std::map<std::string, ShardId> pending_;
  std::map<uint64_t, Waiter> waiters_;
  std::map<std::string, std::set<uint64_t>> waiters_of_;
  uint64_t last_waiter_ = 0;
  bool stopped_ = false;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_KEY_FORGETTER_H_
