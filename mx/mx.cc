#include "mx/mx.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "mx/clients/auth_client.h"
#include "mx/clients/delivery_options.h"
#include "mx/clients/store_client.h"
#include "mx/inbound/client_limits.h"
#include "mx/inbound/metrics.h"
#include "mx/inbound/server.h"
#include "mx/readiness.h"
#include "net/api/certificate_status.h"
#include "net/asio/tls_context.h"
#include "net/rpc/tls_files.h"
#include "proto/config.pb.h"
#include "role/config_files.h"

namespace packetboat::mx {
namespace {

// Connections of one listener that are being closed, or whose load balancer has not yet named their
// client, beside those that are served.
constexpr size_t kClosingConnections = 1000;

absl::Duration Milliseconds(uint64_t value) {
  return absl::Milliseconds(static_cast<int64_t>(value));
}

smtp::Limits ToLimits(const config::SmtpLimits& config, const config::MailTls& tls) {
  smtp::Limits limits;
  limits.max_message_bytes = config.message_bytes();
  limits.max_recipients = config.recipients();
  limits.max_command_line_bytes = config.command_line_bytes();
  limits.max_auth_line_bytes = config.auth_line_bytes();
  limits.max_auth_failures = config.auth_failures();
  limits.max_transactions = config.transactions();
  limits.max_header_bytes = config.header_bytes();
  limits.max_received = config.received_fields();
  limits.max_errors = config.errors();
  limits.max_junk_commands = config.junk_commands();
  limits.max_discarded_bytes = config.discarded_bytes();
  limits.max_buffered_input_bytes = config.buffered_input_bytes();
  limits.max_unwritten_bytes = config.unwritten_bytes();
  limits.max_untaken_body_bytes = config.untaken_body_bytes();
  limits.data_block_bytes = config.data_block_bytes();
  limits.command_timeout = Milliseconds(config.command_timeout());
  limits.data_block_timeout = Milliseconds(config.data_timeout());
  limits.tls_handshake_timeout = Milliseconds(tls.handshake_timeout());
  return limits;
}

absl::StatusOr<std::vector<net::IpNetwork>> ToNetworks(
    const google::protobuf::RepeatedPtrField<std::string>& texts, absl::string_view key) {
  std::vector<net::IpNetwork> networks;
  for (const std::string& text : texts) {
    const absl::StatusOr<net::IpNetwork> network = net::IpNetwork::Parse(text);
    if (!network.ok()) return Annotate(network.status(), key);
    networks.push_back(*network);
  }
  return networks;
}

std::vector<net::IpNetwork> ThisMachine() {
  return {*net::IpNetwork::Parse("127.0.0.0/8"), *net::IpNetwork::Parse("::1")};
}

absl::StatusOr<ClientLimitOptions> ToClientLimits(const config::Mx& config) {
  const config::AddressLimits& limits = config.address_limits();
  ClientLimitOptions options;
  options.connections = config.connections_max();
  options.address_connections = limits.connections();
  options.address_connection_rate = limits.connection_rate();
  options.address_errors = limits.errors();
  options.window = Milliseconds(limits.window());
  options.ipv4_prefix = static_cast<int>(limits.ipv4_prefix());
  options.ipv6_prefix = static_cast<int>(limits.ipv6_prefix());
  options.idle_addresses = limits.entries();
  ASSIGN_OR_RETURN(options.exempt, ToNetworks(limits.exempt(), "mx.address_limits.exempt"));
  if (options.exempt.empty()) options.exempt = ThisMachine();
  return options;
}

smtp::BareNewline ToBareNewline(const config::MxListener& listener) {
  const bool normalize = listener.has_bare_newline() ? listener.bare_newline() == config::NORMALIZE
                                                     : listener.protocol() == config::LMTP;
  return normalize ? smtp::BareNewline::kNormalize : smtp::BareNewline::kReject;
}

std::string HostName(const config::Mx& config) {
  if (!config.hostname().empty()) return config.hostname();
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return name;
}

std::string ScratchFolder(const config::Mx& config) {
  if (!config.scratch().empty()) return config.scratch();
  const char* const folder = std::getenv("TMPDIR");
  return folder != nullptr && folder[0] != '\0' ? folder : "/tmp";
}

absl::string_view TlsName(config::ListenerTls tls) {
  switch (tls) {
    case config::NONE:
      return "none";
    case config::IMPLICIT:
      return "implicit";
    default:
      return "starttls";
  }
}

class Mx : public role::Service {
 public:
  static absl::StatusOr<std::unique_ptr<Mx>> Start(const role::Environment& environment) {
    auto mx = std::unique_ptr<Mx>(new Mx(environment));
    RETURN_IF_ERROR(mx->StartClients());
    RETURN_IF_ERROR(mx->StartListeners());
    mx->AddHealth();
    return mx;
  }

