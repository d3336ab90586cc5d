#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/authority/authority.h"
#include "cli/cluster/status_command.h"
#include "cli/commands.h"
#include "net/api/address.h"
#include "net/rpc/access.h"

namespace packetboat::cli {
namespace {

constexpr int kDaysMax = 3650;

absl::StatusOr<absl::Duration> Lifetime(const Arguments& arguments) {
  const std::optional<std::string> text = arguments.Value("days");
  if (!text.has_value()) return kCertificateLifetime;
  int days;
  if (!absl::SimpleAtoi(*text, &days) || days < 1 || days > kDaysMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("--days takes a number from 1 to ", kDaysMax, ", not '", *text, "'"));
  }
  return absl::Hours(24) * days;
}

absl::StatusOr<rpc::Role> RoleOption(const Arguments& arguments) {
  const std::string name = arguments.Value("role").value_or("");
  const std::optional<rpc::Role> role = rpc::ParseRole(name);
  if (role.has_value()) return *role;
  std::string known;
  for (const rpc::Role one : rpc::AllRoles()) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", rpc::RoleName(one));
  }
  return absl::InvalidArgumentError(
      name.empty() ? absl::StrCat("--role is missing: one of ", known, "; or --mail")
                   : absl::StrCat("--role takes one of ", known, ", not '", name, "'"));
}

absl::StatusOr<std::vector<net::IpAddress>> Addresses(const Arguments& arguments) {
  std::vector<net::IpAddress> addresses;
  for (const std::string& text : arguments.Values("ip")) {
    const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(text);
    if (!address.ok()) return Annotate(address.status(), "--ip");
    addresses.push_back(*address);
  }
  return addresses;
}

absl::StatusOr<rpc::TlsFiles> IssueMail(const Authority& authority, const Arguments& arguments,
                                        const IssueOptions& options) {
  if (arguments.Has("role")) {
    return absl::InvalidArgumentError("--mail and --role exclude each other: one certificate each");
  }
  ASSIGN_OR_RETURN(const std::vector<net::IpAddress> addresses, Addresses(arguments));
  const std::vector<std::string> dns = arguments.Values("dns");
  if (dns.empty() && addresses.empty()) {
    return absl::InvalidArgumentError(
        "--mail needs the names that clients connect to: --dns NAME, --ip ADDRESS");
  }
  return authority.IssueForMail(dns, addresses, options, absl::Now());
}

absl::StatusOr<rpc::TlsFiles> IssueRole(const Authority& authority, const Arguments& arguments,
                                        const IssueOptions& options) {
  if (arguments.Has("dns") || arguments.Has("ip")) {
    return absl::InvalidArgumentError(
        "--dns and --ip belong to --mail: within the cluster only roles count");
  }
  ASSIGN_OR_RETURN(const rpc::Role role, RoleOption(arguments));
  return authority.IssueForRole(role, options, absl::Now());
}

absl::StatusOr<int> RunInit(const Arguments& arguments, Console& console) {
  const std::optional<std::string> cluster = arguments.Value("cluster");
  if (!cluster.has_value()) {
    return absl::InvalidArgumentError(
        "--cluster NAME is missing: cluster.name of the configuration");
  }
  ASSIGN_OR_RETURN(const Authority authority,
                   Authority::Create(arguments.operands[0], *cluster, absl::Now()));
  console.out << authority.certificate_file() << ": the authority of cluster "
              << authority.cluster() << "; keep ca.key off the machines of the cluster\n";
  return kExitOk;
}

absl::StatusOr<int> RunIssue(const Arguments& arguments, Console& console) {
  const std::optional<std::string> name = arguments.Value("name");
  if (!name.has_value()) {
    return absl::InvalidArgumentError("--name NAME is missing: node.name of the process");
  }
  IssueOptions options;
  options.name = *name;
  options.folder = arguments.Value("out").value_or("");
  options.existing = arguments.Has("force") ? Existing::kReplace : Existing::kRefuse;
  ASSIGN_OR_RETURN(options.lifetime, Lifetime(arguments));
  ASSIGN_OR_RETURN(const Authority authority, Authority::Open(arguments.operands[0]));
  ASSIGN_OR_RETURN(const rpc::TlsFiles files, arguments.Has("mail")
                                                  ? IssueMail(authority, arguments, options)
                                                  : IssueRole(authority, arguments, options));
  console.out << files.certificate << "\n" << files.key << "\n";
  return kExitOk;
}

}  // namespace

std::vector<Command> ClusterCommands() {
  return {
      ClusterStatusCommand(),
      {"cluster ca init",
       "DIR",
       1,
       1,
       "make the cluster's certificate authority",
       "Writes ca.pem and ca.key into DIR. Whoever has ca.key can become any member of the "
       "cluster: it stays\n"
       "with the operator, no process of the cluster needs it.",
       {{"cluster", "NAME", "the cluster's name, as cluster.name has it"}},
       RunInit},
      {"cluster ca issue",
       "DIR",
       1,
       1,
       "make a certificate for a process, an operator, or mail clients",
       "Writes NAME.pem and NAME.key. A process takes part in its cluster with one (cluster.tls), "
       "an operator's\n"
       "commands with one of role admin. A process reads its files again when they change: to "
       "renew one, issue it\n"
       "anew with --force.\n\n"
       "With --mail: a certificate for SMTP and IMAP (mail.tls), for those who trust ca.pem.",
       {{"role", "ROLE", "mx, signer, auth, store, or admin for an operator"},
        {"name", "NAME", "node.name of the process, and the files' name"},
        {"mail", "", "a certificate that mail clients see, instead of one for a role"},
        {"dns", "NAME", "with --mail: a host name that clients connect to", true},
        {"ip", "ADDRESS", "with --mail: an address that clients connect to", true},
        {"out", "DIR", "write there, and ca.pem too, instead of into the authority's folder"},
        {"days", "N", "how long it is valid (365)"},
        {"force", "", "replace files that are there"}},
       RunIssue},
  };
}

}  // namespace packetboat::cli
