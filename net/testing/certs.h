#ifndef PACKETBOAT_NET_TESTING_CERTS_H_
#define PACKETBOAT_NET_TESTING_CERTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "net/x509/authority.h"

namespace packetboat::net::testing {

// A CA of its own, and what it issues; valid from an hour ago on. Breaks the test if anything
// fails.
class TestCa {
 public:
  TestCa();

  // For a DNS name or an address, for servers and clients.
  x509::Identity Issue(absl::string_view name, absl::Duration lifetime = absl::Hours(24)) const;
  // With the one URI of an internal role: "spiffe://test/mx/mx1".
  x509::Identity IssueUri(absl::string_view uri, absl::Duration lifetime = absl::Hours(24)) const;

  std::string roots_pem() const { return ca_.certificate().ToPem(); }

 private:
  x509::Identity Issue(x509::SubjectAltNames names, absl::Duration lifetime) const;

  x509::CertificateAuthority ca_;
};

}  // namespace packetboat::net::testing

#endif  // PACKETBOAT_NET_TESTING_CERTS_H_
