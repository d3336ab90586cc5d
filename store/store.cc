#include "store/store.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "net/api/address.h"
#include "net/asio/tls_context.h"
#include "net/rpc/server.h"
#include "proto/config.pb.h"
#include "role/config_files.h"
#include "store/housekeeping/housekeeper.h"
#include "store/imap/authenticator.h"
#include "store/imap/server.h"
#include "store/imap_options.h"
#include "store/kv/rocksdb.h"
#include "store/kv/write_metrics.h"
#include "store/raft/node.h"
#include "store/service/delivery_service.h"
#include "store/service/directory_service.h"
#include "store/shards/shards.h"

namespace packetboat::store {
namespace {

// Threads that read messages for IMAP sessions, and reads that wait for one.
constexpr size_t kReaderThreads = 4;
constexpr size_t kReaderQueue = 10'000;
// Before waiting proposals and calls are given up when the process ends: the streams of MXes and
// auths would never end by themselves, and an MX repeats what had no answer, with the same keys.
constexpr absl::Duration kStopGrace = absl::Seconds(2);

absl::Duration Milliseconds(uint64_t value) {
  return absl::Milliseconds(static_cast<int64_t>(value));
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

class Store : public role::Service {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Start(const role::Environment& environment) {
    auto store = std::unique_ptr<Store>(new Store(environment));
    RETURN_IF_ERROR(store->OpenDatabases());
    RETURN_IF_ERROR(store->StartShards());
    RETURN_IF_ERROR(store->StartServices());
    RETURN_IF_ERROR(store->StartImap());
    store->AddHealth();
    return store;
  }

  ~Store() override { Stop(absl::ZeroDuration()); }

  std::vector<role::Listening> listening() const override {
    const std::string& address = config_.store().address();
    std::vector<role::Listening> all = {{.role = "store",
                                         .protocol = "grpc",
                                         .host = address.substr(0, address.rfind(':')),
                                         .port = rpc_->port(),
                                         .tls = "implicit"}};
    const std::vector<net::Endpoint> endpoints = imap_->endpoints();
    for (size_t i = 0; i < endpoints.size(); ++i) {
      const config::ListenerTls tls = config_.store().imap(static_cast<int>(i)).tls();
      all.push_back({.role = "store",
                     .protocol = tls == config::IMPLICIT ? "imaps" : "imap",
                     .host = endpoints[i].address.ToString(),
                     .port = endpoints[i].port,
                     .tls = std::string(TlsName(tls))});
    }
    return all;
  }

  void Drain(absl::Duration timeout) override { Stop(timeout); }

 private:
  explicit Store(const role::Environment& environment)
      : environment_(environment), config_(*environment.config) {}

  absl::Status OpenDatabases() {
    const std::string folder = absl::StrCat(config_.node().data(), "/store");
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot make ", folder, " (node.data): ", error.message()));
    }
    ASSIGN_OR_RETURN(log_, kv::OpenRocksDb(DatabaseOptions(folder + "/log", kv::Profile::kLog)));
    ASSIGN_OR_RETURN(state_,
                     kv::OpenRocksDb(DatabaseOptions(folder + "/state", kv::Profile::kState)));
    write_metrics_.emplace(
        *environment_.metrics,
        kv::WriteMetrics::Databases{{"log", log_.get()}, {"state", state_.get()}});
    return absl::OkStatus();
  }

  kv::RocksDbOptions DatabaseOptions(std::string path, kv::Profile profile) const {
    const config::StoreTest& test = config_.store().test();
    kv::RocksDbOptions options;
    options.path = std::move(path);
    options.profile = profile;
    options.test_hold_back_unsynced = test.hold_back_unsynced();
    options.test_fault_file = test.fault_file();
    if (test.skip_log_sync() && profile == kv::Profile::kLog) {
      options.test_skip_sync = kv::SkippedSync::kWriteAheadLog;
    }
    return options;
  }

  raft::TestFaults RaftFaults() const {
    const config::StoreTest& test = config_.store().test();
    raft::TestFaults faults;
    faults.acknowledge_before_commit = test.acknowledge_before_commit();
    faults.read_without_round = test.read_without_round();
    faults.restart_in_old_term = test.restart_in_old_term();
    faults.count_change_at_wrong_index = test.count_change_at_wrong_index();
    return faults;
  }

  model::PlantedBugs ModelBugs() const {
    model::PlantedBugs bugs;
    bugs.reuse_uid_after_restart = config_.store().test().reuse_uid_after_restart();
    bugs.drop_delivery_key = config_.store().test().drop_delivery_key();
    return bugs;
  }

  absl::Status StartShards() {
    shards_ = std::make_unique<Shards>(*state_);
    raft::NodeOptions options;
    options.cluster = config_.cluster().name();
    options.bootstrap_shards = config_.store().shards();
    options.raft.election_timeout = Milliseconds(config_.store().election_timeout());
    options.raft.heartbeat = Milliseconds(config_.store().heartbeat());
    options.raft.max_in_flight_bytes = config_.store().inflight_body_bytes();
    options.raft.disk_stall = Milliseconds(config_.store().disk_stall());
    options.raft.disk_reserve_soft = config_.store().disk_reserve_soft();
    options.raft.disk_reserve_hard = config_.store().disk_reserve_hard();
    options.raft.clock_ahead_max = Milliseconds(config_.store().clock_ahead_max());
    options.raft.clock_skew_max = Milliseconds(config_.store().clock_skew_max());
    options.raft.max_unflushed_log_bytes = config_.store().unflushed_log_bytes();
    options.raft.test_faults = RaftFaults();
    options.drain_timeout = kStopGrace;
    ASSIGN_OR_RETURN(node_,
                     raft::Node::Start(options, *log_, *state_, shards_->machines(ModelBugs()),
                                       transport_, *environment_.clock, *environment_.random));
    std::vector<replication::Group*> groups;
    for (uint32_t i = 0; i < node_->shards(); ++i) groups.push_back(&node_->group(ShardId(i)));
    shards_->SetGroups(std::move(groups));
    node_->OnUnhealthy([](const absl::Status& status) {
      log::Error("the store can only be read until it is restarted", {{"status", status}});
    });
    housekeeper_ = std::make_unique<Housekeeper>(
        Housekeeper::Options{.dedup_window = Milliseconds(config_.store().dedup_window()),
                             .tombstone_window = Milliseconds(config_.store().tombstone_window())},
        *shards_);
    return absl::OkStatus();
  }

  absl::Status StartServices() {
    const rpc::TlsFiles tls = role::ClusterTlsFiles(config_);
    RETURN_IF_ERROR(rpc::CheckTlsFiles(tls, environment_.clock->Now()));
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(MakeDeliveryService(*shards_));
    services.push_back(MakeDirectoryService(*shards_));
    ASSIGN_OR_RETURN(rpc_, rpc::Server::Start({.address = config_.store().address(),
                                               .tls = tls,
                                               .cluster = config_.cluster().name()},
                                              std::move(services)));
    rpc_->SetServing(true);
    authenticator_ = NewAuthenticator(
        {.addresses = {config_.cluster().auths().begin(), config_.cluster().auths().end()},
         .tls = tls,
         .cluster = config_.cluster().name(),
         .call_timeout = Milliseconds(config_.cluster().call_timeout())});
    return absl::OkStatus();
  }

  absl::Status StartImap() {
    const config::MailTls& tls = config_.mail().tls();
    if (!tls.certificate().empty()) {
      ASSIGN_OR_RETURN(tls_, net::LoadTlsServerContext({{tls.certificate(), tls.key()}}));
      reloader_ = std::make_unique<net::TlsReloader>(
          environment_.network->NextLoop(),
          std::vector<std::shared_ptr<net::TlsServerContext>>{tls_},
          Milliseconds(tls.reload_interval()));
    }
    std::vector<ImapListener> listeners;
    for (const config::ImapListener& listener : config_.store().imap()) {
      ASSIGN_OR_RETURN(ImapListener made, MakeListener(listener));
      listeners.push_back(std::move(made));
    }
    ASSIGN_OR_RETURN(imap_, ImapServer::Start(std::move(listeners), *environment_.network));
    return absl::OkStatus();
  }

  absl::StatusOr<ImapListener> MakeListener(const config::ImapListener& config) {
    ASSIGN_OR_RETURN(const net::Endpoint endpoint, net::Endpoint::Parse(config.address()));
    if (config.tls() != config::NONE && tls_ == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the IMAP listener on ", config.address(),
                       " needs mail.tls.certificate and mail.tls.key, or tls: none"));
    }
    const bool implicit = config.tls() == config::IMPLICIT;
    auto context = std::make_shared<ImapContext>();
    context->services = {shards_.get(), authenticator_.get(), &readers_, &recent_};
    context->implicit_tls = implicit;
    context->tls = tls_;
    context->options = ToSessionOptions(config_.store(), config.tls());
    context->sessions =
        &environment_.metrics->gauge("packetboat_store_imap_sessions", "Open IMAP connections.",
                                     {{"protocol", implicit ? "imaps" : "imap"}});
    ImapListener listener;
    listener.context = std::move(context);
    listener.listen.name = implicit ? "imaps" : "imap";
    listener.listen.endpoint = endpoint;
    listener.listen.max_connections = config_.store().imap_connections_max();
    listener.listen.refusal = "* BYE Too many connections, try again later\r\n";
    if (implicit) listener.listen.tls = tls_;
    return listener;
  }

