#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "auth/auth.h"
#include "base/json.h"
#include "base/log.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/directory/client.h"
#include "cli/directory/operator.h"
#include "cli/files/files.h"
#include "cli/listing.h"
#include "cli/up/certificates.h"
#include "cli/up/configuration.h"
#include "cli/up/endpoints.h"
#include "cli/up/ports.h"
#include "cli/up/renewal.h"
#include "mx/mx.h"
#include "net/rpc/access.h"
#include "proto/config.pb.h"
#include "role/process.h"
#include "signer/signer.h"
#include "store/store.h"

namespace packetboat::cli {
namespace {

constexpr char kRole[] = "packetboat";

std::string HostName(const config::Mx& mx) {
  if (!mx.hostname().empty()) return mx.hostname();
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return name;
}

void SetClusterTls(const rpc::TlsFiles& files, config::Config& config) {
  config::ClusterTls& tls = *config.mutable_cluster()->mutable_tls();
  tls.set_ca(files.ca);
  tls.set_certificate(files.certificate);
  tls.set_key(files.key);
}

// A role in this process has the configuration of all, and its own certificate within the cluster.
role::StartFunction WithOwnCertificate(role::StartFunction start, const config::Config& config,
                                       const rpc::TlsFiles& files) {
  auto own = std::make_shared<config::Config>(config);
  SetClusterTls(files, *own);
  // The copy lives as long as this function, which the process keeps.
  return [start = std::move(start), own](const role::Environment& environment) {
    role::Environment of_role = environment;
    of_role.config = own.get();
    return start(of_role);
  };
}

std::string Quoted(const std::string& text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

// One run of all roles.
class Up {
 public:
  Up(const Arguments& arguments, Console& console) : arguments_(arguments), console_(console) {}

  absl::StatusOr<int> Run() {
    ASSIGN_OR_RETURN(config_, MakeConfiguration(arguments_.config_files, SystemPorts()));
    RETURN_IF_ERROR(MakeFolder(config_.node().data()));
    certificates_ = std::make_shared<OwnCertificates>(
        OwnCertificates::Options{.folder = config_.node().data() + "/cluster",
                                 .cluster = config_.cluster().name(),
                                 .node = config_.node().name(),
                                 .host_names = {HostName(config_.mx())}});
    RETURN_IF_ERROR(certificates_->Ensure(absl::Now()));
    client_ca_ = config_.mail().tls().certificate();
    if (client_ca_.empty()) UseOwnMailCertificate();

    role::ProcessOptions options;
    options.role = kRole;
    options.roles = {Role(rpc::Role::kSigner, signer::Start),
                     Role(rpc::Role::kStore, store::Start),
                     Role(rpc::Role::kAuth, auth::Start),
                     Role(rpc::Role::kMx, mx::Start),
                     {"certificates", RenewCertificates(certificates_)}};
    options.when_ready = [this](const std::vector<role::Listening>& listening) {
      return Announce(listening);
    };
    return role::Run(config_, options);
  }

 private:
  std::pair<std::string, role::StartFunction> Role(rpc::Role role,
                                                   const role::StartFunction& start) const {
    return {std::string(rpc::RoleName(role)),
            WithOwnCertificate(start, config_, certificates_->ForRole(role))};
  }

  void UseOwnMailCertificate() {
    const rpc::TlsFiles files = certificates_->ForMail();
    client_ca_ = files.ca;
    config_.mutable_mail()->mutable_tls()->set_certificate(files.certificate);
    config_.mutable_mail()->mutable_tls()->set_key(files.key);
  }

  absl::Status Announce(const std::vector<role::Listening>& listening) {
    RETURN_IF_ERROR(WriteOperatorFile());
    const absl::StatusOr<DirectoryCopy> directory = ReadDirectory();
    if (!directory.ok()) log::Warning("directory not read", {{"status", directory.status()}});
    if (const std::optional<std::string> file = arguments_.Value("endpoints")) {
      RETURN_IF_ERROR(WriteFile(*file, MakeEndpoints(listening, directory).ToJson(), kForEverybody,
                                Existing::kReplace));
    }
    PrintTable(listening);
    if (directory.ok() && directory->domains.empty() && config_.mail().domains().empty()) {
      PrintFirstSteps();
    }
    console_.out << std::flush;
    return absl::OkStatus();
  }

  // With this, `packetboat account` and the like find the way by themselves.
  absl::Status WriteOperatorFile() const {
    const rpc::TlsFiles files = certificates_->ForRole(rpc::Role::kAdmin);
    const std::string yaml = absl::StrCat(
        "# Written by `packetboat up` at every start, for the commands of an operator.\n",
        "node:\n  name: ", Quoted(config_.node().name()),
        "\ncluster:\n  name: ", Quoted(config_.cluster().name()), "\n  stores: [",
        Quoted(config_.store().address()), "]\n  signers: [", Quoted(config_.signer().address()),
        "]\n  tls:\n    ca: ", Quoted(files.ca), "\n    certificate: ", Quoted(files.certificate),
        "\n    key: ", Quoted(files.key), "\n");
    return WriteFile(absl::StrCat(config_.node().data(), "/", kOperatorFile), yaml, kForOwner,
                     Existing::kReplace);
  }

  absl::StatusOr<DirectoryCopy> ReadDirectory() const {
    return DirectoryClient({.stores = {config_.store().address()},
                            .tls = certificates_->ForRole(rpc::Role::kAdmin),
                            .cluster = config_.cluster().name()})
        .Read();
  }

  Endpoints MakeEndpoints(const std::vector<role::Listening>& listening,
                          const absl::StatusOr<DirectoryCopy>& directory) const {
    Endpoints endpoints;
    endpoints.ca = std::filesystem::absolute(client_ca_).string();
    endpoints.name = config_.node().name();
    endpoints.listeners = listening;
    if (directory.ok()) {
      for (const auto& [address, account] : directory->accounts) endpoints.users.push_back(address);
      if (!directory->domains.empty()) endpoints.domain = directory->domains.begin()->first;
    }
    if (endpoints.domain.empty() && !config_.mail().domains().empty()) {
      endpoints.domain = config_.mail().domains(0);
    }
    endpoints.processes = {{.role = kRole,
                            .name = config_.node().name(),
                            .pid = getpid(),
                            .data = config_.node().data(),
                            .restart = RestartWords()}};
    return endpoints;
  }

  // From any folder.
  std::vector<std::string> RestartWords() const {
    std::error_code error;
    std::vector<std::string> words = {
        std::filesystem::read_symlink("/proc/self/exe", error).string(), "up"};
    const auto add = [&words](const std::string& option, const std::string& file) {
      words.insert(words.end(), {option, std::filesystem::absolute(file).string()});
    };
    for (const std::string& file : arguments_.config_files) add("--config", file);
    if (const std::optional<std::string> file = arguments_.Value("endpoints")) {
      add("--endpoints", *file);
    }
    return words;
  }

  void PrintTable(const std::vector<role::Listening>& listening) const {
    Listing table({"role", "protocol", "host", "port", "tls"});
    for (const role::Listening& one : listening) {
      if (one.protocol == "grpc") continue;
      table.Add({one.role, one.protocol, one.host, static_cast<uint64_t>(one.port), one.tls});
    }
    console_.out << "\n";
    table.PrintText(console_.out);
    console_.out << "\ndata   " << config_.node().data() << "\ntrust  " << client_ca_
                 << "\nstop   Ctrl-C, or kill " << getpid() << "\n";
  }

  void PrintFirstSteps() const {
    std::string command = "packetboat";
    for (const std::string& file : arguments_.config_files)
      absl::StrAppend(&command, " --config ", file);
    console_.out << "\nNo domain is hosted yet. In another terminal, in this folder:\n  " << command
                 << " domain add example.org\n  " << command << " account add you@example.org\n";
  }

  const Arguments& arguments_;
  Console& console_;
  config::Config config_;
  std::shared_ptr<const OwnCertificates> certificates_;
  std::string client_ca_;
};

absl::StatusOr<int> RunUp(const Arguments& arguments, Console& console) {
  role::BlockSignals();
  return Up(arguments, console).Run();
}

}  // namespace

std::vector<Command> UpCommands() {
  return {
      {"up",
       "",
       0,
       0,
       "run everything in this process: mx, store, auth and signer",
       "From one configuration file, or from none. What the configuration leaves open:\n"
       "  data           ./packetboat-data without a configuration, else node.data\n"
       "  SMTP           port 25 of all addresses; 127.0.0.1:2525 if ports below 1024 are not "
       "allowed\n"
       "  IMAP           ports 143 and 993 of all addresses; 127.0.0.1:1143 and 127.0.0.1:1993\n"
       "  internal       the defaults of signer.address, store.address, auth.address and "
       "node.http, or free ports\n"
       "                 on loopback where these are taken\n"
       "  certificates   made in DATA/cluster and renewed there: an authority, one certificate for "
       "each role (so\n"
       "                 cluster.tls is left out), and one for mail clients unless mail.tls names "
       "one\n\n"
       "The commands domain, account and alias find a running `up` by the same --config, or "
       "without any in the\n"
       "same folder. SIGTERM and Ctrl-C let transactions in flight end, then stop; SIGHUP opens "
       "the log anew.",
       {{"endpoints", "FILE", "once ready, write what listens where to FILE, as JSON"}},
       RunUp},
  };
}

}  // namespace packetboat::cli
