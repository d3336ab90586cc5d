// Three stores over loopback with real TLS, gRPC and threads; disks are fakes that outlive them.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "net/asio/asio_network.h"
#include "net/rpc/server.h"
#include "net/testing/certs.h"
#include "store/kv/fake_disk.h"
#include "store/peers/link.h"
#include "store/peers/peer_service.h"
#include "store/peers/peers.h"
#include "store/peers/relay_connection.h"
#include "store/peers/replica.h"
#include "store/replication/testing/counting_machine.h"
#include "store/shards/forwarder.h"
#include "store/shards/shards.h"

namespace packetboat::store {
namespace {

using replication::ApplyResult;
using replication::testing::CountingMachine;

constexpr char kCluster[] = "test";
constexpr uint32_t kShards = 4;
// For what must happen, however busy the machine is.
constexpr absl::Duration kPatience = absl::Seconds(60);

// Waits until `what` holds; false if it never does.
bool Eventually(const std::function<bool()>& what) {
  const absl::Time end = absl::Now() + kPatience;
  while (!what()) {
    if (absl::Now() > end) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

struct Disks {
  kv::FakeDisk log{kv::Profile::kLog};
  kv::FakeDisk state{kv::Profile::kState};
};

struct Certificates {
  std::string folder;
  net::testing::TestCa ca;

  rpc::TlsFiles Issue(const std::string& name) const {
    const net::x509::Identity identity =
        ca.IssueUri(absl::StrCat("spiffe://", kCluster, "/store/", name));
    const std::string base = absl::StrCat(folder, "/", name);
    std::ofstream(folder + "/ca.pem") << ca.roots_pem();
    std::ofstream(base + ".pem") << identity.certificate.ToPem();
    std::ofstream(base + ".key") << identity.key.ToPem().Reveal();
    return {folder + "/ca.pem", base + ".pem", base + ".key"};
  }
};

struct StoreOptions {
  std::string name;
  rpc::TlsFiles tls;
  std::vector<std::string> stores;
  std::string address;
  uint32_t max_voters = 5;
  size_t max_relayed_sessions = 100;
  size_t max_queued_bytes = size_t{32} << 20;
};

// A session that says its tag and then what it is told; a line "quit" ends it.
class Echo : public net::ConnectionHandler {
 public:
  Echo(const RelayedLogin& login, std::atomic<int>& ends) : tag_(login.tag), ends_(ends) {}

  void OnOpen(net::Connection& connection) override {
    connection_ = &connection;
    connection.Send(tag_);
  }
  void OnData(absl::string_view octets) override {
    connection_->Send(std::string(octets));
    if (absl::EndsWith(octets, "quit\n")) connection_->Close();
  }
  bool OnEndOfStream() override {
    connection_->Send("end\n");
    connection_->Close();
    return true;
  }
  void OnClosed(const absl::Status&) override { ++ends_; }

 private:
  const std::string tag_;
  std::atomic<int>& ends_;
  net::Connection* connection_ = nullptr;
};

// The client of such a session. Called from its loop.
class Caller : public net::ConnectionHandler {
 public:
  void OnOpen(net::Connection& connection) override {
    absl::MutexLock lock(&mutex_);
    connection_ = &connection;
  }
  void OnData(absl::string_view octets) override {
    absl::MutexLock lock(&mutex_);
    received_.append(octets.data(), octets.size());
  }
  void OnClosed(const absl::Status& why) override {
    absl::MutexLock lock(&mutex_);
    connection_ = nullptr;
    closed_ = why;
  }

  net::Connection* connection() {
    absl::MutexLock lock(&mutex_);
    return connection_;
  }
  size_t received() {
    absl::MutexLock lock(&mutex_);
    return received_.size();
  }
  std::string text() {
    absl::MutexLock lock(&mutex_);
    return received_;
  }
  std::optional<absl::Status> closed() {
    absl::MutexLock lock(&mutex_);
    return closed_;
  }

 private:
  absl::Mutex mutex_;
  net::Connection* connection_ = nullptr;
  std::string received_;
  std::optional<absl::Status> closed_;
};

// One store, running, on disks that are not its own.
class TestStore {
 public:
  TestStore(StoreOptions options, Disks& disks)
      : log_(disks.log.Open()), state_(disks.state.Open()) {
    shards_.emplace(*state_, Replica::ShardCount(*log_, kShards).value());
    peers_.emplace(PeersOptions{.addresses = options.stores,
                                .tls = options.tls,
                                .cluster = kCluster,
                                .max_queued_bytes = options.max_queued_bytes},
                   network_.NextLoop());
    forwarder_.emplace(Forwarder::Options{}, *peers_, network_.NextLoop());
    shards_->SetForwarder(&*forwarder_);
    shards_->SetAddressBook([this](NodeId node) { return peers_->AddressOf(node); });
    ReplicaOptions replica;
    replica.name = options.name;
    replica.cluster = kCluster;
    replica.stores = options.stores;
    replica.shards = kShards;
    replica.max_voters = options.max_voters;
    replica.spread.interval = absl::Milliseconds(200);
    replica.node.raft.disk_reserve_soft = 0;
    replica.node.raft.disk_reserve_hard = 0;
    replica_ = Replica::Open(
                   std::move(replica), *log_, *state_, *peers_, *shards_,
                   [](ShardId shard) { return std::make_unique<CountingMachine>(shard); },
                   SystemClock(), SystemRandom())
                   .value();
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(
        MakePeerService({.peers = &*peers_,
                         .shards = &*shards_,
                         .introduce = [this] { return replica_->Introduce(); },
                         .status = [this] { return Status(); },
                         .sessions =
                             [this](const RelayedLogin& login) {
                               return RelayedHandler{std::make_shared<Echo>(login, ends_), [] {}};
                             },
                         .max_relayed_sessions = options.max_relayed_sessions,
                         .network = &network_}));
    rpc_ = rpc::Server::Start({.address = options.address, .tls = options.tls, .cluster = kCluster},
                              std::move(services))
               .value();
    const absl::Status started = replica_->Start();
    EXPECT_TRUE(started.ok()) << started;
  }

  ~TestStore() {
    replica_->Stop();
    forwarder_->Close();
    peers_->Close();
    rpc_->Stop(absl::ZeroDuration());
  }

  StoreStatus Status() const {
    StoreStatus status;
    status.self = replica_->Introduce();
    status.disk.free_bytes = uint64_t{1} << 40;
    for (uint32_t i = 0; shards_->HasReplica() && i < kShards; ++i) {
      status.groups.push_back(shards_->group(ShardId(i)).status());
    }
    return status;
  }

  Replica& replica() { return *replica_; }
  net::AsioNetwork& network() { return network_; }
  // Relayed sessions that have ended here.
  int ends() const { return ends_; }
  Peers& peers() { return *peers_; }
  Shards& shards() { return *shards_; }
  NodeId id() const { return replica_->Introduce().id; }
  bool connected(size_t peers) const {
    size_t connected = 0;
    for (const PeerState& peer : peers_->States()) connected += peer.connected;
    return connected == peers;
  }
  replication::GroupStatus status(uint32_t shard) const {
    return shards_->group(ShardId(shard)).status();
  }

  // Proposed by whatever route, until it is in; more than once if a change of leader hides what
  // became of it.
  ApplyResult Write(uint32_t shard, const std::string& command, Route route) {
    for (;;) {
      absl::Notification answered;
      absl::StatusOr<ApplyResult> outcome = absl::UnknownError("");
      shards_->Propose(
          ShardId(shard), command,
          [&](absl::StatusOr<ApplyResult> result) {
            outcome = std::move(result);
            answered.Notify();
          },
          route);
      answered.WaitForNotification();
      if (outcome.ok()) return *outcome;
    }
  }

  std::set<std::string> Read(uint32_t shard) const {
    std::set<std::string> commands;
    for (const auto& [number, command] : CountingMachine::Read(*state_, ShardId(shard))) {
      commands.insert(command);
    }
    return commands;
  }

 private:
  std::unique_ptr<kv::Database> log_;
  std::unique_ptr<kv::Database> state_;
  net::AsioNetwork network_{1};
  std::atomic<int> ends_{0};
  std::optional<Shards> shards_;
  std::optional<Peers> peers_;
  std::optional<Forwarder> forwarder_;
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<rpc::Server> rpc_;
};

// An address of this process alone: outgoing connections come from 127.0.0.1, so that none of them
// takes its port while its store is down.
std::string FreeAddress() {
  const auto pid = static_cast<uint32_t>(getpid());
  const std::string host =
      absl::StrCat("127.", 1 + pid / 65536 % 250, ".", pid / 256 % 256, ".", 1 + pid % 254);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  EXPECT_EQ(inet_pton(AF_INET, host.c_str(), &address.sin_addr), 1);
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(probe);
  return absl::StrCat(host, ":", ntohs(address.sin_port));
}

class ClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    certificates_.folder = absl::StrCat(::testing::TempDir(), "/cluster_test");
    std::filesystem::create_directories(certificates_.folder);
    for (size_t i = 0; i < kStores; ++i) {
      addresses_.push_back(FreeAddress());
      disks_[i] = std::make_unique<Disks>();
    }
  }

  static std::string Name(size_t i) { return std::string(1, static_cast<char>('a' + i)); }

  TestStore& Start(size_t i) { return StartAs(i, Name(i)); }

  TestStore& StartAs(size_t i, const std::string& name) {
    stores_[i] = std::make_unique<TestStore>(StoreOptions{.name = name,
                                                          .tls = certificates_.Issue(name),
                                                          .stores = addresses_,
                                                          .address = addresses_[i],
                                                          .max_voters = max_voters_,
                                                          .max_relayed_sessions = max_relayed_,
                                                          .max_queued_bytes = max_queued_},
                                             *disks_[i]);
    return *stores_[i];
  }

  void StartAll() {
    for (size_t i = 0; i < kStores; ++i) Start(i);
    for (size_t i = 0; i < kStores; ++i) AwaitLeaders(i);
  }

  void AwaitLeaders(size_t i) {
    ASSERT_TRUE(Eventually([&] {
      if (!stores_[i]->replica().status().ok()) return false;
      for (uint32_t shard = 0; shard < kShards; ++shard) {
        if (!stores_[i]->status(shard).leader.has_value()) return false;
      }
      return true;
    })) << stores_[i]->replica().status();
  }

  // A running store that does not lead the shard.
  TestStore& FollowerOf(uint32_t shard) {
    for (const auto& store : stores_) {
      if (store != nullptr && store->status(shard).role != replication::Role::kLeader) {
        return *store;
      }
    }
    ADD_FAILURE() << "no follower";
    return *stores_[0];
  }

  static constexpr size_t kStores = 3;
  Certificates certificates_;
  std::vector<std::string> addresses_;
  uint32_t max_voters_ = 5;
  size_t max_relayed_ = 100;
  size_t max_queued_ = size_t{32} << 20;
  std::unique_ptr<Disks> disks_[kStores];
  std::unique_ptr<TestStore> stores_[kStores];
};

TEST_F(ClusterTest, ThreeEmptyStoresFormOneClusterAndReplicate) {
  StartAll();
  const Members members = *stores_[0]->replica().Introduce().members;
  for (size_t i = 0; i < kStores; ++i) {
    EXPECT_EQ(*stores_[i]->replica().Introduce().members, members);
    EXPECT_EQ(members.all[i].id, stores_[i]->id());
    EXPECT_EQ(members.all[i].name, Name(i));
  }
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    FollowerOf(shard).Write(shard, "x", Route::kLeader);
    for (const auto& store : stores_) {
      EXPECT_TRUE(Eventually([&] { return store->Read(shard).size() == 1; })) << shard;
    }
  }
}

TEST_F(ClusterTest, NothingRunsBeforeTheLastStoreHasAnswered) {
  Start(0);
  Start(1);
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(stores_[0]->replica().status().message(), addresses_[2]);
  })) << stores_[0]->replica().status();
  EXPECT_FALSE(stores_[0]->replica().Introduce().members.has_value());
  EXPECT_FALSE(stores_[0]->shards().HasReplica());
  Start(2);
  for (size_t i = 0; i < kStores; ++i) AwaitLeaders(i);
}

