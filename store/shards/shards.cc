#include "store/shards/shards.h"

#include <optional>
#include <utility>

#include "base/check.h"
#include "proto/store/entry.pb.h"
#include "store/model/state_machine.h"

namespace packetboat::store {

Shards::Shards(kv::Database& state, uint32_t count, Executor* refusals)
    : state_(state), refusals_(refusals) {
  for (uint32_t i = 0; i < count; ++i) {
    groups_.push_back(std::make_unique<LocalGroup>(ShardId(i), refusals_));
  }
}

Shards::~Shards() = default;

replication::StateMachineFactory Shards::machines(const model::PlantedBugs& bugs) {
  return [this, bugs](ShardId) {
    return std::make_unique<model::Model>(
        [this](RaftIndex, const model::Changes& changes) { Notify(changes); }, bugs);
  };
}

void Shards::SetGroups(const std::vector<replication::Group*>& groups) {
  while (groups_.size() < groups.size()) {
    groups_.push_back(
        std::make_unique<LocalGroup>(ShardId(static_cast<uint32_t>(groups_.size())), refusals_));
  }
  CHECK(groups.size() == groups_.size());
  for (size_t i = 0; i < groups.size(); ++i) groups_[i]->Attach(*groups[i]);
  present_.store(true, std::memory_order_release);
}

void Shards::SetAddressBook(std::function<std::string(NodeId)> address_of) {
  address_of_ = std::move(address_of);
}

std::string Shards::LeaderAddress(ShardId shard) const {
  if (!address_of_) return "";
  const std::optional<NodeId> leader = group(shard).status().leader;
  return leader.has_value() ? address_of_(*leader) : "";
}

void Shards::Propose(ShardId shard, const entry::Entry& entry, ResultCallback done, Route route) {
  Propose(
      shard, entry.SerializeAsString(),
      [done = std::move(done)](absl::StatusOr<replication::ApplyResult> applied) mutable {
        if (!applied.ok()) return done(applied.status());
        entry::Result result;
        CHECK(result.ParseFromString(applied->result));
        done(std::move(result));
      },
      route);
}

void Shards::Propose(ShardId shard, std::string command, replication::ProposeCallback done,
                     Route route) {
  if (shard.value() >= groups_.size()) {
    done(absl::InvalidArgumentError("no such shard"));
  } else if (route == Route::kLeader && forwarder_ != nullptr) {
    forwarder_->Propose(group(shard), std::move(command), std::move(done));
  } else {
    group(shard).Propose(std::move(command), std::move(done));
  }
}

void Shards::ReadBarrier(ShardId shard, replication::WaitCallback done) {
  if (shard.value() >= groups_.size()) {
    done(absl::InvalidArgumentError("no such shard"));
    return;
  }
  replication::ReadBarrier(group(shard), std::move(done));
}

Shards::WatchId Shards::WatchMailbox(model::MailboxChange which, std::function<void()> wake) {
  absl::MutexLock lock(&watch_mutex_);
  const WatchId id = ++last_watch_;
  mailbox_watches_[which][id] = std::move(wake);
  watched_[id] = which;
  return id;
}

Shards::WatchId Shards::WatchDirectory(std::function<void()> wake) {
  absl::MutexLock lock(&watch_mutex_);
  directory_watches_[++last_watch_] = std::move(wake);
  return last_watch_;
}

void Shards::Unwatch(WatchId id) {
  absl::MutexLock lock(&watch_mutex_);
  directory_watches_.erase(id);
  const auto watched = watched_.find(id);
  if (watched == watched_.end()) return;
  const auto watches = mailbox_watches_.find(watched->second);
  watches->second.erase(id);
  if (watches->second.empty()) mailbox_watches_.erase(watches);
  watched_.erase(watched);
}

void Shards::Notify(const model::Changes& changes) {
  absl::MutexLock lock(&watch_mutex_);
  for (const model::MailboxChange& change : changes.mailboxes) {
    // A change of the whole account concerns all its mailboxes.
    const bool whole = change.mailbox == MailboxId();
    for (auto it = mailbox_watches_.lower_bound(change);
         it != mailbox_watches_.end() && it->first.account == change.account &&
         (whole || it->first.mailbox == change.mailbox);
         ++it) {
      for (const auto& [id, wake] : it->second) wake();
    }
  }
  if (!changes.directory) return;
  for (const auto& [id, wake] : directory_watches_) wake();
}

}  // namespace packetboat::store
