#include "cli/config/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "auth/password/password.h"
#include "base/secret.h"
#include "base/status.h"
#include "cli/config/positions.h"
#include "cli/files/files.h"
#include "mail/address/mailbox.h"
#include "mail/address/normalize.h"
#include "net/api/address.h"
#include "net/rpc/tls_files.h"
#include "net/x509/certificate.h"
#include "proto/config.pb.h"
#include "role/config_files.h"

namespace packetboat::cli {
namespace {

// `host:port`, the host a name or an address.
absl::Status CheckHostPort(const std::string& text, int least_port) {
  const size_t colon = text.rfind(':');
  const std::string host = text.substr(0, colon);
  int port;
  if (colon == std::string::npos || host.empty() ||
      !absl::SimpleAtoi(text.substr(colon + 1), &port) || port < least_port || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", text, "' is not of the form host:port, the port from ", least_port, " to 65535"));
  }
  if (host.front() != '[' && host.find(':') == std::string::npos) return absl::OkStatus();
  return net::Endpoint::Parse(text).status();
}

absl::Status CheckDomain(const std::string& text) {
  ASSIGN_OR_RETURN(const address::Domain domain, address::Domain::Parse(text));
  if (domain.is_literal()) return absl::InvalidArgumentError("an address literal is no domain");
  return address::ToALabels(domain).status();
}

absl::Status CheckReadable(const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
}

absl::Status CheckFolder(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return absl::NotFoundError(absl::StrCat("no folder ", path, ": ", std::strerror(errno)));
  }
  if (!S_ISDIR(info.st_mode))
    return absl::InvalidArgumentError(absl::StrCat(path, " is no folder"));
  return absl::OkStatus();
}

absl::Status CheckScratch(const std::string& path) {
  RETURN_IF_ERROR(CheckFolder(path));
  if (access(path.c_str(), W_OK | X_OK) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("cannot make a file in ", path));
}

// A file that the process makes or appends to.
absl::Status CheckAppendable(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) {
    if (access(path.c_str(), W_OK) == 0) return absl::OkStatus();
    return absl::PermissionDeniedError(absl::StrCat("cannot write ", path));
  }
  const std::string parent = std::filesystem::absolute(path).parent_path();
  RETURN_IF_ERROR(CheckFolder(parent));
  if (access(parent.c_str(), W_OK | X_OK) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("cannot make a file in ", parent));
}

// A folder that the process makes if it is not there, with those above it. Whether it may is not
// looked at: the process often runs as another user than who checks.
absl::Status CheckMakeable(const std::string& path) {
  std::filesystem::path nearest = std::filesystem::absolute(path).lexically_normal();
  while (access(nearest.c_str(), F_OK) != 0 && nearest.has_relative_path()) {
    nearest = nearest.parent_path();
  }
  return CheckFolder(nearest);
}

// The certificate that mail clients see, and its key.
absl::Status CheckMailTls(const config::MailTls& tls, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string chain_pem, ReadFile(tls.certificate()));
  ASSIGN_OR_RETURN(std::string key_text, ReadFile(tls.key()));
  const Secret key_pem(std::move(key_text));
  const auto chain = net::x509::ParsePemChain(chain_pem);
  if (!chain.ok()) return Annotate(chain.status(), tls.certificate());
  const auto key = net::x509::PrivateKey::FromPem(key_pem.Reveal());
  if (!key.ok()) return Annotate(key.status(), tls.key());
  if (!key->Matches(chain->front())) {
    return absl::FailedPreconditionError(
        absl::StrCat(tls.key(), " is not the key to ", tls.certificate()));
  }
  if (now < chain->front().not_before() || now > chain->front().not_after()) {
    return absl::FailedPreconditionError(absl::StrCat(
        tls.certificate(), " is valid from ", absl::FormatTime(chain->front().not_before()), " to ",
        absl::FormatTime(chain->front().not_after()), ", not now"));
  }
  return absl::OkStatus();
}

