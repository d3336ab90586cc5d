#ifndef PACKETBOAT_STORE_PEERS_MEMBERS_H_
#define PACKETBOAT_STORE_PEERS_MEMBERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "store/kv/database.h"

namespace packetboat::store {

// A store of the cluster.
struct Member {
  NodeId id;
  std::string name;     // the last part of its certificate's URI name
  std::string address;  // `host:port`, as cluster.stores had it when the cluster was formed
  bool voter = true;    // has a replica of every shard

  friend bool operator==(const Member&, const Member&) = default;
};

// Who makes up the cluster: decided once, when it is formed, and the same on every member
// (docs/decisions/0007-one-founder.md).
struct Members {
  std::vector<Member> all;  // in the order of cluster.stores
  uint32_t shards = 0;

  // nullptr: not a member.
  const Member* Find(NodeId id) const;
  const Member* FindName(absl::string_view name) const;
  std::vector<NodeId> Voters() const;

  friend bool operator==(const Members&, const Members&) = default;
};

// Whether the holder of the certificate of `name` may speak for the node `claimed`:
// kFailedPrecondition (not a member), kPermissionDenied (another member's).
absl::Status CheckSpeaker(const Members& members, absl::string_view name, NodeId claimed);

std::string SerializeMembers(const Members& members);
// kDataLoss unless ids and names are distinct and not empty and there is a voter.
absl::StatusOr<Members> ParseMembers(absl::string_view bytes);

// The record in the log database, beside the folder's identity. Nothing until the cluster is known
// to be formed.
absl::StatusOr<std::optional<Members>> ReadMembers(const kv::Reader& log);
// Durable when it returns OK.
absl::Status WriteMembers(kv::Database& log, const Members& members);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_MEMBERS_H_
