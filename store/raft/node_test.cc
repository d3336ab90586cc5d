// The contract of Group on threads, and what is particular to a node.

#include "store/raft/node.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"
#include "store/kv/rocksdb.h"
#include "store/replication/testing/counting_machine.h"
#include "store/replication/testing/group_contract.h"

namespace packetboat::raft {
namespace {

using replication::ApplyResult;
using replication::testing::ContractHarness;
using replication::testing::ContractParam;
using replication::testing::CountingMachine;
using replication::testing::GroupContractTest;

replication::StateMachineFactory Counting() {
  return [](ShardId shard) { return std::make_unique<CountingMachine>(shard); };
}

// A door in front of the log's writes: nothing is durable, and so nothing committed, while it is
// shut.
class Door {
 public:
  void Shut() {
    absl::MutexLock lock(&mutex_);
    open_ = false;
  }
  void Open() {
    absl::MutexLock lock(&mutex_);
    open_ = true;
  }
  void Pass() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&open_));
  }

 private:
  absl::Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = true;
};

class NodeHarness : public ContractHarness {
 public:
  explicit NodeHarness(uint32_t shards) : shard_(shards - 1) {
    log_disk_.OnWrite([this](uint64_t) { door_.Pass(); });
    NodeOptions options;
    options.bootstrap_shards = shards;
    options.raft.max_command_bytes = kMaxCommandBytes;
    options.raft.max_in_flight_entries = kMaxInFlightEntries;
    options.raft.max_in_flight_bytes = kMaxInFlightBytes;
    options.raft.small_command_bytes = 0;
    auto node = Node::Start(options, *log_, *state_, Counting(), transport_);
    EXPECT_TRUE(node.ok()) << node.status();
    node_ = *std::move(node);
    // The barrier that begins the term is out of the way of what the contract counts.
    absl::Notification ready;
    replication::ReadBarrier(group(), [&](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
      ready.Notify();
    });
    ready.WaitForNotification();
  }
  ~NodeHarness() override { door_.Open(); }

  replication::Group& group() override { return node_->group(shard_); }
  const kv::Database& state() override { return *state_; }
  void Hold() override { door_.Shut(); }
  void Release() override { door_.Open(); }
  void FailDisk() override { log_disk_.FailSync(absl::InternalError("EIO")); }
  void Stop() override { node_->Stop(); }

 private:
  const ShardId shard_;
  Door door_;
  kv::FakeDisk log_disk_{kv::Profile::kLog};
  kv::FakeDisk state_disk_{kv::Profile::kState};
  std::unique_ptr<kv::Database> log_ = log_disk_.Open();
  std::unique_ptr<kv::Database> state_ = state_disk_.Open();
  NullTransport transport_;
  std::unique_ptr<Node> node_;
};

INSTANTIATE_TEST_SUITE_P(
    Raft, GroupContractTest,
    ::testing::Values(ContractParam{"OneShard", [] { return std::make_unique<NodeHarness>(1); }},
                      ContractParam{"ManyShards",
                                    [] { return std::make_unique<NodeHarness>(16); }}),
    [](const auto& info) { return info.param.name; });

class NodeTest : public ::testing::Test {
 protected:
  absl::Status Start(NodeOptions options = NodeOptions()) {
    node_.reset();
    log_ = log_disk_.Open();
    state_ = state_disk_.Open();
    auto node = Node::Start(options, *log_, *state_, Counting(), transport_);
    if (node.ok()) node_ = *std::move(node);
    return node.status();
  }

  absl::StatusOr<ApplyResult> Propose(ShardId shard, std::string command) {
    absl::Notification done;
    absl::StatusOr<ApplyResult> outcome;
    node_->group(shard).Propose(std::move(command), [&](absl::StatusOr<ApplyResult> result) {
      outcome = std::move(result);
      done.Notify();
    });
    done.WaitForNotification();
    return outcome;
  }

