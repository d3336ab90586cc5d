#ifndef PACKETBOAT_MX_CLIENTS_LEADER_MAP_H_
#define PACKETBOAT_MX_CLIENTS_LEADER_MAP_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/ids.h"

namespace packetboat::mx {

// Which store leads each shard, by what the stores say of themselves and of one another. It
// corrects itself: of two claims the one with the higher term holds (Raft elects at most one leader
// in a term), and a store that cannot be reached leads nothing until it says so anew. Stores are
// numbers of the user's. Thread-safe.
class LeaderMap {
 public:
  // A leader counts for `patience` after it was last heard of: long enough for an election, so that
  // one costs no recipient a 451.
  explicit LeaderMap(absl::Duration patience) : patience_(patience) {}

  // Each of these returns true if deliveries to `shard` now have another place to go.

  // `store` says that it leads, in `term`.
  bool Claim(ShardId shard, size_t store, Term term, absl::Time now);
  // Somebody else says so. Opens no way back to a store that was given up in this term.
  bool Hearsay(ShardId shard, size_t store, Term term);

  // `store` says that it does not lead in `term`.
  void Disclaim(ShardId shard, size_t store, Term term);
  // `store` does not answer for `shard`, or for anything.
  void GiveUp(ShardId shard, size_t store);
  void GiveUp(size_t store);

  // A delivery was committed by it.
  void Heard(ShardId shard, size_t store, absl::Time now);

  // Nothing while it is not known.
  std::optional<size_t> LeaderOf(ShardId shard) const;
  // Whether one was heard of within the patience, for this shard or for any.
  bool HasLeader(ShardId shard, absl::Time now) const;
  bool HasAnyLeader(absl::Time now) const;

 private:
  struct Entry {
    std::optional<size_t> leader;
    Term term;  // the highest that was heard of
    absl::Time heard = absl::InfinitePast();
  };

  bool IsFresh(const Entry& entry, absl::Time now) const { return now - entry.heard < patience_; }

  const absl::Duration patience_;
  mutable absl::Mutex mutex_;
  std::map<ShardId, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_LEADER_MAP_H_
