#include "mx/clients/key_forgetter.h"

#include <algorithm>
#include <utility>

namespace packetboat::mx {
namespace {

// Of one ForgetKeys call.
constexpr size_t kBatch = 1000;
// Before a batch that nobody took is sent again.
constexpr absl::Duration kRetryPause = absl::Milliseconds(50);

}  // namespace

KeyForgetter::KeyForgetter(const DeliveryClientOptions& options, net::EventLoop& loop, Send send)
    : options_(options), loop_(loop), send_(std::move(send)) {}

void KeyForgetter::Add(ShardId shard, AccountId account, std::string key) {
  if (stopped_ || pending_.size() >= options_.forget_queue) return;
  if (!pending_.emplace(key, shard).second) return;
  shards_[shard].queued.push_back({account, std::move(key), loop_.Now() + options_.forget_timeout});
  if (!shards_[shard].is_due) FlushIn(shard, options_.forget_interval);
}

void KeyForgetter::FlushIn(ShardId shard, absl::Duration delay) {
  Shard& one = shards_[shard];
  if (one.is_due) loop_.Cancel(one.due);
  one.is_due = true;
  one.due = loop_.RunAfter(delay, [this, shard] {
    shards_[shard].is_due = false;
    Flush(shard);
  });
}

void KeyForgetter::Flush(ShardId shard) {
  Shard& one = shards_[shard];
  if (one.calling) {
    one.urgent = true;
    return;
  }
  while (!one.queued.empty() && one.queued.front().deadline < loop_.Now()) {
    const std::string key = std::move(one.queued.front().key);
    one.queued.pop_front();
    Gone(key);
  }
  // Whoever waited for those may have begun anew.
  if (one.calling || one.queued.empty()) return;
  rpc::delivery::ForgetKeysRequest request;
  request.set_shard(shard.value());
  while (!one.queued.empty() && one.under_way.size() < kBatch) {
    rpc::delivery::ForgottenKey& out = *request.add_keys();
    out.set_account_id(one.queued.front().account.value());
    out.set_delivery_key(one.queued.front().key);
    one.under_way.push_back(std::move(one.queued.front()));
    one.queued.pop_front();
  }
  if (one.queued.empty()) one.urgent = false;
  one.calling =
      send_(shard, std::move(request), [this, shard](Outcome outcome) { Ended(shard, outcome); });
  if (!one.calling) PutBack(one);
  if (!one.calling) FlushIn(shard, kRetryPause);
}

void KeyForgetter::Ended(ShardId shard, Outcome outcome) {
  if (stopped_) return;
  Shard& one = shards_[shard];
  one.calling = false;
  if (outcome == Outcome::kRefused) {
    PutBack(one);
    return FlushIn(shard, kRetryPause);
  }
  const std::vector<Key> gone = std::exchange(one.under_way, {});
  for (const Key& key : gone) Gone(key.key);
  if (one.urgent || one.queued.size() >= kBatch) return Flush(shard);
  if (!one.queued.empty() && !one.is_due) FlushIn(shard, options_.forget_interval);
}

void KeyForgetter::PutBack(Shard& shard) {
  shard.queued.insert(shard.queued.begin(), std::make_move_iterator(shard.under_way.begin()),
                      std::make_move_iterator(shard.under_way.end()));
  shard.under_way.clear();
}

void KeyForgetter::WhenGone(const std::vector<std::string>& keys, absl::AnyInvocable<void()> done) {
  Waiter waiter;
  std::set<ShardId> shards;
  for (const std::string& key : keys) {
    const auto found = pending_.find(key);
    if (found == pending_.end()) continue;
    waiter.left.insert(key);
    shards.insert(found->second);
  }
  if (waiter.left.empty() || stopped_) return done();
  const uint64_t number = ++last_waiter_;
  for (const std::string& key : waiter.left) waiters_of_[key].insert(number);
  waiter.done = std::move(done);
  waiter.timer = loop_.RunAfter(options_.forget_wait, [this, number] { GiveUpWaiting(number); });
  waiters_.emplace(number, std::move(waiter));
  for (const ShardId shard : shards) {
    shards_[shard].urgent = true;
    Flush(shard);
  }
}

void KeyForgetter::Gone(const std::string& key) {
  pending_.erase(key);
  const auto found = waiters_of_.find(key);
  if (found == waiters_of_.end()) return;
  const std::set<uint64_t> numbers = std::move(found->second);
  waiters_of_.erase(found);
  for (const uint64_t number : numbers) {
    const auto waiter = waiters_.find(number);
    if (waiter == waiters_.end()) continue;
    waiter->second.left.erase(key);
    if (waiter->second.left.empty()) Finish(number);
  }
}

void KeyForgetter::GiveUpWaiting(uint64_t number) {
  for (const std::string& key : waiters_.at(number).left) waiters_of_[key].erase(number);
  Finish(number);
}

void KeyForgetter::Finish(uint64_t number) {
  const auto found = waiters_.find(number);
  absl::AnyInvocable<void()> done = std::move(found->second.done);
  loop_.Cancel(found->second.timer);
  waiters_.erase(found);
  done();
}

void KeyForgetter::Stop() {
  if (std::exchange(stopped_, true)) return;
  for (auto& [shard, one] : shards_) {
    if (one.is_due) loop_.Cancel(one.due);
  }
  waiters_of_.clear();
  while (!waiters_.empty()) Finish(waiters_.begin()->first);
}

}  // namespace packetboat::mx
