#ifndef PACKETBOAT_AUTH_SERVICE_H_
#define PACKETBOAT_AUTH_SERVICE_H_

#include <memory>

#include "auth/directory/directory.h"
#include "auth/directory/follower.h"
#include "auth/login/authenticator.h"

namespace grpc {
class Service;
}

namespace packetboat::auth {

// The gRPC service of proto/auth/auth.proto. What it is given outlives it. Before the first whole
// copy of the directory is here every call is answered UNAVAILABLE, and "unknown" is said only from
// a copy that is certainly fresh (SEMANTICS.md s7).
std::unique_ptr<grpc::Service> MakeService(const Directory& directory, DirectoryFollower& follower,
                                           const Authenticator& authenticator);

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_SERVICE_H_
