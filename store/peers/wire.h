#ifndef PACKETBOAT_STORE_PEERS_WIRE_H_
#define PACKETBOAT_STORE_PEERS_WIRE_H_

#include "absl/status/statusor.h"
#include "proto/replication/replication.pb.h"
#include "store/peers/members.h"

// Between the values of this folder and the messages of proto/replication.

namespace packetboat::store {

void ToWire(const Members& members, rpc::replication::MemberList& list);
// As ParseMembers().
absl::StatusOr<Members> FromWire(const rpc::replication::MemberList& list);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_WIRE_H_
