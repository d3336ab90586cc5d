#include "tests/sim/peer_proposals.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "tests/sim/store_process.h"

namespace packetboat::sim {
namespace {

// Until the loss of an answer is noticed.
constexpr absl::Duration kPatience = absl::Seconds(4);

using Applied = absl::StatusOr<replication::ApplyResult>;

// One proposal, which is answered once; gone with the process that made it.
class UnderWay {
 public:
  explicit UnderWay(store::RemoteProposals::Callback done) : done_(std::move(done)) {}

  void Answer(Applied applied, std::optional<NodeId> leader) {
    if (done_) std::exchange(done_, nullptr)(std::move(applied), leader);
  }

 private:
  store::RemoteProposals::Callback done_;
};

}  // namespace

void PeerProposals::Propose(NodeId to, ShardId shard, std::string command, Callback done) {
  // Held by a task of the process: a crash takes it.
  const auto under_way = std::make_shared<UnderWay>(std::move(done));
  process_.After(kPatience,
                 [under_way] { under_way->Answer(absl::UnknownError("no answer"), std::nullopt); });
  const Place there = neighbours_.place_of(to);
  // Arrives at this store, in whatever life: what waits for it is of one life alone.
  const auto answer = [&world = world_, there, here = place_,
                       weak = std::weak_ptr<UnderWay>(under_way)](Applied applied,
                                                                  std::optional<NodeId> leader) {
    world.SendInOrder(there, here, [weak, applied = std::move(applied), leader] {
      if (const auto waiting = weak.lock()) waiting->Answer(applied, leader);
    });
  };
  world_.SendInOrder(
      place_, there,
      [process_of = neighbours_.process_of, to, shard, command = std::move(command), answer] {
        StoreProcess* const process = process_of(to);
        if (process == nullptr) {
          return answer(absl::UnavailableError("connection refused"), std::nullopt);
        }
        process->ProposeHere(shard, command, answer);
      });
}

std::vector<NodeId> PeerProposals::ReachableVoters() const {
  std::vector<NodeId> reachable;
  for (const NodeId id : neighbours_.ids) {
    const Place there = neighbours_.place_of(id);
    if (there != place_ && !world_.IsCut(place_, there)) reachable.push_back(id);
  }
  return reachable;
}

}  // namespace packetboat::sim
