#ifndef PACKETBOAT_STORE_RAFT_PEER_REPORTS_H_
#define PACKETBOAT_STORE_RAFT_PEER_REPORTS_H_

#include <cstdint>
#include <map>
#include <optional>

#include "absl/time/time.h"
#include "base/ids.h"
#include "store/raft/types.h"

namespace packetboat::raft {

// What this node knows of the others from their frames: how far their clocks are off, and how much
// room they have. Deterministic, thread-compatible.
class PeerReports {
 public:
  // What was heard longer ago than this is not known any more.
  static constexpr absl::Duration kFresh = absl::Seconds(2);

  // A frame of `from` was taken up when this node's clocks said so much.
  void Heard(NodeId from, const Frame& frame, absl::Duration monotonic);

  // How far the peer's wall clock is ahead of this node's. A frame tells it but for the time that
  // it was on its way, which makes the peer look late: the best frame of the last seconds counts.
  std::optional<absl::Duration> ClockAhead(NodeId peer, absl::Time now,
                                           absl::Duration monotonic) const;
  std::optional<SpaceLevel> Space(NodeId peer, absl::Duration monotonic) const;
  std::optional<uint64_t> FreeBytes(NodeId peer, absl::Duration monotonic) const;

 private:
  struct Peer {
    absl::Duration heard;
    SpaceLevel space = SpaceLevel::kAmple;
    uint64_t free_bytes = 0;
    // The highest (sender's wall clock - own monotonic clock) of this second and the one before.
    absl::Duration window_start;
    absl::Time best;
    absl::Time best_before;
  };

  const Peer* Fresh(NodeId peer, absl::Duration monotonic) const;

  std::map<NodeId, Peer> peers_;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_PEER_REPORTS_H_
