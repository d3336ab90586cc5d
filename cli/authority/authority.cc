#include "cli/authority/authority.h"

#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "base/status.h"

namespace packetboat::cli {
namespace {

// Clocks of a cluster's machines differ a little.
constexpr absl::Duration kBackdated = absl::Hours(1);

// The form that names within a cluster have, as the parser of identities knows it.
absl::Status CheckName(absl::string_view what, const std::string& name) {
  if (rpc::ParseIdentity(absl::StrCat("spiffe://", name, "/mx/node")).has_value()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' cannot be the name of a ", what,
                                                 ": it takes letters, digits, '.', '_', '-'"));
}

absl::Status CheckFileName(const std::string& name) {
  RETURN_IF_ERROR(CheckName("file", name));
  if (name != "ca" && name.front() != '.' && name.front() != '-') return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' cannot be the name of these files"));
}

// The authority's certificate beside those that it made, on their way to another machine.
absl::Status CopyCertificate(const std::string& pem, const std::string& path) {
  const absl::Status status = WriteFile(path, pem, kForEverybody, Existing::kRefuse);
  if (!absl::IsAlreadyExists(status)) return status;
  ASSIGN_OR_RETURN(const std::string there, ReadFile(path));
  if (there == pem) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(path, " is of another authority; choose another folder with --out"));
}

}  // namespace

absl::StatusOr<Authority> Authority::Create(const std::string& folder, const std::string& cluster,
                                            absl::Time now) {
  RETURN_IF_ERROR(CheckName("cluster", cluster));
  RETURN_IF_ERROR(MakeFolder(folder));
  const std::string certificate = folder + "/ca.pem";
  if (FileExists(certificate)) {
    return absl::AlreadyExistsError(
        absl::StrCat(certificate,
                     " exists already; a new authority would make every certificate "
                     "of the cluster worthless"));
  }
  ASSIGN_OR_RETURN(net::x509::CertificateAuthority root,
                   net::x509::CertificateAuthority::Create(
                       cluster, {now - kBackdated, now + kAuthorityLifetime}));
  // The key first: with a certificate but no key, the folder would look complete and be of no use.
  // A key without a certificate is what an interrupted attempt left.
  RETURN_IF_ERROR(
      WriteFile(folder + "/ca.key", root.key().ToPem().Reveal(), kForOwner, Existing::kReplace));
  RETURN_IF_ERROR(
      WriteFile(certificate, root.certificate().ToPem(), kForEverybody, Existing::kRefuse));
  return Authority(folder, std::move(root));
}

absl::StatusOr<Authority> Authority::Open(const std::string& folder) {
  const absl::StatusOr<std::string> certificate = ReadFile(folder + "/ca.pem");
  if (!certificate.ok()) {
    return absl::NotFoundError(absl::StrCat(certificate.status().message(),
                                            "\n`packetboat cluster ca init ", folder,
                                            " --cluster NAME` makes a certificate authority"));
  }
  ASSIGN_OR_RETURN(std::string key_pem, ReadFile(folder + "/ca.key"));
  const Secret key(std::move(key_pem));
  absl::StatusOr<net::x509::CertificateAuthority> root =
      net::x509::CertificateAuthority::Load(*certificate, key.Reveal());
  if (!root.ok()) return Annotate(root.status(), folder);
  return Authority(folder, *std::move(root));
}

absl::StatusOr<rpc::TlsFiles> Authority::IssueForRole(rpc::Role role, const IssueOptions& options,
                                                      absl::Time now) const {
  const rpc::Identity identity = {cluster(), role, options.name};
  net::x509::LeafOptions leaf;
  leaf.common_name = options.name;
  leaf.names.uris = {identity.ToUri()};
  leaf.names.dns = {std::string(rpc::RoleName(role))};
  return Issue(std::move(leaf), options, now);
}

absl::StatusOr<rpc::TlsFiles> Authority::IssueForMail(const std::vector<std::string>& dns,
                                                      const std::vector<net::IpAddress>& addresses,
                                                      const IssueOptions& options,
                                                      absl::Time now) const {
  net::x509::LeafOptions leaf;
  leaf.common_name = options.name;
  leaf.names.dns = dns;
  leaf.names.addresses = addresses;
  leaf.for_client = false;
  return Issue(std::move(leaf), options, now);
}

absl::StatusOr<rpc::TlsFiles> Authority::Issue(net::x509::LeafOptions leaf,
                                               const IssueOptions& options, absl::Time now) const {
  const std::string& name = options.file.empty() ? options.name : options.file;
  RETURN_IF_ERROR(CheckName("node", options.name));
  RETURN_IF_ERROR(CheckFileName(name));
  leaf.validity = {now - kBackdated, now + options.lifetime};
  ASSIGN_OR_RETURN(const net::x509::Identity made, root_.Issue(leaf));
  const std::string folder = options.folder.empty() ? folder_ : options.folder;
  const rpc::TlsFiles files = {folder + "/ca.pem", absl::StrCat(folder, "/", name, ".pem"),
                               absl::StrCat(folder, "/", name, ".key")};
  if (options.existing == Existing::kRefuse &&
      (FileExists(files.key) || FileExists(files.certificate))) {
    return absl::AlreadyExistsError(absl::StrCat(files.key, " or ", files.certificate,
                                                 " exists already; --force replaces them"));
  }
  if (folder != folder_) {
    RETURN_IF_ERROR(MakeFolder(folder));
    RETURN_IF_ERROR(CopyCertificate(root_.certificate().ToPem(), files.ca));
  }
  RETURN_IF_ERROR(WriteFile(files.key, made.key.ToPem().Reveal(), kForOwner, options.existing));
  RETURN_IF_ERROR(
      WriteFile(files.certificate, made.certificate.ToPem(), kForEverybody, options.existing));
  return files;
}

}  // namespace packetboat::cli
