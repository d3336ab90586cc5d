#include "mx/clients/leader_map.h"

#include <algorithm>

namespace packetboat::mx {

bool LeaderMap::Claim(ShardId shard, size_t store, Term term, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[shard];
  // What was last heard long ago may be of a cluster that has begun anew, with terms from 1.
  if (term < entry.term && IsFresh(entry, now)) return false;
  const bool is_new = entry.leader != store;
  entry = {store, term, now};
  return is_new;
}

bool LeaderMap::Hearsay(ShardId shard, size_t store, Term term) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[shard];
  if (term <= entry.term) return false;
  const bool is_new = entry.leader != store;
  entry.leader = store;
  entry.term = term;
  return is_new;
}

void LeaderMap::Disclaim(ShardId shard, size_t store, Term term) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[shard];
  if (entry.leader != store || term < entry.term) return;
  // Another may lead in this term: it is not taken for known.
  entry.leader = std::nullopt;
}

void LeaderMap::GiveUp(ShardId shard, size_t store) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[shard];
  if (entry.leader == store) entry.leader = std::nullopt;
}

void LeaderMap::GiveUp(size_t store) {
  absl::MutexLock lock(&mutex_);
  for (auto& [shard, entry] : entries_) {
    if (entry.leader == store) entry.leader = std::nullopt;
  }
}

void LeaderMap::Heard(ShardId shard, size_t store, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[shard];
  if (entry.leader == store) entry.heard = now;
}

std::optional<size_t> LeaderMap::LeaderOf(ShardId shard) const {
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(shard);
  return found == entries_.end() ? std::nullopt : found->second.leader;
}

bool LeaderMap::HasLeader(ShardId shard, absl::Time now) const {
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(shard);
  return found != entries_.end() && IsFresh(found->second, now);
}

bool LeaderMap::HasAnyLeader(absl::Time now) const {
  absl::MutexLock lock(&mutex_);
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return IsFresh(entry.second, now); });
}

}  // namespace packetboat::mx
