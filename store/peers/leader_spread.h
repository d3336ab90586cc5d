#ifndef PACKETBOAT_STORE_PEERS_LEADER_SPREAD_H_
#define PACKETBOAT_STORE_PEERS_LEADER_SPREAD_H_

#include <map>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "base/ids.h"
#include "store/replication/group.h"

namespace packetboat::store {

// A leadership that would be better elsewhere.
struct LeaderMove {
  ShardId shard;
  NodeId to;

  friend bool operator==(const LeaderMove&, const LeaderMove&) = default;
};

// Which of this node's leaderships to give away so that every voter leads about as many shards as
// any other; nothing if none is worth the pause. `groups`: the shards as this node sees them.
// `reachable`: the other voters that could take over now. All nodes decide for themselves: one that
// leads at least two more shards than another gives it one, so that moves end.
std::optional<LeaderMove> NextLeaderMove(NodeId self,
                                         const std::vector<replication::GroupStatus>& groups,
                                         const std::vector<NodeId>& reachable);

// The same over time: a voter gets nothing until it has been reachable for a while, nor for a while
// after a move to it came to nothing (it gives leaderships back when its disk is full or its clock
// wrong). Thread-compatible.
class LeaderMoves {
 public:
  static constexpr absl::Duration kSteady = absl::Seconds(2);
  static constexpr absl::Duration kPauseAfterFailure = absl::Seconds(30);

  explicit LeaderMoves(NodeId self) : self_(self) {}

  // `now` is monotonic.
  std::optional<LeaderMove> Next(const std::vector<replication::GroupStatus>& groups,
                                 const std::vector<NodeId>& reachable, absl::Duration now);
  // What became of what Next() said.
  void Begun(const LeaderMove& move) { begun_ = move; }
  void Failed(NodeId to, absl::Duration now) { not_before_[to] = now + kPauseAfterFailure; }

 private:
  const NodeId self_;
  // When each of the reachable voters may get something.
  std::map<NodeId, absl::Duration> not_before_;
  std::optional<LeaderMove> begun_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_LEADER_SPREAD_H_