  ~Mx() override {
    // Sessions ask the clients; the clients answer on loops that go on until the process ends.
    server_.reset();
  }

  std::vector<role::Listening> listening() const override {
    std::vector<role::Listening> all;
    const std::vector<net::Endpoint> endpoints = server_->endpoints();
    for (size_t i = 0; i < endpoints.size(); ++i) {
      const config::MxListener& listener = config_.mx().listeners(static_cast<int>(i));
      all.push_back({.role = "mx",
                     .protocol = listener.protocol() == config::LMTP ? "lmtp" : "smtp",
                     .host = endpoints[i].address.ToString(),
                     .port = endpoints[i].port,
                     .tls = std::string(TlsName(listener.tls()))});
    }
    return all;
  }

  void Drain(absl::Duration timeout) override { server_->Drain(timeout); }

 private:
  explicit Mx(const role::Environment& environment)
      : environment_(environment),
        config_(*environment.config),
        budget_(std::make_shared<BodyBudget>(environment.config->mx().inflight_bytes())),
        readiness_(Milliseconds(environment.config->mx().ready_grace()), *environment.clock) {}

  absl::Status StartClients() {
    const rpc::TlsFiles tls = role::ClusterTlsFiles(config_);
    RETURN_IF_ERROR(rpc::CheckTlsFiles(tls, environment_.clock->Now()));
    const config::Cluster& cluster = config_.cluster();
    if (cluster.auths().empty() || cluster.stores().empty()) {
      return absl::InvalidArgumentError("cluster.auths and cluster.stores must name at least one");
    }
    auth_ = NewAuthClient({.addresses = {cluster.auths().begin(), cluster.auths().end()},
                           .tls = tls,
                           .cluster = cluster.name(),
                           .call_timeout = Milliseconds(cluster.call_timeout()),
                           .attempt_timeout = Milliseconds(cluster.attempt_timeout())});
    stores_ = NewStoreClient({.addresses = {cluster.stores().begin(), cluster.stores().end()},
                              .tls = tls,
                              .cluster = cluster.name(),
                              .delivery = DeliveryOptions()},
                             environment_.network->NextLoop());
    return absl::OkStatus();
  }

  DeliveryClientOptions DeliveryOptions() const {
    DeliveryClientOptions options;
    options.attempt_timeout = Milliseconds(config_.mx().attempt_timeout());
    options.leader_patience = Milliseconds(config_.mx().leader_patience());
    options.unacknowledged_chunks = static_cast<int>(config_.cluster().delivery_window());
    options.forget_queue = config_.mx().forget_queue();
    options.forget_timeout = Milliseconds(config_.cluster().call_timeout());
    options.quota_timeout = Milliseconds(config_.mx().quota_timeout());
    options.on_retry = [metrics = environment_.metrics](RetryReason reason) {
      metrics
          ->counter("packetboat_mx_delivery_retries_total",
                    "Proposals to a store that were made again, or elsewhere, by why.",
                    {{"reason", std::string(RetryReasonName(reason))}})
          .Add();
    };
    return options;
  }

  absl::Status StartListeners() {
    if (config_.mx().listeners().empty()) {
      return absl::InvalidArgumentError("mx.listeners is empty: nothing would be received");
    }
    const config::MailTls& tls = config_.mail().tls();
    if (!tls.certificate().empty()) {
      ASSIGN_OR_RETURN(tls_, net::LoadTlsServerContext({{tls.certificate(), tls.key()}}));
      reloader_ = std::make_unique<net::TlsReloader>(
          environment_.network->NextLoop(),
          std::vector<std::shared_ptr<net::TlsServerContext>>{tls_},
          Milliseconds(tls.reload_interval()));
    }
    ASSIGN_OR_RETURN(ClientLimitOptions client_limits, ToClientLimits(config_.mx()));
    client_limits_ = std::make_shared<ClientLimits>(std::move(client_limits));
    std::vector<InboundListener> listeners;
    for (const config::MxListener& listener : config_.mx().listeners()) {
      ASSIGN_OR_RETURN(InboundListener made, MakeListener(listener));
      listeners.push_back(std::move(made));
    }
    ASSIGN_OR_RETURN(server_, InboundServer::Start(std::move(listeners), *environment_.network));
    return absl::OkStatus();
  }

  absl::StatusOr<InboundListener> MakeListener(const config::MxListener& config) {
    ASSIGN_OR_RETURN(const net::Endpoint endpoint, net::Endpoint::Parse(config.address()));
    const bool lmtp = config.protocol() == config::LMTP;
    if (lmtp && endpoint.port == 25) {
      return absl::InvalidArgumentError("LMTP is not for port 25 (RFC 2033 s5)");
    }
    if (config.tls() != config::NONE && tls_ == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the listener on ", config.address(),
                       " needs mail.tls.certificate and mail.tls.key, or tls: none"));
    }
    ASSIGN_OR_RETURN(std::shared_ptr<const smtp::ServerConfig> smtp, MakeSmtp(config));
    auto context = MakeContext(smtp, lmtp ? "lmtp" : "smtp");
    ASSIGN_OR_RETURN(context->allow_from, ToNetworks(config.allow_from(), "allow_from"));
    if (lmtp && context->allow_from.empty()) context->allow_from = ThisMachine();

