#ifndef PACKETBOAT_SIGNER_SERVICE_H_
#define PACKETBOAT_SIGNER_SERVICE_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "signer/keys/key_folder.h"

namespace packetboat::signer {

// packetboat.rpc.signer.Signer over the keys, which outlive it.
std::unique_ptr<grpc::Service> MakeService(const KeyFolder& keys);

}  // namespace packetboat::signer

#endif  // PACKETBOAT_SIGNER_SERVICE_H_
