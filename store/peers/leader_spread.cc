#include "store/peers/leader_spread.h"

#include <algorithm>
#include <map>

namespace packetboat::store {

std::optional<LeaderMove> NextLeaderMove(NodeId self,
                                         const std::vector<replication::GroupStatus>& groups,
                                         const std::vector<NodeId>& reachable) {
  std::map<NodeId, size_t> led;
  for (const NodeId node : reachable) led[node] = 0;
  size_t own = 0;
  for (const replication::GroupStatus& group : groups) {
    // While one has no leader nobody knows what is fair.
    if (!group.leader.has_value()) return std::nullopt;
    if (*group.leader == self) ++own;
    if (const auto found = led.find(*group.leader); found != led.end()) ++found->second;
  }
  const auto least = std::min_element(
      led.begin(), led.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (least == led.end() || own < least->second + 2) return std::nullopt;
  for (const replication::GroupStatus& group : groups) {
    const auto& voters = group.voters;
    if (group.role == replication::Role::kLeader &&
        std::find(voters.begin(), voters.end(), least->first) != voters.end()) {
      return LeaderMove{group.shard, least->first};
    }
  }
  return std::nullopt;
}

absl::Status CheckFit(const PeerProgress& progress, RaftIndex applied, uint64_t free_bytes_min,
                      const LeaderSpreadOptions& options) {
  if (applied.value() > progress.applied.value() &&
      applied.value() - progress.applied.value() > options.max_lag_entries) {
    return absl::UnavailableError("it lags behind");
  }
  if (progress.free_bytes < free_bytes_min) {
    return absl::ResourceExhaustedError("its disk is nearly full");
  }
  return absl::OkStatus();
}

std::optional<LeaderMove> LeaderMoves::Next(const std::vector<replication::GroupStatus>& groups,
                                            const std::vector<NodeId>& reachable,
                                            absl::Duration now) {
  if (begun_.has_value()) {
    // It had a round's time; whoever did not take over, or gave it back, will not next time.
    if (groups[begun_->shard.value()].leader != begun_->to) Failed(begun_->to, now);
    begun_.reset();
  }
  std::erase_if(not_before_, [&](const auto& entry) {
    return std::find(reachable.begin(), reachable.end(), entry.first) == reachable.end();
  });
  std::vector<NodeId> steady;
  for (const NodeId node : reachable) {
    if (not_before_.try_emplace(node, now + options_.steady).first->second <= now)
      steady.push_back(node);
  }
  return NextLeaderMove(self_, groups, steady);
}

}  // namespace packetboat::store
