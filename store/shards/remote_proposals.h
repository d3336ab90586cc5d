#ifndef PACKETBOAT_STORE_SHARDS_REMOTE_PROPOSALS_H_
#define PACKETBOAT_STORE_SHARDS_REMOTE_PROPOSALS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "store/replication/group.h"

namespace packetboat::store {

// Proposals at other stores. Thread-safe.
class RemoteProposals {
 public:
  // Called exactly once, from any thread but never from within the call; must not block. Statuses
  // as of replication::Group::Propose; with kUnavailable, who leads as far as the other store
  // knows.
  using Callback = absl::AnyInvocable<void(absl::StatusOr<replication::ApplyResult> applied,
                                           std::optional<NodeId> leader)>;

  virtual ~RemoteProposals() = default;

  // Proposes at `to` and nowhere else.
  virtual void Propose(NodeId to, ShardId shard, std::string command, Callback done) = 0;
  // The other stores that have replicas and can be reached now.
  virtual std::vector<NodeId> ReachableVoters() const = 0;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_SHARDS_REMOTE_PROPOSALS_H_
