#include "store/raft/fitness.h"

#include <algorithm>
#include <optional>

namespace packetboat::raft {

std::vector<absl::Duration> Fitness::ClocksAhead(const Configuration& group) const {
  std::vector<absl::Duration> ahead;
  const absl::Time now = clock_.Now();
  const absl::Duration monotonic = clock_.Monotonic();
  for (const Server& server : group.servers) {
    if (server.role != ServerRole::kVoter || server.id == node_) continue;
    if (auto known = reports_.ClockAhead(server.id, now, monotonic)) ahead.push_back(*known);
  }
  std::sort(ahead.begin(), ahead.end());
  return ahead;
}

absl::Time Fitness::LogTimeLimit(const Configuration& group) const {
  if (group.Voters().size() < 2) return absl::InfiniteFuture();
  const std::vector<absl::Duration> ahead = ClocksAhead(group);
  // Nobody has been heard of, so nothing is committed now.
  if (ahead.empty()) return absl::InfinitePast();
  return clock_.Now() + ahead[ahead.size() / 2] + options_.clock_ahead_max;
}

bool Fitness::ClockIsOff(const Configuration& group) const {
  if (group.Voters().size() < 2) return false;
  size_t off = 0;
  for (absl::Duration ahead : ClocksAhead(group)) {
    if (absl::AbsDuration(ahead) > options_.clock_skew_max) ++off;
  }
  return off > group.Voters().size() / 2;
}

bool Fitness::FitterThanThis(const Configuration& group, NodeId voter) const {
  const absl::Duration monotonic = clock_.Monotonic();
  const std::optional<SpaceLevel> space = reports_.Space(voter, monotonic);
  const auto ahead = reports_.ClockAhead(voter, clock_.Now(), monotonic);
  if (voter == node_ || !space.has_value() || !ahead.has_value()) return false;
  if (ClockIsOff(group)) return absl::AbsDuration(*ahead) > options_.clock_skew_max;
  return *space == SpaceLevel::kAmple;
}

SpaceLevel Fitness::RoomForEntries(const Configuration& group) const {
  const std::vector<NodeId> voters = group.Voters();
  std::vector<SpaceLevel> levels = {space_};
  for (NodeId voter : voters) {
    if (voter == node_) continue;
    if (auto known = reports_.Space(voter, clock_.Monotonic())) levels.push_back(*known);
  }
  // Silence alone is no want of space.
  if (*std::max_element(levels.begin(), levels.end()) == SpaceLevel::kAmple) return levels[0];
  // But who is silent is no help either.
  levels.resize(std::max(voters.size(), levels.size()), SpaceLevel::kNone);
  std::sort(levels.begin(), levels.end());
  const SpaceLevel majority = levels[levels.size() / 2];
  return space_ < SpaceLevel::kShort ? majority : std::max(majority, space_);
}

absl::Status Fitness::Admit(const Configuration& group, absl::string_view command) const {
  const SpaceLevel room = RoomForEntries(group);
  if (room == SpaceLevel::kAmple) return absl::OkStatus();
  const replication::SpaceUse use =
      options_.space_use ? options_.space_use(command) : replication::SpaceUse::kBody;
  const bool fits = room == SpaceLevel::kLow     ? use != replication::SpaceUse::kBody
                    : room == SpaceLevel::kShort ? use == replication::SpaceUse::kFrees
                                                 : false;
  if (fits) return absl::OkStatus();
  return absl::ResourceExhaustedError("the stores are short of disk space");
}

bool Fitness::HasRoom(NodeId voter) const {
  return reports_.Space(voter, clock_.Monotonic()).value_or(SpaceLevel::kAmple) ==
         SpaceLevel::kAmple;
}

}  // namespace packetboat::raft
