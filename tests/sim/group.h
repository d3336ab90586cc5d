#ifndef PACKETBOAT_TESTS_SIM_GROUP_H_
#define PACKETBOAT_TESTS_SIM_GROUP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "store/raft/in_flight.h"
#include "store/raft/node_core.h"
#include "store/raft/options.h"
#include "store/replication/group.h"

namespace packetboat::sim {

// One group as callers see it: what raft::Node is on threads, on one loop. `turn` runs an event on
// the node's core soon, or drops it with all its callbacks once the node has crashed.
class Group : public replication::Group {
 public:
  using Event = absl::AnyInvocable<void(raft::NodeCore&)>;
  using Turn = std::function<void(Event)>;

  Group(ShardId shard, const raft::Options& options, Turn turn);

  // What a proposal is answered that was acknowledged before it was applied (the planted bug
  // acknowledge_before_commit): as if all had gone well.
  static std::string Pretended(absl::string_view command);

  ShardId shard() const override { return shard_; }
  size_t max_command_bytes() const override { return max_command_bytes_; }
  void Propose(std::string command, replication::ProposeCallback done) override;
  void ReadIndex(replication::ReadIndexCallback done) override;
  void WaitApplied(RaftIndex index, replication::WaitCallback done) override;
  void TransferLeadership(NodeId to, replication::WaitCallback done) override;
  replication::GroupStatus status() const override { return status_; }
  uint64_t AddObserver(replication::StatusObserver observer) override;
  void RemoveObserver(uint64_t observer_id) override;

  void Publish(const replication::GroupStatus& status);
  void PublishApplied(const replication::AppliedMark& mark);

 private:
  void CallObservers();

  const ShardId shard_;
  const bool acknowledges_early_;
  const size_t max_command_bytes_;
  raft::InFlight in_flight_;
  const Turn turn_;
  replication::GroupStatus status_;
  std::map<uint64_t, replication::StatusObserver> observers_;
  uint64_t last_observer_ = 0;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_GROUP_H_