class Checker {
 public:
  Checker(const config::Config& config, const Positions& positions, absl::Time now)
      : config_(config), positions_(positions), now_(now) {}

  std::vector<config::Mistake> Check() {
    Node();
    Cluster();
    ClusterTls();
    Mail();
    Mx();
    Signer();
    Auth();
    Store();
    Log();
    return std::move(mistakes_);
  }

 private:
  void Add(const std::string& path, std::string text) {
    const size_t dot = path.rfind('.');
    mistakes_.push_back(positions_.At(
        path,
        absl::StrCat("'", dot == std::string::npos ? path : path.substr(dot + 1), "': ", text)));
  }

  bool Require(const std::string& path, const absl::Status& status) {
    if (!status.ok()) Add(path, std::string(status.message()));
    return status.ok();
  }

  // A socket of this process: an address, not a name, and not two on one.
  void Listener(const std::string& path, const std::string& address) {
    const absl::StatusOr<net::Endpoint> endpoint = net::Endpoint::Parse(address);
    if (!Require(path, endpoint.status()) || endpoint->port == 0) return;
    const auto [first, is_new] = listeners_.emplace(endpoint->ToString(), path);
    if (!is_new) Add(path, absl::StrCat(address, " is taken by ", first->second, " already"));
  }

  void Node() {
    if (!config_.node().http().empty()) Listener("node.http", config_.node().http());
    if (config_.node().data().empty()) return Add("node.data", "must name a folder");
    Require("node.data", CheckMakeable(config_.node().data()));
  }

  template <typename List>
  void Peers(const std::string& path, const List& addresses) {
    for (int i = 0; i < addresses.size(); ++i) {
      Require(absl::StrCat(path, "[", i, "]"), CheckHostPort(addresses.Get(i), 1));
    }
  }

  void Cluster() {
    Peers("cluster.stores", config_.cluster().stores());
    Peers("cluster.auths", config_.cluster().auths());
    Peers("cluster.signers", config_.cluster().signers());
  }

  // Whether the file that a setting must name is there.
  bool NamedFile(const std::string& path, const std::string& file) {
    if (!file.empty()) return Require(path, CheckReadable(file));
    Add(path, "is missing");
    return false;
  }

  // `packetboat up` makes its own: none of the three is fine.
  void ClusterTls() {
    const rpc::TlsFiles files = role::ClusterTlsFiles(config_);
    if (files.ca.empty() && files.certificate.empty() && files.key.empty()) return;
    const bool ca = NamedFile("cluster.tls.ca", files.ca);
    const bool certificate = NamedFile("cluster.tls.certificate", files.certificate);
    const bool key = NamedFile("cluster.tls.key", files.key);
    if (!ca || !certificate || !key) return;
    const absl::StatusOr<rpc::CheckedTlsFiles> checked = rpc::CheckTlsFiles(files, now_);
    if (!Require("cluster.tls.certificate", checked.status())) return;
    const rpc::Identity& identity = checked->identity;
    if (identity.cluster != config_.cluster().name()) {
      Add("cluster.tls.certificate",
          absl::StrCat("is of cluster '", identity.cluster, "', and cluster.name is '",
                       config_.cluster().name(), "'"));
    }
    if (identity.node != config_.node().name()) {
      Add("cluster.tls.certificate",
          absl::StrCat("is for '", identity.node, "', and node.name is '", config_.node().name(),
                       "'"));
    }
  }

  void Mail() {
    const config::Mail& mail = config_.mail();
    for (int i = 0; i < mail.domains_size(); ++i) {
      Require(absl::StrCat("mail.domains[", i, "]"), CheckDomain(mail.domains(i)));
    }
    if (!mail.postmaster().empty()) {
      Require("mail.postmaster", address::Mailbox::Parse(mail.postmaster()).status());
    }
    const config::MailTls& tls = mail.tls();
    if (tls.certificate().empty() && tls.key().empty()) return;
    const bool certificate = NamedFile("mail.tls.certificate", tls.certificate());
    const bool key = NamedFile("mail.tls.key", tls.key());
    if (certificate && key) Require("mail.tls.certificate", CheckMailTls(tls, now_));
  }

