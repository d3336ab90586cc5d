#ifndef PACKETBOAT_STORE_SERVICE_DIRECTORY_SERVICE_H_
#define PACKETBOAT_STORE_SERVICE_DIRECTORY_SERVICE_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "store/shards/shards.h"

namespace packetboat::store {

// The gRPC service of proto/directory/directory.proto, over shard 0. `shards` outlives it.
std::unique_ptr<grpc::Service> MakeDirectoryService(Shards& shards);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_SERVICE_DIRECTORY_SERVICE_H_