TEST_F(ClusterTest, AForwardedWriteCanBeReadWhereItWasProposed) {
  StartAll();
  for (int i = 1; i <= 20; ++i) {
    const uint32_t shard = static_cast<uint32_t>(i) % kShards;
    TestStore& store = FollowerOf(shard);
    const ApplyResult applied = store.Write(shard, absl::StrCat("w", i), Route::kLeader);
    EXPECT_GE(store.status(shard).applied, applied.index);
    EXPECT_TRUE(store.Read(shard).contains(absl::StrCat("w", i)));
  }
}

TEST_F(ClusterTest, ARouteThatStaysHereIsRefusedByAFollowerThatNamesItsLeader) {
  StartAll();
  TestStore& follower = FollowerOf(0);
  absl::Notification answered;
  follower.shards().Propose(
      ShardId(0), "x",
      [&](const absl::StatusOr<ApplyResult>& result) {
        EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable);
        answered.Notify();
      },
      Route::kHere);
  answered.WaitForNotification();
  ASSERT_TRUE(Eventually([&] { return !follower.shards().LeaderAddress(ShardId(0)).empty(); }));
  EXPECT_TRUE(Eventually([&] {
    const std::string leader = follower.shards().LeaderAddress(ShardId(0));
    for (size_t i = 0; i < kStores; ++i) {
      if (addresses_[i] == leader) {
        return stores_[i]->status(0).role == replication::Role::kLeader;
      }
    }
    return false;
  }));
}

