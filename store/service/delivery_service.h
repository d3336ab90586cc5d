#ifndef PACKETBOAT_STORE_SERVICE_DELIVERY_SERVICE_H_
#define PACKETBOAT_STORE_SERVICE_DELIVERY_SERVICE_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "store/delivery/delivery_session.h"
#include "store/shards/shards.h"

namespace packetboat::store {

struct DeliveryServiceOptions {
  DeliveryLimits limits;
  // Shared with whoever else brings bodies into these shards. nullptr: none is held back.
  std::shared_ptr<UploadAdmission> admission;
};

// The gRPC service of proto/delivery/service.proto: the streams around store/delivery. `shards`
// outlives it.
std::unique_ptr<grpc::Service> MakeDeliveryService(Shards& shards,
                                                   DeliveryServiceOptions options = {});

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_SERVICE_DELIVERY_SERVICE_H_