    InboundListener listener;
    listener.context = std::move(context);
    listener.listen.name = lmtp ? "lmtp" : "smtp";
    listener.listen.endpoint = endpoint;
    // All listeners together are held to connections_max by the client limits.
    listener.listen.max_connections = config_.mx().connections_max() + kClosingConnections;
    listener.listen.refusal =
        absl::StrCat("421 4.3.2 ", smtp->hostname, " too many connections, try again later\r\n");
    if (config.tls() == config::IMPLICIT) listener.listen.tls = tls_;
    ASSIGN_OR_RETURN(listener.listen.proxy_from, ToNetworks(config.proxy_from(), "proxy_from"));
    listener.listen.proxy_timeout = Milliseconds(config_.mx().proxy_timeout());
    listener.listen.limits.write_timeout = Milliseconds(config_.mx().limits().write_timeout());
    // The engine's own deadline comes first, and says why it closes.
    listener.listen.limits.handshake_timeout =
        smtp->limits.tls_handshake_timeout + absl::Seconds(1);
    return listener;
  }

  absl::StatusOr<std::shared_ptr<const smtp::ServerConfig>> MakeSmtp(
      const config::MxListener& config) {
    auto smtp = std::make_shared<smtp::ServerConfig>();
    smtp->mode = config.protocol() == config::LMTP ? smtp::Mode::kLmtp : smtp::Mode::kMx;
    smtp->hostname = HostName(config_.mx());
    smtp->bare_newline = ToBareNewline(config);
    smtp->implicit_tls = config.tls() == config::IMPLICIT;
    smtp->starttls = config.tls() == config::STARTTLS;
    ASSIGN_OR_RETURN(smtp->xclient_from, ToNetworks(config.xclient_from(), "xclient_from"));
    smtp->ask_connect = true;
    smtp->ask_data = true;
    smtp->limits = ToLimits(config_.mx().limits(), config_.mail().tls());
    return smtp;
  }

  std::shared_ptr<InboundContext> MakeContext(std::shared_ptr<const smtp::ServerConfig> smtp,
                                              const std::string& protocol) {
    auto context = std::make_shared<InboundContext>();
    context->smtp = std::move(smtp);
    context->tls = tls_;
    context->auth = auth_.get();
    context->stores = stores_.get();
    context->budget = budget_.get();
    context->buffer.memory_limit = config_.mx().memory_per_message();
    context->buffer.scratch_folder = ScratchFolder(config_.mx());
    context->commit_wait = Milliseconds(config_.mx().commit_wait());
    context->clock = environment_.clock;
    context->random = environment_.random;
    context->client_limits = client_limits_;
    context->unconfirmed_messages = config_.mx().unconfirmed_messages();
    context->metrics = std::make_shared<InboundMetrics>(*environment_.metrics, protocol);
    return context;
  }

  void AddHealth() {
    using Weight = HealthRegistry::Weight;
    HealthRegistry& health = *environment_.health;
    health_.push_back(health.Add("auth", Weight::kInformation, [this] { return auth_->status(); }));
    health_.push_back(
        health.Add("stores", Weight::kInformation, [this] { return stores_->status(); }));
    health_.push_back(health.Add("accepting", Weight::kReadiness, [this] {
      absl::Status status = auth_->status();
      status.Update(stores_->status());
      return readiness_.Judge(std::move(status));
    }));
    if (tls_ != nullptr) {
      health_.push_back(health.Add("mail.tls", Weight::kInformation, [this] {
        return net::CertificateStatus(*tls_, environment_.clock->Now());
      }));
    }
    Gauge& inflight = environment_.metrics->gauge("packetboat_mx_inflight_bytes",
                                                  "Bodies of messages in flight.");
    environment_.metrics->OnCollect(
        [budget = budget_, &inflight] { inflight.Set(static_cast<double>(budget->used())); });
  }

  const role::Environment environment_;
  const config::Config& config_;
  const std::shared_ptr<BodyBudget> budget_;
  Readiness readiness_;
  std::unique_ptr<AuthClient> auth_;
  std::unique_ptr<StoreClient> stores_;
  std::shared_ptr<ClientLimits> client_limits_;
  std::shared_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<net::TlsReloader> reloader_;
  std::unique_ptr<InboundServer> server_;
  std::vector<HealthRegistry::Registration> health_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment) {
  return Mx::Start(environment);
}

}  // namespace packetboat::mx
