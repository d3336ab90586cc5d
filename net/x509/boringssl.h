#ifndef PACKETBOAT_NET_X509_BORINGSSL_H_
#define PACKETBOAT_NET_X509_BORINGSSL_H_

#include <openssl/base.h>

// OpenSSL 3 is on the machine too, behind gRPC, with headers of the same names.
#ifndef OPENSSL_IS_BORINGSSL
#error "these headers are OpenSSL's; BoringSSL's must come first"
#endif

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace packetboat::net {

// Takes this thread's queue of BoringSSL errors into a status: "`context`: reason".
absl::Status TakeBoringSslError(absl::string_view context);

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_X509_BORINGSSL_H_
