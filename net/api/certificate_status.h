#ifndef PACKETBOAT_NET_API_CERTIFICATE_STATUS_H_
#define PACKETBOAT_NET_API_CERTIFICATE_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "net/api/tls.h"

namespace packetboat::net {

// What health says of the certificate that clients see: that it has expired, or that the last
// attempt to read it anew failed. Either way STARTTLS goes on being offered with the one at hand:
// most senders do not verify, and plain text would be worse.
inline absl::Status CertificateStatus(const TlsServerContext& context, absl::Time now) {
  if (now > context.not_after()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate expired at ", absl::FormatTime(context.not_after())));
  }
  return context.last_reload();
}

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_API_CERTIFICATE_STATUS_H_
