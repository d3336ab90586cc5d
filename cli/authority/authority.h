#ifndef PACKETBOAT_CLI_AUTHORITY_AUTHORITY_H_
#define PACKETBOAT_CLI_AUTHORITY_AUTHORITY_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/files/files.h"
#include "net/api/address.h"
#include "net/rpc/access.h"
#include "net/rpc/tls_files.h"
#include "net/x509/authority.h"

namespace packetboat::cli {

inline constexpr absl::Duration kAuthorityLifetime = absl::Hours(24 * 3650);
inline constexpr absl::Duration kCertificateLifetime = absl::Hours(24 * 365);

// Where one certificate is to be written, and for how long it is to be valid.
struct IssueOptions {
  // A role's node name; of a certificate for mail, a name for people.
  std::string name;
  // The files' name without `.pem` and `.key`. Empty: `name`.
  std::string file;
  // Empty: the authority's own. Otherwise the authority's certificate is put there as well.
  std::string folder;
  absl::Duration lifetime = kCertificateLifetime;
  Existing existing = Existing::kRefuse;
};

// A cluster's certificate authority as files in a folder of the operator's: `ca.pem`, whose common
// name is the cluster's name, and `ca.key`. Keys are readable by their owner alone. Immutable once
// made.
class Authority {
 public:
  // A new one. kAlreadyExists if there is one: every certificate that it made would become
  // worthless.
  static absl::StatusOr<Authority> Create(const std::string& folder, const std::string& cluster,
                                          absl::Time now);
  static absl::StatusOr<Authority> Open(const std::string& folder);

  // A certificate for a process (or, with kAdmin, an operator) of the cluster: NAME.pem and
  // NAME.key, with the URI name spiffe://CLUSTER/ROLE/NAME alone, and as DNS name the role, which
  // callers send for SNI.
  absl::StatusOr<rpc::TlsFiles> IssueForRole(rpc::Role role, const IssueOptions& options,
                                             absl::Time now) const;

  // A certificate that SMTP and IMAP clients see. It holds no URI name: within the cluster it opens
  // nothing.
  absl::StatusOr<rpc::TlsFiles> IssueForMail(const std::vector<std::string>& dns,
                                             const std::vector<net::IpAddress>& addresses,
                                             const IssueOptions& options, absl::Time now) const;

  std::string cluster() const { return root_.certificate().common_name(); }
  absl::Time not_after() const { return root_.certificate().not_after(); }
  std::string certificate_file() const { return folder_ + "/ca.pem"; }

 private:
  Authority(std::string folder, net::x509::CertificateAuthority root)
      : folder_(std::move(folder)), root_(std::move(root)) {}

  absl::StatusOr<rpc::TlsFiles> Issue(net::x509::LeafOptions leaf, const IssueOptions& options,
                                      absl::Time now) const;

  std::string folder_;
  net::x509::CertificateAuthority root_;
};

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_AUTHORITY_AUTHORITY_H_
