#ifndef PACKETBOAT_STORE_PEERS_STATUS_H_
#define PACKETBOAT_STORE_PEERS_STATUS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "store/kv/database.h"
#include "store/peers/formation.h"
#include "store/peers/peers.h"
#include "store/replication/group.h"

namespace packetboat::store {

// What a store tells an operator of itself.
struct StoreStatus {
  Introduction self;
  std::string version;
  bool ready = false;
  std::vector<std::string> complaints;
  absl::Status health;  // of the Raft node
  kv::DiskSpace disk;
  uint64_t log_bytes = 0;
  uint64_t state_bytes = 0;
  std::vector<PeerState> peers;
  std::vector<replication::GroupStatus> groups;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_STATUS_H_