TEST_F(ClusterTest, AMajorityGoesOnAndTheThirdCatchesUp) {
  StartAll();
  stores_[1] = nullptr;
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    for (int i = 0; i < 10; ++i) stores_[0]->Write(shard, absl::StrCat("x", i), Route::kLeader);
  }
  Start(1);
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    EXPECT_TRUE(Eventually([&] { return stores_[1]->Read(shard).size() == 10; })) << shard;
  }
}

TEST_F(ClusterTest, AllAtOnceComeBackWithWhatTheyHad) {
  StartAll();
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    stores_[0]->Write(shard, "x", Route::kLeader);
  }
  for (auto& store : stores_) store = nullptr;
  StartAll();
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    stores_[2]->Write(shard, "y", Route::kLeader);
    EXPECT_EQ(stores_[2]->Read(shard).size(), 2u);
  }
}

TEST_F(ClusterTest, TwoOfThreeComeBackWithoutTheFounder) {
  StartAll();
  for (auto& store : stores_) store = nullptr;
  Start(1);
  Start(2);
  AwaitLeaders(1);
  stores_[1]->Write(0, "x", Route::kLeader);
}

TEST_F(ClusterTest, AStoppingStoreMovesItsLeadershipsAway) {
  StartAll();
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    stores_[0]->Write(shard, "x", Route::kLeader);
  }
  stores_[0]->replica().Stop();
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    EXPECT_TRUE(Eventually([&] {
      const std::optional<NodeId> now = stores_[1]->status(shard).leader;
      return now.has_value() && *now != stores_[0]->id();
    })) << shard;
  }
}

