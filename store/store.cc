#include "store/store.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "net/api/address.h"
#include "net/api/certificate_status.h"
#include "net/asio/tls_context.h"
#include "net/rpc/server.h"
#include "proto/config.pb.h"
#include "role/config_files.h"
#include "role/process.h"
#include "store/housekeeping/housekeeper.h"
#include "store/imap/authenticator.h"
#include "store/imap/server.h"
#include "store/imap_options.h"
#include "store/kv/rocksdb.h"
#include "store/kv/write_metrics.h"
#include "store/model/state_machine.h"
#include "store/peers/peer_service.h"
#include "store/peers/peers.h"
#include "store/peers/replica.h"
#include "store/peers/replication_metrics.h"
#include "store/raft/node.h"
#include "store/service/delivery_service.h"
#include "store/service/directory_service.h"
#include "store/shards/shards.h"

namespace packetboat::store {
namespace {

// Threads that read messages for IMAP sessions, and reads that wait for one.
constexpr size_t kReaderThreads = 4;
constexpr size_t kReaderQueue = 10'000;
// When the process ends: for proposals in flight, and for leadership to move away. An MX repeats
// what had no answer, with the same keys.
constexpr absl::Duration kStopGrace = absl::Seconds(2);
constexpr absl::Duration kAnswersGrace = absl::Milliseconds(200);

// Twice what may be applied and not flushed: entries are cut before the buffer is full, and do not
// reach a table.
constexpr size_t kLogWriteBufferBytes = size_t{64} << 20;

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

// Of all files in it; files may come and go meanwhile.
uint64_t FolderBytes(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    std::error_code gone;
    const uint64_t size = file->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

class Store : public role::Service {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Start(const role::Environment& environment) {
    auto store = std::unique_ptr<Store>(new Store(environment));
    RETURN_IF_ERROR(store->OpenDatabases());
    RETURN_IF_ERROR(store->OpenReplica());
    RETURN_IF_ERROR(store->StartImap());
    RETURN_IF_ERROR(store->StartServices());
    RETURN_IF_ERROR(store->replica_->Start());
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
      : environment_(environment),
        config_(*environment.config),
        admission_(UploadAdmission::Create({.body_bytes = config_.store().inflight_body_bytes(),
                                            .chunks = config_.store().inflight_chunks()})),
        strangers_(SessionPlaces::Create(config_.store().imap_strangers_per_address())),
        users_(SessionPlaces::Create(config_.store().imap_sessions_per_user())) {}

  std::string DataFolder() const { return absl::StrCat(config_.node().data(), "/store"); }

  absl::Status OpenDatabases() {
    const std::string folder = DataFolder();
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
    if (profile == kv::Profile::kLog) options.write_buffer_bytes = kLogWriteBufferBytes;
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

  raft::NodeOptions NodeOptions() const {
    raft::NodeOptions options;
    options.raft.election_timeout = Milliseconds(config_.store().election_timeout());
    options.raft.heartbeat = Milliseconds(config_.store().heartbeat());
    options.raft.read_timeout = Milliseconds(config_.store().read_timeout());
    options.raft.max_in_flight_bytes = config_.store().inflight_body_bytes();
    options.raft.disk_stall = Milliseconds(config_.store().disk_stall());
    options.raft.disk_reserve_soft = config_.store().disk_reserve_soft();
    options.raft.disk_reserve_hard = config_.store().disk_reserve_hard();
    options.raft.clock_ahead_max = Milliseconds(config_.store().clock_ahead_max());
    options.raft.clock_skew_max = Milliseconds(config_.store().clock_skew_max());
    options.raft.max_unflushed_log_bytes = config_.store().unflushed_log_bytes();
    options.raft.space_use = model::SpaceUseOf;
    options.raft.test_faults = RaftFaults();
    options.drain_timeout = kStopGrace;
    return options;
  }

  PeersOptions ToPeersOptions(const rpc::TlsFiles& tls) const {
    const config::StorePeers& config = config_.store().peers();
    PeersOptions options;
    options.addresses = OtherStores();
    options.tls = tls;
    options.cluster = config_.cluster().name();
    options.max_queued_bytes = config_.store().peer_queue_bytes();
    options.max_proposed_bytes = config.proposed_bytes();
    options.keepalive_interval = Milliseconds(config.keepalive_interval());
    options.keepalive_timeout = Milliseconds(config.keepalive_timeout());
    options.connect_timeout = Milliseconds(config.connect_timeout());
    options.reconnect_max = Milliseconds(config.reconnect_max());
    options.reopen_pause = Milliseconds(config.reopen_pause());
    return options;
  }

  ReplicaOptions ToReplicaOptions(std::string name) const {
    const config::StorePeers& config = config_.store().peers();
    ReplicaOptions options;
    options.name = std::move(name);
    options.cluster = config_.cluster().name();
    options.stores = {config_.cluster().stores().begin(), config_.cluster().stores().end()};
    options.shards = config_.store().shards();
    options.max_voters = config_.store().voters();
    options.introduction_timeout = Milliseconds(config.introduction_timeout());
    options.introduction_pause = Milliseconds(config.introduction_pause());
    options.spread.interval = Milliseconds(config.spread_interval());
    options.spread.steady = Milliseconds(config.spread_steady());
    options.spread.pause_after_failure = Milliseconds(config.spread_pause());
    options.spread.progress_timeout = Milliseconds(config.progress_timeout());
    options.spread.max_lag_entries = config.progress_lag_max();
    options.node = NodeOptions();
    return options;
  }

  // What becomes of the data folder; its groups run once the services do.
  absl::Status OpenReplica() {
    const rpc::TlsFiles tls = role::ClusterTlsFiles(config_);
    ASSIGN_OR_RETURN(const rpc::CheckedTlsFiles own,
                     rpc::CheckTlsFiles(tls, environment_.clock->Now()));
    ASSIGN_OR_RETURN(const uint32_t count, Replica::ShardCount(*log_, config_.store().shards()));
    shards_ = std::make_unique<Shards>(*state_, count, &readers_);
    peers_ = std::make_unique<Peers>(ToPeersOptions(tls), environment_.network->NextLoop());
    forwarder_.emplace(
        Forwarder::Options{.timeout = Milliseconds(config_.cluster().call_timeout())}, *peers_,
        environment_.network->NextLoop());
    shards_->SetForwarder(&*forwarder_);
    shards_->SetAddressBook([peers = peers_.get()](NodeId node) { return peers->AddressOf(node); });
    ASSIGN_OR_RETURN(replica_, Replica::Open(ToReplicaOptions(own.identity.node), *log_, *state_,
                                             *peers_, *shards_, shards_->machines(ModelBugs()),
                                             *environment_.clock, *environment_.random));
    housekeeper_ = std::make_unique<Housekeeper>(
        Housekeeper::Options{.dedup_window = Milliseconds(config_.store().dedup_window()),
                             .tombstone_window = Milliseconds(config_.store().tombstone_window())},
        *shards_, *environment_.clock);
    return absl::OkStatus();
  }

  // A store that is listed alone has nobody to talk to.
  std::vector<std::string> OtherStores() const {
    if (config_.cluster().stores_size() <= 1) return {};
    return {config_.cluster().stores().begin(), config_.cluster().stores().end()};
  }

  DeliveryServiceOptions DeliveryOptions() const {
    const config::Store& store = config_.store();
    DeliveryServiceOptions options;
    options.limits.transactions_per_stream = store.stream_transactions();
    options.limits.unacknowledged_chunks = static_cast<int>(config_.cluster().delivery_window());
    options.admission = admission_;
    return options;
  }

  absl::Status StartServices() {
    const rpc::TlsFiles tls = role::ClusterTlsFiles(config_);
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(MakePeerService(
        {.peers = peers_.get(),
         .shards = shards_.get(),
         .introduce = [this] { return replica_->Introduce(); },
         .status = [this] { return Status(); },
         .sessions = [this](const RelayedLogin& login) { return imap_->Relayed(relayed_, login); },
         .max_relayed_sessions = config_.store().peers().relayed_sessions_max(),
         .network = environment_.network}));
    services.push_back(MakeDeliveryService(*shards_, DeliveryOptions()));
    services.push_back(MakeDirectoryService(*shards_));
    ASSIGN_OR_RETURN(rpc_, rpc::Server::Start({.address = config_.store().address(),
                                               .tls = tls,
                                               .cluster = config_.cluster().name()},
                                              std::move(services)));
    replication_metrics_.emplace(*environment_.metrics, *shards_, *peers_,
                                 [this] { rpc_->SetServing(ShardsStatus().ok()); });
    return absl::OkStatus();
  }

  absl::Status StartImap() {
    authenticator_ = NewAuthenticator(
        {.addresses = {config_.cluster().auths().begin(), config_.cluster().auths().end()},
         .tls = role::ClusterTlsFiles(config_),
         .cluster = config_.cluster().name(),
         .call_timeout = Milliseconds(config_.cluster().call_timeout())});
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
    relayed_ = MakeContext(config::IMPLICIT, "relayed");
    ASSIGN_OR_RETURN(imap_, ImapServer::Start(std::move(listeners), *environment_.network));
    return absl::OkStatus();
  }

  std::shared_ptr<const ImapContext> MakeContext(config::ListenerTls tls,
                                                 const std::string& protocol) {
    auto context = std::make_shared<ImapContext>();
    context->services = {.shards = shards_.get(),
                         .authenticator = authenticator_.get(),
                         .readers = &readers_,
                         .recent = &recent_,
                         .relays = peers_.get(),
                         .leader_wait = Milliseconds(config_.cluster().call_timeout()),
                         .admission = admission_,
                         .strangers = strangers_,
                         .users = users_};
    context->implicit_tls = tls == config::IMPLICIT;
    context->tls = tls_;
    context->options = ToSessionOptions(config_.store(), tls);
    context->sessions = &environment_.metrics->gauge(
        "packetboat_store_imap_sessions", "Open IMAP sessions.", {{"protocol", protocol}});
    return context;
  }

  absl::StatusOr<ImapListener> MakeListener(const config::ImapListener& config) {
    ASSIGN_OR_RETURN(const net::Endpoint endpoint, net::Endpoint::Parse(config.address()));
    if (config.tls() != config::NONE && tls_ == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the IMAP listener on ", config.address(),
                       " needs mail.tls.certificate and mail.tls.key, or tls: none"));
    }
    const bool implicit = config.tls() == config::IMPLICIT;
    ImapListener listener;
    listener.context = MakeContext(config.tls(), implicit ? "imaps" : "imap");
    listener.listen.name = implicit ? "imaps" : "imap";
    listener.listen.endpoint = endpoint;
    listener.listen.max_connections = config_.store().imap_connections_max();
    listener.listen.refusal = "* BYE Too many connections, try again later\r\n";
    // Else a session that ended for this reason would wait for its last octets to be taken.
    listener.listen.limits.write_timeout =
        Milliseconds(config_.store().imap_limits().write_timeout());
    if (implicit) listener.listen.tls = tls_;
    return listener;
  }

  void AddHealth() {
    using Weight = HealthRegistry::Weight;
    HealthRegistry& health = *environment_.health;
    health_.push_back(health.Add("log", Weight::kReadiness, [this] { return replica_->status(); }));
    health_.push_back(health.Add("shards", Weight::kReadiness, [this] { return ShardsStatus(); }));
    health_.push_back(
        health.Add("leaders", Weight::kInformation, [this] { return LeadersStatus(); }));
    health_.push_back(health.Add("peers", Weight::kInformation, [this] { return PeersStatus(); }));
    health_.push_back(health.Add("disk", Weight::kInformation, [this] { return DiskStatus(); }));
    health_.push_back(
        health.Add("auth", Weight::kInformation, [this] { return authenticator_->status(); }));
    if (tls_ == nullptr) return;
    health_.push_back(health.Add("mail.tls", Weight::kInformation, [this] {
      return net::CertificateStatus(*tls_, environment_.clock->Now());
    }));
  }

  // Fine while at least one shard can be written or read through this node.
  absl::Status ShardsStatus() const {
    RETURN_IF_ERROR(replica_->status());
    if (!shards_->HasReplica()) return CanRelay();
    if (Leaderless().size() < shards_->count()) return absl::OkStatus();
    return absl::UnavailableError("no shard has a leader");
  }

  absl::Status CanRelay() const {
    for (const PeerState& peer : peers_->States()) {
      if (peer.member.voter && peer.connected) return absl::OkStatus();
    }
    return absl::UnavailableError("no store with replicas is connected");
  }

  // Which reserve of the disk is touched (SEMANTICS.md s5).
  absl::Status DiskStatus() const {
    ASSIGN_OR_RETURN(const kv::DiskSpace space, log_->Space());
    const config::Store& store = config_.store();
    if (space.free_bytes < store.disk_reserve_hard()) {
      return absl::ResourceExhaustedError(
          absl::StrCat(space.free_bytes,
                       " bytes are free, less than store.disk_reserve_hard: only "
                       "what frees space is taken"));
    }
    if (space.free_bytes < store.disk_reserve_soft()) {
      return absl::ResourceExhaustedError(
          absl::StrCat(space.free_bytes,
                       " bytes are free, less than store.disk_reserve_soft: "
                       "nothing is led while another store can"));
    }
    return absl::OkStatus();
  }

  // Whose accounts are unavailable, in words.
  absl::Status LeadersStatus() const {
    if (!shards_->HasReplica()) return absl::OkStatus();
    const std::vector<uint32_t> leaderless = Leaderless();
    if (leaderless.empty()) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("without a leader: shards ", absl::StrJoin(leaderless, ", ")));
  }

  std::vector<uint32_t> Leaderless() const {
    std::vector<uint32_t> leaderless;
    for (uint32_t i = 0; i < shards_->count(); ++i) {
      if (!shards_->group(ShardId(i)).status().leader.has_value()) leaderless.push_back(i);
    }
    return leaderless;
  }

  absl::Status PeersStatus() const {
    std::vector<std::string> missing;
    for (const PeerState& peer : peers_->States()) {
      if (!peer.connected) missing.push_back(peer.member.name);
    }
    if (missing.empty()) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("not connected: ", absl::StrJoin(missing, ", ")));
  }

