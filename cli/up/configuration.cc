#include "cli/up/configuration.h"

#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/config/load.h"
#include "base/status.h"
#include "cli/directory/operator.h"
#include "net/api/address.h"
#include "proto/config.pb.h"
#include "role/config_files.h"

namespace packetboat::cli {
namespace {

// Where mail clients and servers find a service when nothing is configured.
struct ServicePort {
  uint16_t low;   // the well-known one
  uint16_t high;  // for those who may not use it, on loopback
};
constexpr ServicePort kSmtp = {25, 2525};
constexpr ServicePort kImap = {143, 1143};
constexpr ServicePort kImaps = {993, 1993};

std::vector<net::Endpoint> PublicEndpoints(const ServicePort& service, const Ports& ports) {
  if (!ports.MayUseLowPorts()) return {{net::IpAddress::LoopbackV4(), service.high}};
  std::vector<net::Endpoint> endpoints = {{net::IpAddress(), service.low}};
  if (ports.HasIpv6()) {
    endpoints.push_back({net::IpAddress::Parse("::").value(), service.low});
  }
  return endpoints;
}

void AddImap(const ServicePort& service, config::ListenerTls tls, const Ports& ports,
             config::Store& store) {
  for (const net::Endpoint& endpoint : PublicEndpoints(service, ports)) {
    config::ImapListener& listener = *store.add_imap();
    config::SetDefaults(listener);
    listener.set_address(endpoint.ToString());
    listener.set_tls(tls);
  }
}

void AddListeners(const Ports& ports, config::Config& config) {
  if (config.mx().listeners().empty()) {
    for (const net::Endpoint& endpoint : PublicEndpoints(kSmtp, ports)) {
      config::MxListener& listener = *config.mutable_mx()->add_listeners();
      config::SetDefaults(listener);
      listener.set_address(endpoint.ToString());
    }
  }
  if (config.store().imap().empty()) {
    AddImap(kImap, config::STARTTLS, ports, *config.mutable_store());
    AddImap(kImaps, config::IMPLICIT, ports, *config.mutable_store());
  }
}

// Addresses that nobody chose give way to whoever is there already.
absl::Status MoveDefaults(const Ports& ports, config::Config& config) {
  config::Config defaults;
  config::SetDefaults(defaults);
  struct Setting {
    const std::string& by_default;
    std::string* address;
  };
  const Setting settings[] = {
      {defaults.signer().address(), config.mutable_signer()->mutable_address()},
      {defaults.store().address(), config.mutable_store()->mutable_address()},
      {defaults.auth().address(), config.mutable_auth()->mutable_address()},
      {defaults.node().http(), config.mutable_node()->mutable_http()},
  };
  ASSIGN_OR_RETURN(const std::vector<net::Endpoint> others,
                   ports.FreeOnLoopback(std::size(settings)));
  for (size_t i = 0; i < std::size(settings); ++i) {
    if (*settings[i].address != settings[i].by_default) continue;
    ASSIGN_OR_RETURN(const net::Endpoint endpoint, net::Endpoint::Parse(*settings[i].address));
    if (!ports.IsFree(endpoint)) *settings[i].address = others[i].ToString();
  }
  return absl::OkStatus();
}

template <typename List>
absl::Status BecomeOnly(absl::string_view setting, const std::string& own, List* addresses) {
  if (addresses->empty()) addresses->Add()->assign(own);
  if (addresses->size() == 1 && addresses->Get(0) == own) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      setting,
      " names other processes, and `packetboat up` is a cluster by itself: leave it out, or "
      "start mx, store, auth and signer as processes of their own"));
}

absl::Status BecomeCluster(config::Config& config) {
  config::Cluster& cluster = *config.mutable_cluster();
  const config::ClusterTls& tls = cluster.tls();
  if (!tls.ca().empty() || !tls.certificate().empty() || !tls.key().empty()) {
    return absl::InvalidArgumentError(
        "cluster.tls is for one role, and `packetboat up` makes a certificate for each: leave it "
        "out");
  }
  RETURN_IF_ERROR(BecomeOnly("cluster.stores", config.store().address(), cluster.mutable_stores()));
  RETURN_IF_ERROR(BecomeOnly("cluster.auths", config.auth().address(), cluster.mutable_auths()));
  return BecomeOnly("cluster.signers", config.signer().address(), cluster.mutable_signers());
}

}  // namespace

absl::StatusOr<config::Config> MakeConfiguration(const std::vector<std::string>& files,
                                                 const Ports& ports) {
  config::Config config;
  RETURN_IF_ERROR(role::LoadConfig(files, config));
  if (files.empty()) config.mutable_node()->set_data(kDefaultDataFolder);
  std::error_code error;
  config.mutable_node()->set_data(
      std::filesystem::absolute(config.node().data(), error).lexically_normal().string());
  if (error) return absl::FailedPreconditionError(absl::StrCat("node.data: ", error.message()));
  AddListeners(ports, config);
  RETURN_IF_ERROR(MoveDefaults(ports, config));
  RETURN_IF_ERROR(BecomeCluster(config));
  return config;
}

}  // namespace packetboat::cli