  void AddHealth() {
    using Weight = HealthRegistry::Weight;
    HealthRegistry& health = *environment_.health;
    health_.push_back(health.Add("log", Weight::kReadiness, [this] { return node_->health(); }));
    health_.push_back(health.Add("shards", Weight::kReadiness, [this] { return ShardsStatus(); }));
    health_.push_back(
        health.Add("auth", Weight::kInformation, [this] { return authenticator_->status(); }));
    if (tls_ == nullptr) return;
    health_.push_back(health.Add("mail.tls", Weight::kInformation, [this] {
      if (environment_.clock->Now() > tls_->not_after()) {
        return absl::FailedPreconditionError(
            absl::StrCat("the certificate expired at ", absl::FormatTime(tls_->not_after())));
      }
      return tls_->last_reload();
    }));
  }

  // Fine while at least one shard can be written or read through this node.
  absl::Status ShardsStatus() const {
    for (uint32_t i = 0; i < shards_->count(); ++i) {
      if (shards_->group(ShardId(i)).status().leader.has_value()) return absl::OkStatus();
    }
    return absl::UnavailableError("no shard has a leader");
  }

  void Stop(absl::Duration timeout) {
    health_.clear();
    if (imap_ != nullptr) imap_->Drain(timeout);
    if (rpc_ != nullptr) rpc_->Stop(std::min(timeout, kStopGrace));
    housekeeper_.reset();
    if (node_ != nullptr && !stopped_) node_->Stop();
    stopped_ = true;
  }

  const role::Environment environment_;
  const config::Config& config_;
  std::unique_ptr<kv::Database> log_;
  std::unique_ptr<kv::Database> state_;
  std::optional<kv::WriteMetrics> write_metrics_;
  raft::NullTransport transport_;
  std::unique_ptr<Shards> shards_;
  std::unique_ptr<raft::Node> node_;
  std::unique_ptr<Housekeeper> housekeeper_;
  bool stopped_ = false;
  RecentMarks recent_;
  std::unique_ptr<Authenticator> authenticator_;
  ThreadPool readers_{kReaderThreads, kReaderQueue};
  std::unique_ptr<rpc::Server> rpc_;
  std::shared_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<net::TlsReloader> reloader_;
  std::unique_ptr<ImapServer> imap_;
  std::vector<HealthRegistry::Registration> health_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment) {
  return Store::Start(environment);
}

}  // namespace packetboat::store
