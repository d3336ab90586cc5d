#ifndef PACKETBOAT_CLI_UP_RENEWAL_H_
#define PACKETBOAT_CLI_UP_RENEWAL_H_

#include <memory>

#include "cli/up/certificates.h"
#include "role/service.h"

namespace packetboat::cli {

// Looks at the certificates twice a day while the process runs, as a service beside the roles; the
// roles read files that change by themselves. Health tells when that fails.
role::StartFunction RenewCertificates(std::shared_ptr<const OwnCertificates> certificates);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_UP_RENEWAL_H_
