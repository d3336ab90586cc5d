#include "store/raft/types.h"

#include <set>

namespace packetboat::raft {

std::vector<NodeId> Configuration::Voters() const {
  std::vector<NodeId> voters;
  for (const Server& server : servers) {
    if (server.role == ServerRole::kVoter) voters.push_back(server.id);
  }
  return voters;
}

const Server* Configuration::Find(NodeId id) const {
  for (const Server& server : servers) {
    if (server.id == id) return &server;
  }
  return nullptr;
}

bool Configuration::Valid() const {
  std::set<NodeId> ids;
  for (const Server& server : servers) {
    if (server.id == NodeId(0) || !ids.insert(server.id).second) return false;
  }
  return !Voters().empty();
}

}  // namespace packetboat::raft
