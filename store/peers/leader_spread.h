#ifndef PACKETBOAT_STORE_PEERS_LEADER_SPREAD_H_
#define PACKETBOAT_STORE_PEERS_LEADER_SPREAD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
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

struct LeaderSpreadOptions {
  // How often leaderships are looked at; one at a time moves.
  absl::Duration interval = absl::Seconds(1);
  // How long a voter must have been reachable before it gets one.
  absl::Duration steady = absl::Seconds(2);
  // How long it gets none after a move to it came to nothing.
  absl::Duration pause_after_failure = absl::Seconds(30);
  // How long it has to say how far it is, and how many entries it may be behind.
  absl::Duration progress_timeout = absl::Seconds(1);
  uint64_t max_lag_entries = 1000;
};

// How far a voter says it is with a shard.
struct PeerProgress {
  RaftIndex applied;
  uint64_t free_bytes = 0;
};

// Whether it could lead the shard at once, of which this node has applied `applied`: kUnavailable
// (too far behind), kResourceExhausted (less free space than `free_bytes_min`).
absl::Status CheckFit(const PeerProgress& progress, RaftIndex applied, uint64_t free_bytes_min,
                      const LeaderSpreadOptions& options);

// NextLeaderMove() over time: a voter gets nothing until it has been reachable for a while, nor for
// a while after a move to it came to nothing (it gives leaderships back when its disk is full or
// its clock wrong). Thread-compatible.
class LeaderMoves {
 public:
  LeaderMoves(NodeId self, LeaderSpreadOptions options) : self_(self), options_(options) {}

  // `now` is monotonic.
  std::optional<LeaderMove> Next(const std::vector<replication::GroupStatus>& groups,
                                 const std::vector<NodeId>& reachable, absl::Duration now);
  // What became of what Next() said.
  void Begun(const LeaderMove& move) { begun_ = move; }
  void Failed(NodeId to, absl::Duration now) {
    not_before_[to] = now + options_.pause_after_failure;
  }

 private:
  const NodeId self_;
  const LeaderSpreadOptions options_;
  // When each of the reachable voters may get something.
  std::map<NodeId, absl::Duration> not_before_;
  std::optional<LeaderMove> begun_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_LEADER_SPREAD_H_
