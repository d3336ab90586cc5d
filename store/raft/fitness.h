#ifndef PACKETBOAT_STORE_RAFT_FITNESS_H_
#define PACKETBOAT_STORE_RAFT_FITNESS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/ids.h"
#include "store/raft/options.h"
#include "store/raft/peer_reports.h"
#include "store/raft/types.h"

namespace packetboat::raft {

// Whether this node should lead a group, and what it may take as its leader: by its clock against
// those of the others (SEMANTICS.md s3), and by the room on their disks (s5). Knows what the nodes
// have told lately, and decides; acts on nothing. Thread-compatible. `options`, `clock` and
// `reports` outlive it.
class Fitness {
 public:
  Fitness(NodeId node, const Options& options, const Clock& clock, const PeerReports& reports)
      : node_(node), options_(options), clock_(clock), reports_(reports) {}

  void SetSpace(SpaceLevel level) { space_ = level; }
  SpaceLevel space() const { return space_; }

  // This node should not lead while another can.
  bool Unfit(const Configuration& group) const {
    return space_ != SpaceLevel::kAmple || ClockIsOff(group);
  }
  bool ClockIsOff(const Configuration& group) const;
  bool FitterThanThis(const Configuration& group, NodeId voter) const;
  // Whether leadership may be handed to `voter`, as far as is known.
  bool HasRoom(NodeId voter) const;

  // The highest log time that this node may give out now as the leader.
  absl::Time LogTimeLimit(const Configuration& group) const;
  // kResourceExhausted, if there is no room for what `command` brings.
  absl::Status Admit(const Configuration& group, absl::string_view command) const;

 private:
  // Of the voters but this node, as far as they were heard of lately; ascending.
  std::vector<absl::Duration> ClocksAhead(const Configuration& group) const;
  // How much the majority with the most room has, and this node.
  SpaceLevel RoomForEntries(const Configuration& group) const;

  const NodeId node_;
  const Options& options_;
  const Clock& clock_;
  const PeerReports& reports_;
  SpaceLevel space_ = SpaceLevel::kAmple;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_FITNESS_H_
