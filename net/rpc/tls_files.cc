#include "net/rpc/tls_files.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "net/x509/certificate.h"

namespace packetboat::rpc {
namespace {

using net::x509::Certificate;
using net::x509::PrivateKey;

absl::StatusOr<std::string> Read(absl::string_view what, const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("cluster.tls.", what, " is not set"));
  }
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, " (cluster.tls.", what, ")"));
  }
  return text;
}

absl::Status Wrong(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", why));
}

}  // namespace

absl::StatusOr<CheckedTlsFiles> CheckTlsFiles(const TlsFiles& files, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string ca_pem, Read("ca", files.ca));
  ASSIGN_OR_RETURN(const std::string certificate_pem, Read("certificate", files.certificate));
  ASSIGN_OR_RETURN(const std::string key_pem, Read("key", files.key));
  const absl::StatusOr<Certificate> ca = Certificate::FromPem(ca_pem);
  if (!ca.ok()) return Annotate(ca.status(), files.ca);
  const absl::StatusOr<std::vector<Certificate>> chain = net::x509::ParsePemChain(certificate_pem);
  if (!chain.ok()) return Annotate(chain.status(), files.certificate);
  const absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(key_pem);
  if (!key.ok()) return Annotate(key.status(), files.key);

  const Certificate& own = chain->front();
  if (!key->Matches(own)) {
    return Wrong(files.key, absl::StrCat("is not the key to ", files.certificate));
  }
  if (!own.IsSignedBy(*ca)) {
    return Wrong(files.certificate, absl::StrCat("was not signed by ", files.ca));
  }
  if (now < own.not_before() || now > own.not_after()) {
    return Wrong(files.certificate,
                 absl::StrCat("is valid from ", absl::FormatTime(own.not_before()), " to ",
                              absl::FormatTime(own.not_after()), ", not now"));
  }
  const std::vector<std::string> uris = own.subject_alt_names().uris;
  std::optional<Identity> identity;
  if (uris.size() == 1) identity = ParseIdentity(uris.front());
  if (!identity.has_value()) {
    return Wrong(
        files.certificate,
        "must hold exactly one URI name, spiffe://CLUSTER/ROLE/NODE; `packetboat cluster ca "
        "issue` makes such certificates");
  }
  return CheckedTlsFiles{*std::move(identity), own.not_after()};
}

}  // namespace packetboat::rpc