TEST_F(ClusterTest, AWipedStoreIsRefusedAndTheOthersGoOn) {
  StartAll();
  stores_[2] = nullptr;
  disks_[2] = std::make_unique<Disks>();
  Start(2);
  ASSERT_TRUE(Eventually([&] {
    return stores_[2]->replica().status().code() == absl::StatusCode::kFailedPrecondition;
  }));
  EXPECT_TRUE(absl::StrContains(stores_[2]->replica().status().message(), "another data folder"))
      << stores_[2]->replica().status();
  stores_[0]->Write(1, "x", Route::kLeader);
  EXPECT_FALSE(stores_[2]->shards().HasReplica());
}

// The certificate of b does not let its holder speak for c, whatever its disk says.
TEST_F(ClusterTest, ACertificateOfAnotherNameIsNotHeard) {
  StartAll();
  stores_[2] = nullptr;
  std::unique_ptr<kv::Database> log = disks_[2]->log.Open();
  Members members = ReadMembers(*log).value().value();
  members.all[1].name = "x";
  members.all[2].name = "b";
  ASSERT_TRUE(WriteMembers(*log, members).ok());
  log = nullptr;
  TestStore& impostor = StartAs(2, "b");
  EXPECT_TRUE(impostor.replica().status().ok());
  ASSERT_TRUE(Eventually([&] { return stores_[0]->connected(1); }));
  stores_[0]->Write(0, "x", Route::kLeader);
  stores_[1]->Write(0, "x", Route::kLeader);
  EXPECT_TRUE(impostor.connected(0));
  EXPECT_TRUE(impostor.Read(0).empty());
}

