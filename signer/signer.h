#ifndef PACKETBOAT_SIGNER_SIGNER_H_
#define PACKETBOAT_SIGNER_SIGNER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "role/service.h"

namespace packetboat::signer {

// The role signer: holds the private keys of mail domains, from `signer.keys`, and nobody else
// does. Not ready while that folder cannot be read; a single bad file is told on health alone.
absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment);

}  // namespace packetboat::signer

#endif  // PACKETBOAT_SIGNER_SIGNER_H_
