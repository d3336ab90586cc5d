#ifndef PACKETBOAT_STORE_RAFT_IDENTITY_H_
#define PACKETBOAT_STORE_RAFT_IDENTITY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "base/random.h"
#include "store/kv/database.h"

namespace packetboat::raft {

// Who a data folder is. Made once with the folder, never changed and never used again: a wiped disk
// is a new node. Kept in the log database, and a copy in the state database, so that a pair that
// does not belong together is refused.
struct Identity {
  std::string cluster;
  NodeId node;
  // How many groups the cluster has; fixed at bootstrap. Zero: not bootstrapped yet.
  uint32_t shards = 0;
  // How often a node has started from this folder; tells its messages from those of earlier lives.
  uint64_t starts = 0;
};

// Nothing, if the folder is new. kDataLoss, if the record is damaged.
absl::StatusOr<std::optional<Identity>> ReadIdentity(const kv::Reader& log);

// The identity of the folder, which is made if there is none. kFailedPrecondition: it belongs to
// another cluster.
absl::StatusOr<Identity> EnsureIdentity(kv::Database& log, absl::string_view cluster,
                                        Random& random);

// Begins the logs of all groups with `voters`, the same on each of them; `voters` holds the
// folder's own node. To be done once; kFailedPrecondition if there are logs already or no identity.
absl::Status Bootstrap(kv::Database& log, uint32_t shards, const std::vector<NodeId>& voters);

// Counts a start, durably, and checks that the two databases belong together: kFailedPrecondition
// if not, or if the folder is not bootstrapped.
absl::StatusOr<Identity> BeginLife(kv::Database& log, kv::Database& state);

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_IDENTITY_H_
