#include "cli/up/certificates.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "cli/authority/authority.h"
#include "cli/files/files.h"
#include "net/api/address.h"
#include "net/x509/certificate.h"

namespace packetboat::cli {
namespace {

using net::x509::Certificate;
using net::x509::PrivateKey;

constexpr char kMailFile[] = "mail";

absl::StatusOr<Authority> OpenOrCreate(const std::string& folder, const std::string& cluster,
                                       absl::Time now) {
  if (FileExists(folder + "/ca.pem")) return Authority::Open(folder);
  log::Info("new certificate authority", {{"folder", folder}, {"cluster", cluster}});
  return Authority::Create(folder, cluster, now);
}

absl::StatusOr<Certificate> ReadCertificate(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, ReadFile(path));
  return Certificate::FromPem(pem);
}

std::vector<std::string> MailNames(std::vector<std::string> host_names) {
  host_names.push_back("localhost");
  return host_names;
}

}  // namespace

absl::Status OwnCertificates::Ensure(absl::Time now) const {
  ASSIGN_OR_RETURN(const Authority authority, OpenOrCreate(options_.folder, options_.cluster, now));
  if (authority.cluster() != options_.cluster) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.folder, " is of cluster '", authority.cluster(),
                     "', and cluster.name is '", options_.cluster, "': set it back"));
  }
  for (const rpc::Role role : rpc::AllRoles()) {
    if (IsGoodForRole(role, now)) continue;
    const std::string file(rpc::RoleName(role));
    RETURN_IF_ERROR(authority.IssueForRole(
        role, {.name = options_.node, .file = file, .existing = Existing::kReplace}, now));
    log::Info("certificate issued", {{"file", Files(file).certificate}});
  }
  if (!IsGoodForMail(now)) {
    RETURN_IF_ERROR(
        authority.IssueForMail(MailNames(options_.host_names),
                               {net::IpAddress::LoopbackV4(), net::IpAddress::LoopbackV6()},
                               {.name = kMailFile, .existing = Existing::kReplace}, now));
    log::Info("certificate issued", {{"file", ForMail().certificate}});
  }
  if (authority.not_after() - now < kRenewBefore) {
    return absl::FailedPreconditionError(absl::StrCat(
        authority.certificate_file(), " expires at ", absl::FormatTime(authority.not_after()),
        "; stop, move the folder away and start again: a new authority is made"));
  }
  return absl::OkStatus();
}

rpc::TlsFiles OwnCertificates::ForRole(rpc::Role role) const {
  return Files(std::string(rpc::RoleName(role)));
}

rpc::TlsFiles OwnCertificates::ForMail() const { return Files(kMailFile); }

rpc::TlsFiles OwnCertificates::Files(const std::string& name) const {
  return {options_.folder + "/ca.pem", absl::StrCat(options_.folder, "/", name, ".pem"),
          absl::StrCat(options_.folder, "/", name, ".key")};
}

bool OwnCertificates::IsGoodForRole(rpc::Role role, absl::Time now) const {
  const absl::StatusOr<rpc::CheckedTlsFiles> checked = rpc::CheckTlsFiles(ForRole(role), now);
  return checked.ok() && checked->identity.role == role &&
         checked->identity.cluster == options_.cluster && checked->identity.node == options_.node &&
         checked->not_after - now >= kRenewBefore;
}

bool OwnCertificates::IsGoodForMail(absl::Time now) const {
  const rpc::TlsFiles files = ForMail();
  const absl::StatusOr<Certificate> root = ReadCertificate(files.ca);
  const absl::StatusOr<Certificate> own = ReadCertificate(files.certificate);
  const absl::StatusOr<std::string> key_pem = ReadFile(files.key);
  if (!root.ok() || !own.ok() || !key_pem.ok()) return false;
  const absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(*key_pem);
  return key.ok() && key->Matches(*own) && own->IsSignedBy(*root) &&
         own->subject_alt_names().dns == MailNames(options_.host_names) &&
         own->not_after() - now >= kRenewBefore;
}

}  // namespace packetboat::cli
