#include "store/raft/peer_reports.h"

#include <algorithm>

namespace packetboat::raft {

void PeerReports::Heard(NodeId from, const Frame& frame, absl::Duration monotonic) {
  auto [it, first] = peers_.try_emplace(from);
  Peer& peer = it->second;
  const absl::Time sample = frame.sent_at - monotonic;
  if (first || monotonic - peer.heard > kFresh) {
    peer.window_start = monotonic;
    peer.best = peer.best_before = sample;
  } else if (monotonic - peer.window_start > kFresh / 2) {
    peer.window_start = monotonic;
    peer.best_before = peer.best;
    peer.best = sample;
  }
  peer.best = std::max(peer.best, sample);
  peer.heard = monotonic;
  peer.space = frame.space;
  peer.free_bytes = frame.free_bytes;
}

const PeerReports::Peer* PeerReports::Fresh(NodeId peer, absl::Duration monotonic) const {
  auto it = peers_.find(peer);
  return it == peers_.end() || monotonic - it->second.heard > kFresh ? nullptr : &it->second;
}

std::optional<absl::Duration> PeerReports::ClockAhead(NodeId peer, absl::Time now,
                                                      absl::Duration monotonic) const {
  const Peer* known = Fresh(peer, monotonic);
  if (known == nullptr) return std::nullopt;
  return std::max(known->best, known->best_before) + monotonic - now;
}

std::optional<SpaceLevel> PeerReports::Space(NodeId peer, absl::Duration monotonic) const {
  const Peer* known = Fresh(peer, monotonic);
  if (known == nullptr) return std::nullopt;
  return known->space;
}

std::optional<uint64_t> PeerReports::FreeBytes(NodeId peer, absl::Duration monotonic) const {
  const Peer* known = Fresh(peer, monotonic);
  if (known == nullptr) return std::nullopt;
  return known->free_bytes;
}

}  // namespace packetboat::raft
