#ifndef PACKETBOAT_MX_MX_H_
#define PACKETBOAT_MX_MX_H_

#include <memory>

#include "absl/status/statusor.h"
#include "role/service.h"

namespace packetboat::mx {

// The role mx: SMTP and LMTP listeners in front of auth and the stores. Holds no state of its own.
absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment);

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_MX_H_
