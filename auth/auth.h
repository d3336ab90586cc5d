#ifndef PACKETBOAT_AUTH_AUTH_H_
#define PACKETBOAT_AUTH_AUTH_H_

#include <memory>

#include "absl/status/statusor.h"
#include "role/service.h"

namespace packetboat::auth {

// The role auth: who may log in and where addresses lead, from the directory in the stores and from
// files of users.
absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment);

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_AUTH_H_