  NullTransport transport_;
  kv::FakeDisk log_disk_{kv::Profile::kLog};
  kv::FakeDisk state_disk_{kv::Profile::kState};
  std::unique_ptr<kv::Database> log_;
  std::unique_ptr<kv::Database> state_;
  std::unique_ptr<Node> node_;
};

TEST_F(NodeTest, TheNumberOfShardsAndTheIdAreFixedByTheFirstStart) {
  NodeOptions options;
  options.bootstrap_shards = 3;
  ASSERT_TRUE(Start(options).ok());
  const NodeId id = node_->id();
  options.bootstrap_shards = 7;
  ASSERT_TRUE(Start(options).ok());
  EXPECT_EQ(node_->shards(), 3u);
  EXPECT_EQ(node_->id(), id);
}

TEST_F(NodeTest, AFolderThatIsNotBootstrappedIsRefusedWhenAskedTo) {
  NodeOptions options;
  options.bootstrap_shards = 0;
  EXPECT_EQ(Start(options).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(NodeTest, AFolderOfAnotherClusterIsRefused) {
  ASSERT_TRUE(Start().ok());
  NodeOptions options;
  options.cluster = "another";
  EXPECT_EQ(Start(options).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(NodeTest, WhatWasAnsweredIsThereAfterAPowerCut) {
  ASSERT_TRUE(Start().ok());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Propose(ShardId(static_cast<uint32_t>(i % 16)), absl::StrCat(i)).ok());
  }
  log_disk_.Crash();
  state_disk_.Crash();
  ASSERT_TRUE(Start().ok());
  // A barrier waits until the log is applied again.
  size_t commands = 0;
  for (uint32_t i = 0; i < node_->shards(); ++i) {
    absl::Notification done;
    replication::ReadBarrier(node_->group(ShardId(i)), [&](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
      done.Notify();
    });
    done.WaitForNotification();
    commands += CountingMachine::Read(*state_, ShardId(i)).size();
  }
  EXPECT_EQ(commands, 50u);
}

TEST_F(NodeTest, ManyProposersShareSyncs) {
  ASSERT_TRUE(Start().ok());
  ASSERT_TRUE(Propose(ShardId(0), "warm").ok());
  std::atomic<int> slow_writes{0};
  log_disk_.OnWrite([&](uint64_t) {
    ++slow_writes;
    absl::SleepFor(absl::Milliseconds(2));
  });
  constexpr int kProposals = 2000;
  absl::BlockingCounter left(kProposals);
  for (int i = 0; i < kProposals; ++i) {
    node_->group(ShardId(static_cast<uint32_t>(i % 16)))
        .Propose(absl::StrCat(i), [&](absl::StatusOr<ApplyResult> result) {
          EXPECT_TRUE(result.ok()) << result.status();
          left.DecrementCount();
        });
  }
  left.Wait();
  EXPECT_LT(slow_writes, kProposals / 4);
  log_disk_.OnWrite(nullptr);
}

TEST_F(NodeTest, BodiesInFlightHoldUpNoSmallCommands) {
  NodeOptions options;
  options.raft.small_command_bytes = 100;
  options.raft.max_in_flight_bytes = 1000;
  options.raft.max_in_flight_small_bytes = 300;
  ASSERT_TRUE(Start(options).ok());
  ASSERT_TRUE(Propose(ShardId(0), "warm").ok());
  Door door;
  log_disk_.OnWrite([&](uint64_t) { door.Pass(); });
  door.Shut();
  std::atomic<int> taken{0}, refused{0};
  const auto propose = [&](size_t bytes) {
    node_->group(ShardId(0))
        .Propose(std::string(bytes, 'x'),
                 [&](absl::StatusOr<ApplyResult> result) { ++(result.ok() ? taken : refused); });
  };
  propose(1000);
  propose(101);  // one body too many
  for (int i = 0; i < 3; ++i) propose(100);
  propose(1);  // one small command too many
  while (refused < 2) std::this_thread::yield();
  door.Open();
  while (taken < 4) std::this_thread::yield();
  EXPECT_EQ(refused, 2);
  node_->Stop();
  log_disk_.OnWrite(nullptr);
}

TEST_F(NodeTest, OneFailedDiskTakesAllGroupsAndIsToldOnce) {
  ASSERT_TRUE(Start().ok());
  ASSERT_TRUE(Propose(ShardId(0), "before").ok());
  absl::Notification told;
  std::atomic<int> times{0};
  node_->OnUnhealthy([&](const absl::Status& status) {
    EXPECT_FALSE(status.ok());
    if (++times == 1) told.Notify();
  });
  log_disk_.FailWrite(absl::ResourceExhaustedError("full"));
  EXPECT_FALSE(Propose(ShardId(3), "lost").ok());
  told.WaitForNotification();
  EXPECT_FALSE(node_->health().ok());
  EXPECT_EQ(Propose(ShardId(5), "after").status().code(), absl::StatusCode::kUnavailable);
  // Told at once to who asks late.
  absl::Notification late;
  node_->OnUnhealthy([&](const absl::Status&) { late.Notify(); });
  late.WaitForNotification();
  EXPECT_EQ(times, 1);
}

TEST_F(NodeTest, AfterAStopEverythingIsRefused) {
  ASSERT_TRUE(Start().ok());
  ASSERT_TRUE(Propose(ShardId(0), "x").ok());
  node_->Stop();
  EXPECT_EQ(Propose(ShardId(0), "y").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(state_disk_.unsynced_writes(), 0u);
  EXPECT_TRUE(node_->health().ok());
}

TEST_F(NodeTest, ProposalsThatRaceWithAStopAreAllAnswered) {
  for (int round = 0; round < 8; ++round) {
    ASSERT_TRUE(Start().ok());
    std::atomic<int> asked{0}, answered{0};
    std::atomic<bool> stop{false};
    std::thread proposer([&] {
      while (!stop && asked < 5000) {
        ++asked;
        node_->group(ShardId(1)).Propose("x", [&](absl::StatusOr<ApplyResult>) { ++answered; });
      }
    });
    while (answered < 10) std::this_thread::yield();
    node_->Stop();
    stop = true;
    proposer.join();
    EXPECT_EQ(asked, answered);
  }
}

TEST(NodeOnRocksDbTest, StateSurvivesARestartAndTheLogIsCut) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/node");
  std::filesystem::remove_all(path);
  NodeOptions options;
  options.bootstrap_shards = 2;
  options.raft.max_log_bytes = 64 << 10;
  for (int life = 0; life < 2; ++life) {
    kv::RocksDbOptions log_options, state_options;
    log_options.path = path + "/log";
    log_options.profile = kv::Profile::kLog;
    state_options.path = path + "/state";
    state_options.profile = kv::Profile::kState;
    auto log = kv::OpenRocksDb(log_options);
    auto state = kv::OpenRocksDb(state_options);
    ASSERT_TRUE(log.ok()) << log.status();
    ASSERT_TRUE(state.ok()) << state.status();
    NullTransport transport;
    auto node = Node::Start(options, **log, **state, Counting(), transport);
    ASSERT_TRUE(node.ok()) << node.status();
    absl::BlockingCounter left(400);
    for (int i = 0; i < 400; ++i) {
      (*node)
          ->group(ShardId(0))
          .Propose(std::string(1000, 'x'), [&](absl::StatusOr<ApplyResult> result) {
            EXPECT_TRUE(result.ok()) << result.status();
            left.DecrementCount();
          });
    }
    left.Wait();
    EXPECT_EQ(CountingMachine::Read(**state, ShardId(0)).size(), 400u * (life + 1));
    // Cutting goes on behind the last answer: wait for it.
    for (size_t entries = SIZE_MAX; entries > 200;) {
      entries = 0;
      auto it = (*log)->NewIterator(kv::kLogEntries, kv::Range::All());
      for (it->SeekToFirst(); it->Valid(); it->Next()) ++entries;
    }
    (*node)->Stop();
  }
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace packetboat::raft
