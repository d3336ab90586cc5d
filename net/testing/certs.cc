#include "net/testing/certs.h"

#include <utility>

#include "base/check.h"
#include "base/clock.h"

namespace packetboat::net::testing {
namespace {

x509::CertificateAuthority MakeCa() {
  const absl::Time now = SystemClock().Now();
  absl::StatusOr<x509::CertificateAuthority> ca = x509::CertificateAuthority::Create(
      "Packetboat Test CA", {now - absl::Hours(1), now + absl::Hours(24 * 365)});
  CHECK_OK(ca);
  return *std::move(ca);
}

}  // namespace

TestCa::TestCa() : ca_(MakeCa()) {}

x509::Identity TestCa::Issue(x509::SubjectAltNames names, absl::Duration lifetime) const {
  const absl::Time now = SystemClock().Now();
  x509::LeafOptions options;
  options.common_name = "test";
  options.names = std::move(names);
  // A lifetime that lies in the past makes a certificate that has expired.
  options.validity = {now - absl::Hours(1), now + lifetime};
  absl::StatusOr<x509::Identity> identity = ca_.Issue(options);
  CHECK_OK(identity);
  return *std::move(identity);
}

x509::Identity TestCa::Issue(absl::string_view name, absl::Duration lifetime) const {
  x509::SubjectAltNames names;
  if (const absl::StatusOr<IpAddress> address = IpAddress::Parse(name); address.ok()) {
    names.addresses.push_back(*address);
  } else {
    names.dns.emplace_back(name);
  }
  return Issue(std::move(names), lifetime);
}

x509::Identity TestCa::IssueUri(absl::string_view uri, absl::Duration lifetime) const {
  x509::SubjectAltNames names;
  names.uris.emplace_back(uri);
  return Issue(std::move(names), lifetime);
}

}  // namespace packetboat::net::testing
