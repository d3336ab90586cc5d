#ifndef PACKETBOAT_CLI_CLUSTER_STATUS_H_
#define PACKETBOAT_CLI_CLUSTER_STATUS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/replication/replication.pb.h"

// A picture of the cluster, made of what each store says of itself. The stores are asked at about
// the same time, not at the same moment: small differences between them mean nothing.

namespace packetboat::cli {

// Entries that a replica may be behind the leader before that is worth a warning.
inline constexpr uint64_t kLagWarningEntries = 1000;
// Of a disk, below which it is worth one.
inline constexpr uint64_t kFreeDiskWarningPercent = 10;

// What the store at an address of `cluster.stores` said, or why it said nothing.
struct StoreAnswer {
  std::string address;
  absl::StatusOr<rpc::replication::StatusReply> reply;
};

struct NodeStatus {
  std::string name;  // the address while nobody knows the name
  std::string address;
  std::optional<uint64_t> id;
  // Nothing: it did not answer, and `silence` tells why.
  std::optional<rpc::replication::StatusReply> reply;
  std::string silence;
  size_t shards_led = 0;
};

struct ReplicaStatus {
  size_t node = 0;  // in ClusterStatus::nodes
  // Nothing while the node does not answer.
  std::optional<uint64_t> applied;
  // Committed entries that it has not applied; nothing without a leader.
  std::optional<uint64_t> lag;
};

struct ShardStatus {
  uint32_t shard = 0;
  std::optional<size_t> leader;  // in ClusterStatus::nodes; one that itself says so
  uint64_t term = 0;             // the leader's, or the highest that any store knows
  uint64_t commit = 0;           // the leader's, or the highest known
  std::vector<ReplicaStatus> replicas;
};

enum class ClusterHealth {
  kHealthy,
  kDegraded,     // there are warnings
  kUnreachable,  // no store answers
};

struct ClusterStatus {
  std::string name;
  ClusterHealth health = ClusterHealth::kUnreachable;
  std::vector<NodeStatus> nodes;  // in the order of the answers, then members that were not asked
  std::vector<ShardStatus> shards;
  std::vector<std::string> warnings;  // for people
};

ClusterStatus MakeClusterStatus(const std::vector<StoreAnswer>& answers);

// "healthy", "degraded", "unreachable".
const char* HealthName(ClusterHealth health);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_CLUSTER_STATUS_H_