  void Mx() {
    const config::Mx& mx = config_.mx();
    if (!mx.hostname().empty()) Require("mx.hostname", CheckDomain(mx.hostname()));
    if (!mx.scratch().empty()) Require("mx.scratch", CheckScratch(mx.scratch()));
    for (int i = 0; i < mx.listeners_size(); ++i) {
      const std::string path = absl::StrCat("mx.listeners[", i, "]");
      Listener(path + ".address", mx.listeners(i).address());
      const absl::StatusOr<net::Endpoint> at = net::Endpoint::Parse(mx.listeners(i).address());
      if (mx.listeners(i).protocol() == config::LMTP && at.ok() && at->port == 25) {
        Add(path + ".protocol", "lmtp is not for port 25 (RFC 2033 s5)");
      }
      Networks(path + ".allow_from", mx.listeners(i).allow_from());
      Networks(path + ".proxy_from", mx.listeners(i).proxy_from());
      Networks(path + ".xclient_from", mx.listeners(i).xclient_from());
    }
    Networks("mx.address_limits.exempt", mx.address_limits().exempt());
  }

  template <typename List>
  void Networks(const std::string& path, const List& networks) {
    for (int i = 0; i < networks.size(); ++i) {
      Require(absl::StrCat(path, "[", i, "]"), net::IpNetwork::Parse(networks.Get(i)).status());
    }
  }

  void Signer() {
    Require("signer.address", CheckHostPort(config_.signer().address(), 0));
    if (!config_.signer().keys().empty()) {
      Require("signer.keys", CheckFolder(config_.signer().keys()));
    }
  }

  void Auth() {
    const config::Auth& auth = config_.auth();
    Require("auth.address", CheckHostPort(auth.address(), 0));
    if (!auth.default_domain().empty()) {
      Require("auth.default_domain", CheckDomain(auth.default_domain()));
    }
    for (int i = 0; i < auth.user_files_size(); ++i) {
      const config::UserFile& file = auth.user_files(i);
      const std::string path = absl::StrCat("auth.user_files[", i, "]");
      NamedFile(path + ".file", file.file());
      Require(path + ".default_scheme", auth::ParseScheme(file.default_scheme()).status());
      if (!file.default_domain().empty()) {
        Require(path + ".default_domain", CheckDomain(file.default_domain()));
      }
    }
  }

  void Store() {
    const config::Store& store = config_.store();
    Require("store.address", CheckHostPort(store.address(), 0));
    for (int i = 0; i < store.imap_size(); ++i) {
      Listener(absl::StrCat("store.imap[", i, "].address"), store.imap(i).address());
    }
    if (store.heartbeat() >= store.election_timeout()) {
      Add("store.heartbeat", "must be shorter than store.election_timeout");
    }
  }

  void Log() {
    if (!config_.log().file().empty()) Require("log.file", CheckAppendable(config_.log().file()));
  }

  const config::Config& config_;
  const Positions& positions_;
  const absl::Time now_;
  std::map<std::string, std::string> listeners_;  // address to the setting that has it
  std::vector<config::Mistake> mistakes_;
};

}  // namespace

std::vector<config::Mistake> CheckConfigFiles(const std::vector<std::string>& files,
                                              absl::Time now) {
  config::Config config;
  config::SetDefaults(config);
  Positions positions;
  std::vector<config::Mistake> mistakes;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = ReadFile(file);
    if (!text.ok()) {
      mistakes.push_back({file, 0, 0, std::string(text.status().message())});
      continue;
    }
    for (config::Mistake& one : config::Merge(file, *text, config))
      mistakes.push_back(std::move(one));
    positions.Add(file, *text);
  }
  // What the loader could not take in is half there: checking it would name mistakes that are none.
  if (!mistakes.empty()) return mistakes;
  return Checker(config, positions, now).Check();
}

}  // namespace packetboat::cli