TEST_F(ClusterTest, AStoreBeyondTheVotersHasNoReplicaAndForwards) {
  max_voters_ = 1;
  for (size_t i = 0; i < kStores; ++i) Start(i);
  AwaitLeaders(0);
  ASSERT_TRUE(Eventually([&] { return stores_[2]->connected(2); }));
  stores_[2]->Write(3, "x", Route::kLeader);
  EXPECT_EQ(stores_[0]->Read(3).size(), 1u);
  EXPECT_FALSE(stores_[2]->shards().HasReplica());
  EXPECT_TRUE(stores_[2]->Read(3).empty());
}

TEST_F(ClusterTest, ARelayedSessionRunsWhereTheReplicaIsAndIsReadNoFasterThanItsClientTakes) {
  max_voters_ = 1;
  for (size_t i = 0; i < kStores; ++i) Start(i);
  AwaitLeaders(0);
  ASSERT_TRUE(Eventually([&] { return stores_[2]->peers().CanDial(); }));
  net::EventLoop& loop = stores_[2]->network().NextLoop();
  RelayedLogin login;
  login.tag = "a1 OK\n";
  auto caller = std::make_shared<Caller>();
  stores_[2]->peers().Dial(loop, login, caller);
  ASSERT_TRUE(Eventually([&] { return caller->received() == login.tag.size(); }));
  EXPECT_EQ(caller->text(), login.tag);

  // A client that does not read stops the other side at the window, both ways.
  const std::string much(4 * kRelayWindowBytes, 'x');
  loop.Post([&] {
    caller->connection()->PauseReading();
    caller->connection()->Send(much);
  });
  absl::SleepFor(absl::Milliseconds(200));
  EXPECT_EQ(caller->received(), login.tag.size());
  loop.Post([&] { caller->connection()->ResumeReading(); });
  ASSERT_TRUE(Eventually([&] { return caller->received() == login.tag.size() + much.size(); }));

  loop.Post([&] { caller->connection()->Send("quit\n"); });
  ASSERT_TRUE(Eventually([&] { return caller->closed().has_value(); }));
  EXPECT_TRUE(caller->closed()->ok()) << *caller->closed();
  EXPECT_TRUE(absl::EndsWith(caller->text(), "quit\n"));
  EXPECT_TRUE(Eventually([&] { return stores_[0]->ends() == 1; }));
}

