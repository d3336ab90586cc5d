#ifndef PACKETBOAT_STORE_PEERS_FORMATION_H_
#define PACKETBOAT_STORE_PEERS_FORMATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "store/peers/members.h"

// How a cluster comes to be, as a decision over what the stores say of themselves; no I/O.
//
// There is one decider: the store at the first address of `cluster.stores`, the founder. It decides
// once, when every listed store has answered, none knows of a cluster, and all are configured
// alike; everybody else takes over what was decided, and only if it names them
// (docs/decisions/0007-one-founder.md).

namespace packetboat::store {

// What a store says when it is asked who it is.
struct Introduction {
  NodeId id;
  std::string name;
  std::string cluster;
  uint32_t shards = 0;              // as configured
  std::vector<std::string> stores;  // cluster.stores, as configured
  std::optional<Members> members;   // once it knows that the cluster is formed
};

// Of each address of `cluster.stores`, in that order.
struct Answer {
  std::string address;
  absl::StatusOr<Introduction> introduction;
};

// Who makes up the cluster that `self`, whose folder is new, belongs to; the first `max_voters`
// become voters. Until that is certain, in words for an operator: kUnavailable, what is waited for;
// kFailedPrecondition, what does not fit and will not by waiting.
absl::StatusOr<Members> Decide(const Introduction& self, uint32_t max_voters,
                               const std::vector<Answer>& answers);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_FORMATION_H_
