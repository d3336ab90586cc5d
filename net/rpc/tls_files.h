#ifndef PACKETBOAT_NET_RPC_TLS_FILES_H_
#define PACKETBOAT_NET_RPC_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/rpc/access.h"

namespace packetboat::rpc {

// What one process holds to take part in its cluster: PEM files. They are read again when they
// change, so that a renewed certificate needs no restart.
struct TlsFiles {
  std::string ca;
  std::string certificate;
  std::string key;
};

struct CheckedTlsFiles {
  Identity identity;
  // Of the certificate.
  absl::Time not_after;
};

// Reads the files and says in words for an operator what is wrong with them: one is missing, key
// and certificate do not belong together, the CA did not sign it, it is not valid at `now`, or it
// names no role of a cluster.
absl::StatusOr<CheckedTlsFiles> CheckTlsFiles(const TlsFiles& files, absl::Time now);

}  // namespace packetboat::rpc

#endif  // PACKETBOAT_NET_RPC_TLS_FILES_H_