TEST_F(ClusterTest, ARelayedSessionEndsWithItsClientAndWithItsStore) {
  max_voters_ = 1;
  for (size_t i = 0; i < kStores; ++i) Start(i);
  AwaitLeaders(0);
  ASSERT_TRUE(Eventually([&] { return stores_[2]->peers().CanDial(); }));
  net::EventLoop& loop = stores_[2]->network().NextLoop();
  auto gone = std::make_shared<Caller>();
  stores_[2]->peers().Dial(loop, {.tag = "a"}, gone);
  ASSERT_TRUE(Eventually([&] { return gone->received() == 1; }));
  loop.Post([&] { gone->connection()->Abort(absl::CancelledError("gone")); });
  EXPECT_TRUE(Eventually([&] { return stores_[0]->ends() == 1; }));

  auto left = std::make_shared<Caller>();
  stores_[2]->peers().Dial(loop, {.tag = "b"}, left);
  ASSERT_TRUE(Eventually([&] { return left->received() == 1; }));
  stores_[0] = nullptr;
  ASSERT_TRUE(Eventually([&] { return left->closed().has_value(); }));
  EXPECT_FALSE(left->closed()->ok());
}

TEST_F(ClusterTest, ARelayedClientThatSendsNoMoreStillHearsTheAnswers) {
  max_voters_ = 1;
  for (size_t i = 0; i < kStores; ++i) Start(i);
  AwaitLeaders(0);
  ASSERT_TRUE(Eventually([&] { return stores_[2]->peers().CanDial(); }));
  net::EventLoop& loop = stores_[2]->network().NextLoop();
  auto caller = std::make_shared<Caller>();
  const RelayControl control = stores_[2]->peers().Dial(loop, {.tag = "a1 OK\n"}, caller);
  ASSERT_TRUE(Eventually([&] { return caller->connection() != nullptr; }));
  const std::string much(2 * kRelayWindowBytes, 'x');
  loop.Post([&] {
    caller->connection()->Send(much);
    control.end_input();
  });
  ASSERT_TRUE(Eventually([&] { return caller->closed().has_value(); }));
  EXPECT_TRUE(caller->closed()->ok()) << *caller->closed();
  EXPECT_EQ(caller->text(), absl::StrCat("a1 OK\n", much, "end\n"));
}

TEST_F(ClusterTest, RelayedSessionsUpToTheLimitAreTakenAndOneMoreIsRefused) {
  max_voters_ = 1;
  max_relayed_ = 2;
  for (size_t i = 0; i < kStores; ++i) Start(i);
  AwaitLeaders(0);
  ASSERT_TRUE(Eventually([&] { return stores_[2]->peers().CanDial(); }));
  net::EventLoop& loop = stores_[2]->network().NextLoop();
  const auto dial = [&] {
    auto caller = std::make_shared<Caller>();
    stores_[2]->peers().Dial(loop, {.tag = "a"}, caller);
    return caller;
  };
  const auto first = dial(), second = dial();
  ASSERT_TRUE(Eventually([&] { return first->received() == 1 && second->received() == 1; }));
  const auto third = dial();
  ASSERT_TRUE(Eventually([&] { return third->closed().has_value(); }));
  EXPECT_EQ(third->closed()->code(), absl::StatusCode::kResourceExhausted);
  loop.Post([&] { first->connection()->Close(); });
  EXPECT_TRUE(Eventually([&] {
    const auto again = dial();
    return Eventually([&] { return again->received() == 1 || again->closed().has_value(); }) &&
           !again->closed().has_value();
  }));
}