  StoreStatus Status() const {
    StoreStatus status;
    status.self = replica_->Introduce();
    status.version = std::string(role::Version());
    status.health = replica_->status();
    status.ready = environment_.health->Ready();
    for (const HealthRegistry::Item& item : environment_.health->Report()) {
      if (item.status.ok()) continue;
      status.complaints.push_back(absl::StrCat(item.name, ": ", item.status.message()));
    }
    status.peers = peers_->States();
    if (const absl::StatusOr<kv::DiskSpace> space = log_->Space(); space.ok()) {
      status.disk = *space;
    }
    status.log_bytes = FolderBytes(DataFolder() + "/log");
    status.state_bytes = FolderBytes(DataFolder() + "/state");
    if (!shards_->HasReplica()) return status;
    for (uint32_t i = 0; i < shards_->count(); ++i) {
      status.groups.push_back(shards_->group(ShardId(i)).status());
    }
    return status;
  }

  void Stop(absl::Duration timeout) {
    if (stopped_) return;
    stopped_ = true;
    health_.clear();
    if (imap_ != nullptr) imap_->Drain(timeout);
    housekeeper_.reset();
    replication_metrics_.reset();
    // Leadership moves away over the streams that the server carries.
    if (replica_ != nullptr) replica_->Stop();
    if (forwarder_.has_value()) forwarder_->Close();
    if (peers_ != nullptr) peers_->Close();
    // Long streams never end by themselves; answers that are queued on them go out.
    if (rpc_ != nullptr) rpc_->Stop(std::min(timeout, kAnswersGrace));
  }

  const role::Environment environment_;
  const config::Config& config_;
  const std::shared_ptr<UploadAdmission> admission_;
  const std::shared_ptr<SessionPlaces> strangers_;
  const std::shared_ptr<SessionPlaces> users_;
  std::unique_ptr<kv::Database> log_;
  std::unique_ptr<kv::Database> state_;
  std::optional<kv::WriteMetrics> write_metrics_;
  std::unique_ptr<Shards> shards_;
  std::unique_ptr<Peers> peers_;
  std::optional<Forwarder> forwarder_;
  std::optional<ReplicationMetrics> replication_metrics_;
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<Housekeeper> housekeeper_;
  bool stopped_ = false;
  RecentMarks recent_;
  std::unique_ptr<Authenticator> authenticator_;
  ThreadPool readers_{kReaderThreads, kReaderQueue};
  std::unique_ptr<rpc::Server> rpc_;
  std::shared_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<net::TlsReloader> reloader_;
  std::unique_ptr<ImapServer> imap_;
  std::shared_ptr<const ImapContext> relayed_;  // of sessions that other stores relay here
  std::vector<HealthRegistry::Registration> health_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment) {
  return Store::Start(environment);
}

}  // namespace packetboat::store
