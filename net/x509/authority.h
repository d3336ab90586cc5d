#ifndef PACKETBOAT_NET_X509_AUTHORITY_H_
#define PACKETBOAT_NET_X509_AUTHORITY_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "net/x509/certificate.h"

namespace packetboat::net::x509 {

struct Validity {
  absl::Time not_before;
  absl::Time not_after;
};

struct LeafOptions {
  // For people; what counts are the names below. At most 64 characters (RFC 5280, ub-common-name).
  std::string common_name;
  // At least one.
  SubjectAltNames names;
  Validity validity;
  bool for_server = true;
  bool for_client = true;
};

// A certificate and the key to it.
struct Identity {
  Certificate certificate;
  PrivateKey key;
};

// A root that signs leaf certificates and nothing else (path length 0): the cluster's own, and
// those of tests. Keys are P-256, signatures ECDSA with SHA-256, serial numbers 159 random bits.
// Immutable; thread-safe.
class CertificateAuthority {
 public:
  // A new self-signed root.
  static absl::StatusOr<CertificateAuthority> Create(absl::string_view common_name,
                                                     Validity validity);
  // Fails if they do not belong together or the certificate may not sign.
  static absl::StatusOr<CertificateAuthority> Load(absl::string_view certificate_pem,
                                                   absl::string_view key_pem);

  // With a new key. The validity is cut to the root's own. Fails without a name, with a name that
  // does not fit the extension (a DNS name or URI with characters beyond printable ASCII), and if
  // nothing is left of the validity.
  absl::StatusOr<Identity> Issue(const LeafOptions& options) const;

  const Certificate& certificate() const { return root_.certificate; }
  const PrivateKey& key() const { return root_.key; }

 private:
  explicit CertificateAuthority(Identity root) : root_(std::move(root)) {}

  Identity root_;
};

}  // namespace packetboat::net::x509

#endif  // PACKETBOAT_NET_X509_AUTHORITY_H_