// Its sessions would stay elsewhere for good.
TEST_F(ClusterTest, AStoreWithReplicasRelaysNothingAlsoWhileTheyAreNotRunningYet) {
  StartAll();
  EXPECT_TRUE(Eventually([&] { return stores_[0]->connected(2); }));
  EXPECT_FALSE(stores_[0]->peers().CanDial());
  // As far as a store is whose replicas are being recovered: it knows its cluster and is connected.
  net::AsioNetwork network(1);
  Peers peers({.addresses = addresses_, .tls = certificates_.Issue("a"), .cluster = kCluster},
              network.NextLoop());
  const Introduction self = stores_[0]->replica().Introduce();
  peers.Begin(self.id, *self.members);
  ASSERT_TRUE(Eventually([&] { return peers.ReachableVoters().size() == 2; }));
  EXPECT_FALSE(peers.CanDial());
}

TEST_F(ClusterTest, LeadershipsSpreadAfterARestart) {
  StartAll();
  stores_[1] = nullptr;
  Start(1);
  EXPECT_TRUE(Eventually([&] {
    for (const auto& store : stores_) {
      int led = 0;
      for (uint32_t shard = 0; shard < kShards; ++shard) {
        led += store->status(shard).role == replication::Role::kLeader;
      }
      if (led < 1 || led > 2) return false;
    }
    return true;
  }));
}

TEST_F(ClusterTest, FramesUpToTheLimitPassAndLargerOnesAreDropped) {
  StartAll();
  // Frames of our own, beside those of Raft, to a receiver of our own.
  absl::Mutex mutex;
  std::vector<size_t> sizes;
  stores_[1]->replica().Stop();
  stores_[1]->peers().Start(stores_[1]->id(), [&](NodeId from, absl::string_view frame) {
    absl::MutexLock lock(&mutex);
    if (from == stores_[0]->id() && frame.size() > kMaxFrameBytes / 2)
      sizes.push_back(frame.size());
  });
  const auto dropped = [&] { return stores_[0]->peers().States()[0].dropped_frames; };
  const uint64_t before = dropped();
  stores_[0]->peers().Send(stores_[1]->id(), std::string(kMaxFrameBytes + 1, 'x'));
  EXPECT_EQ(dropped(), before + 1);
  stores_[0]->peers().Send(stores_[1]->id(), std::string(kMaxFrameBytes, 'x'));
  EXPECT_TRUE(Eventually([&] {
    absl::MutexLock lock(&mutex);
    return !sizes.empty();
  }));
  {
    absl::MutexLock lock(&mutex);
    EXPECT_EQ(sizes, (std::vector<size_t>{kMaxFrameBytes}));
  }
  stores_[1]->peers().Stop();
}

TEST_F(ClusterTest, FramesForAPeerThatTakesNoneWaitUpToTheLimitAndMoreAreDropped) {
  constexpr size_t kFrameBytes = size_t{64} << 10;
  max_queued_ = size_t{2} << 20;
  StartAll();
  // Nothing but what is sent here.
  stores_[0]->replica().Stop();
  stores_[1]->replica().Stop();
  absl::Notification go_on;
  stores_[1]->peers().Start(stores_[1]->id(), [&](NodeId, absl::string_view frame) {
    if (frame.size() == kFrameBytes) go_on.WaitForNotification();
  });
  const auto send = [&](size_t bytes) {
    stores_[0]->peers().Send(stores_[1]->id(), std::string(bytes, 'x'));
  };
  const auto state = [&] { return stores_[0]->peers().States()[0]; };
  EXPECT_TRUE(Eventually([&] {
    // What the connection has room for goes out first.
    for (const uint64_t before = state().dropped_frames; state().dropped_frames == before;) {
      send(kFrameBytes);
    }
    const PeerState full = state();
    if (full.queued_bytes < max_queued_) send(max_queued_ - full.queued_bytes);
    if (state().queued_bytes != max_queued_) return false;
    EXPECT_EQ(state().dropped_frames, full.dropped_frames);
    send(1);
    return state().dropped_frames == full.dropped_frames + 1;
  }));
  go_on.Notify();
  EXPECT_TRUE(Eventually([&] { return state().queued_bytes == 0; }));
  stores_[1]->peers().Stop();
}

}  // namespace
}  // namespace packetboat::store
