#ifndef PACKETBOAT_STORE_PEERS_PEER_SERVICE_H_
#define PACKETBOAT_STORE_PEERS_PEER_SERVICE_H_

#include <grpcpp/impl/service_type.h>

#include <functional>
#include <memory>

#include "net/api/network.h"
#include "store/peers/formation.h"
#include "store/peers/peers.h"
#include "store/peers/relay.h"
#include "store/peers/status.h"
#include "store/shards/shards.h"

namespace packetboat::store {

struct PeerServiceParts {
  // Outlive the service.
  Peers* peers;
  Shards* shards;
  // What this store says of itself; from any thread.
  std::function<Introduction()> introduce;
  std::function<StoreStatus()> status;
  // For sessions that are relayed here; they run on the network's loops.
  RelayedSessions sessions;
  size_t max_relayed_sessions = 10'000;
  net::Network* network;
};

// The gRPC service of proto/replication/replication.proto.
std::unique_ptr<grpc::Service> MakePeerService(PeerServiceParts parts);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_PEER_SERVICE_H_
