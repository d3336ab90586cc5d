#ifndef PACKETBOAT_STORE_PEERS_RELAY_H_
#define PACKETBOAT_STORE_PEERS_RELAY_H_

#include <functional>
#include <memory>

#include "net/api/network.h"
#include "proto/replication/replication.grpc.pb.h"
#include "store/imap/relay.h"

namespace packetboat::store {

// Opens the stream of one relayed session at the store behind `stub`, as Relays::Dial. `stub`
// outlives the stream.
std::function<void()> DialRelay(rpc::replication::Peer::Stub& stub, net::EventLoop& loop,
                                const RelayedLogin& login,
                                std::shared_ptr<net::ConnectionHandler> handler);

// Makes the handler of a session that comes in.
using RelayedSessions = std::function<RelayedHandler(const RelayedLogin& login)>;

// The answering side of such a stream. `sessions` and `loop` outlive it.
grpc::ServerBidiReactor<rpc::replication::RelayRequest, rpc::replication::RelayReply>* AcceptRelay(
    const RelayedSessions& sessions, net::EventLoop& loop);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_RELAY_H_
