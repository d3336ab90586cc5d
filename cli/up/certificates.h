#ifndef PACKETBOAT_CLI_UP_CERTIFICATES_H_
#define PACKETBOAT_CLI_UP_CERTIFICATES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "net/rpc/access.h"
#include "net/rpc/tls_files.h"

namespace packetboat::cli {

// A certificate with less than this left is issued anew.
inline constexpr absl::Duration kRenewBefore = absl::Hours(24 * 30);

// The certificates of a machine that runs all roles by itself, in a folder that holds their
// authority too: one per role, one for the operator's commands, and one for mail clients
// (`mail.pem`). Thread-compatible.
class OwnCertificates {
 public:
  struct Options {
    std::string folder;
    std::string cluster;
    std::string node;
    // For mail clients; besides these the certificate holds "localhost" and the loopback addresses.
    std::vector<std::string> host_names;
  };

  explicit OwnCertificates(Options options) : options_(std::move(options)) {}

  // Makes what is missing, does not fit or will soon expire; keeps the rest. kFailedPrecondition
  // when the folder is of another cluster, or its authority itself has less than kRenewBefore left:
  // that is for an operator to replace.
  absl::Status Ensure(absl::Time now) const;

  rpc::TlsFiles ForRole(rpc::Role role) const;
  rpc::TlsFiles ForMail() const;

 private:
  rpc::TlsFiles Files(const std::string& name) const;
  bool IsGoodForRole(rpc::Role role, absl::Time now) const;
  bool IsGoodForMail(absl::Time now) const;

  const Options options_;
};

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_UP_CERTIFICATES_H_
