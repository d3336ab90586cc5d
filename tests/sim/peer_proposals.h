#ifndef PACKETBOAT_TESTS_SIM_PEER_PROPOSALS_H_
#define PACKETBOAT_TESTS_SIM_PEER_PROPOSALS_H_

#include <functional>
#include <string>
#include <vector>

#include "store/shards/remote_proposals.h"
#include "tests/sim/world.h"

namespace packetboat::sim {

class StoreProcess;

// The stores of a cluster, as each of them finds the others.
struct Neighbours {
  std::vector<NodeId> ids;
  std::function<std::string(NodeId)> address_of;
  std::function<Place(NodeId)> place_of;
  // nullptr while it is down.
  std::function<StoreProcess*(NodeId)> process_of;
};

// What one store proposes at others. Nobody who is there to take it: a definite refusal. What a cut
// way or a crash swallows has an unknown outcome. All that is referred to outlives the process that
// this is a part of.
class PeerProposals : public store::RemoteProposals {
 public:
  PeerProposals(World& world, Process& process, Place place, const Neighbours& neighbours)
      : world_(world), process_(process), place_(place), neighbours_(neighbours) {}

  void Propose(NodeId to, ShardId shard, std::string command, Callback done) override;
  std::vector<NodeId> ReachableVoters() const override;

 private:
  World& world_;
  Process& process_;
  const Place place_;
  const Neighbours& neighbours_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_PEER_PROPOSALS_H_
