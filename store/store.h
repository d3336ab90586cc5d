#ifndef PACKETBOAT_STORE_STORE_H_
#define PACKETBOAT_STORE_STORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "role/service.h"

namespace packetboat::store {

// The role store: the shards of this node, deliveries and the directory over gRPC, and IMAP.
absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_STORE_H_
