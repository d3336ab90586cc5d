// One node, one voter: crashes at every step, and planted bugs that must be seen.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "store/raft/testing/sim_cluster.h"

namespace packetboat::raft {
namespace {

using testing::SimCluster;
using testing::SimNode;

constexpr uint32_t kShards = 2;

// Steps and proposals mixed at random, at most `steps`.
void Work(SimCluster& cluster, int steps) {
  for (int i = 0; i < steps; ++i) {
    if (cluster.random().Below(3) == 0) {
      cluster.Propose(ShardId(static_cast<uint32_t>(cluster.random().Below(kShards))));
    }
    if (cluster.random().Below(10) == 0) cluster.Read(0, ShardId(0));
    if (cluster.random().Below(20) == 0) cluster.clock().Advance(absl::Milliseconds(3));
    cluster.node(0).Step();
  }
}

struct Outcome {
  uint64_t acknowledged;
  std::vector<std::string> violations;
};

// Lives that each end in a crash after some steps; what was not synced is lost, or, with
// `some_survive`, a part of it stays.
Outcome RunLives(uint64_t seed, const std::vector<int>& lives, bool some_survive,
                 const Options& options) {
  SimCluster cluster(seed, 1, kShards, options);
  SimNode& node = cluster.node(0);
  for (int steps : lives) {
    Work(cluster, steps);
    const uint64_t log = node.log_disk().unsynced_writes();
    const uint64_t state = node.state_disk().unsynced_writes();
    node.Crash(some_survive ? cluster.random().Below(log + 1) : 0,
               some_survive ? cluster.random().Below(state + 1) : 0);
    if (absl::Status status = node.Boot(); !status.ok()) {
      cluster.Violation(status.ToString());
      return {cluster.acknowledged(), cluster.violations()};
    }
    cluster.RunQueues();
    cluster.CheckStates();
  }
  Work(cluster, 50);
  cluster.RunQueues();
  cluster.CheckStates();
  return {cluster.acknowledged(), cluster.violations()};
}

std::string Text(const Outcome& outcome) { return absl::StrJoin(outcome.violations, "\n"); }

TEST(SingleVoterTest, ACrashAtAnyStepLosesNothingThatWasAcknowledged) {
  uint64_t acknowledged = 0;
  for (int step = 0; step < 250; ++step) {
    const Outcome outcome = RunLives(7, {step}, /*some_survive=*/false, Options());
    ASSERT_TRUE(outcome.violations.empty()) << "step " << step << "\n" << Text(outcome);
    acknowledged += outcome.acknowledged;
  }
  EXPECT_GT(acknowledged, 1000u);
}

TEST(SingleVoterTest, CrashAfterCrashLosesNothingUnderManySeeds) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const Outcome outcome = RunLives(seed, {40, 3, 90, 0, 17, 60}, seed % 2 == 0, Options());
    ASSERT_TRUE(outcome.violations.empty()) << "seed " << seed << "\n" << Text(outcome);
  }
}

TEST(SingleVoterTest, NothingIsLostWhileTheLogIsCutAllTheTime) {
  Options options;
  options.max_log_bytes = 300;
  options.entry_cache_bytes = 100;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Outcome outcome = RunLives(seed, {200, 300, 5, 250}, seed % 2 == 0, options);
    ASSERT_TRUE(outcome.violations.empty()) << "seed " << seed << "\n" << Text(outcome);
  }
}

TEST(SingleVoterTest, TheLogIsCutBehindFlushedState) {
  Options options;
  options.max_log_bytes = 2000;
  SimCluster cluster(5, 1, kShards, options);
  for (int i = 0; i < 500; ++i) {
    cluster.Propose(ShardId(0));
    cluster.RunQueues();
  }
  const EntryLog& log = cluster.node(0).core().group(ShardId(0)).log();
  EXPECT_GT(log.start().index, RaftIndex(300));
  EXPECT_LE(log.bytes(), 3000u);
  EXPECT_EQ(cluster.acknowledged(), 500u);
  cluster.node(0).Crash();
  ASSERT_TRUE(cluster.node(0).Boot().ok());
  cluster.RunQueues();
  cluster.CheckStates();
  EXPECT_EQ(absl::StrJoin(cluster.violations(), "\n"), "");
}

TEST(SingleVoterTest, ARestartReplaysNoMoreThanTheLimit) {
  Options options;
  options.max_unflushed_log_bytes = 50 << 10;
  SimCluster cluster(5, 1, kShards, options);
  SimNode& node = cluster.node(0);
  for (uint64_t i = 0; i < 1000; ++i) {
    cluster.Propose(ShardId(static_cast<uint32_t>(i % kShards)));
    cluster.RunQueues();
  }
  std::vector<RaftIndex> applied;
  for (uint32_t i = 0; i < kShards; ++i) {
    applied.push_back(node.core().group(ShardId(i)).Status().applied);
  }
  node.Crash();
  ASSERT_TRUE(node.Boot().ok());
  uint64_t lost = 0;
  for (uint32_t i = 0; i < kShards; ++i) {
    lost += applied[i].value() - node.core().recovered(ShardId(i)).index.value();
  }
  // Each entry counts a kibibyte and a few octets.
  EXPECT_LE(lost, 51u);
  cluster.RunQueues();
  cluster.CheckStates();
  EXPECT_EQ(absl::StrJoin(cluster.violations(), "\n"), "");
}

TEST(SingleVoterTest, AFlushForOtherReasonsCutsALogThatIsNotLong) {
  Options options;
  options.max_unflushed_log_bytes = 50 << 10;
  for (const uint64_t limit : {uint64_t{500}, options.max_log_bytes}) {
    options.max_log_bytes_after_flush = limit;
    SimCluster cluster(5, 1, 1, options);
    for (int i = 0; i < 500; ++i) {
      cluster.Propose(ShardId(0));
      cluster.RunQueues();
    }
    const EntryLog& log = cluster.node(0).core().group(ShardId(0)).log();
    EXPECT_EQ(log.start().index > RaftIndex(300), limit == 500) << log.start().index.value();
    EXPECT_EQ(absl::StrJoin(cluster.violations(), "\n"), "");
  }
}

TEST(SingleVoterTest, EveryStartRaisesTheTerm) {
  SimCluster cluster(5, 1, 1, Options());
  Term last;
  for (int i = 0; i < 5; ++i) {
    cluster.RunQueues();
    const Term term = cluster.node(0).core().group(ShardId(0)).core().term();
    EXPECT_GT(term, last);
    last = term;
    cluster.node(0).Crash();
    ASSERT_TRUE(cluster.node(0).Boot().ok());
  }
}

TEST(SingleVoterTest, ReadsWaitForAnEntryOfTheOwnTerm) {
  SimCluster cluster(5, 1, 1, Options());
  cluster.RunQueues();
  cluster.Propose(ShardId(0));
  cluster.RunQueues();
  cluster.node(0).Crash();
  ASSERT_TRUE(cluster.node(0).Boot().ok());
  cluster.Read(0, ShardId(0));
  EXPECT_EQ(cluster.reads(), 0u);
  cluster.RunQueues();
  EXPECT_EQ(cluster.reads(), 1u);
  EXPECT_TRUE(cluster.violations().empty());
}

TEST(SingleVoterTest, AFailedLogWriteIsNeverRetriedAndRestartHeals) {
  SimCluster cluster(5, 1, kShards, Options());
  cluster.RunQueues();
  cluster.Propose(ShardId(0));
  cluster.RunQueues();
  SimNode& node = cluster.node(0);
  node.log_disk().FailSync(absl::InternalError("EIO"));
  cluster.Propose(ShardId(0));
  cluster.RunQueues();
  EXPECT_FALSE(node.core().health().ok());
  EXPECT_EQ(cluster.Leader(ShardId(0)), nullptr);
  EXPECT_EQ(cluster.Leader(ShardId(1)), nullptr);
  const uint64_t writes = node.log_disk().writes();
  cluster.Run(absl::Seconds(5));
  EXPECT_EQ(node.log_disk().writes(), writes);
  EXPECT_EQ(cluster.acknowledged(), 1u);

  node.Crash();
  ASSERT_TRUE(node.Boot().ok());
  cluster.RunQueues();
  EXPECT_NE(cluster.Leader(ShardId(0)), nullptr);
  cluster.CheckStates();
  EXPECT_EQ(absl::StrJoin(cluster.violations(), "\n"), "");
}

TEST(SingleVoterTest, AFailedStateWriteStopsTheNodeToo) {
  SimCluster cluster(5, 1, kShards, Options());
  cluster.RunQueues();
  cluster.node(0).state_disk().FailWrite(absl::ResourceExhaustedError("full"));
  cluster.Propose(ShardId(0));
  cluster.RunQueues();
  EXPECT_FALSE(cluster.node(0).core().health().ok());
  EXPECT_EQ(cluster.acknowledged(), 0u);
  cluster.node(0).Crash();
  ASSERT_TRUE(cluster.node(0).Boot().ok());
  cluster.RunQueues();
  cluster.CheckStates();
  EXPECT_EQ(absl::StrJoin(cluster.violations(), "\n"), "");
}

TEST(SingleVoterTest, AStalledDiskGivesUpLeadershipUntilItAnswers) {
  SimCluster cluster(5, 1, 1, Options());
  cluster.RunQueues();
  cluster.Propose(ShardId(0));
  cluster.steps_per_ms = 0;  // the write is under way, and nothing comes back
  cluster.Run(Options().disk_stall - absl::Milliseconds(20));
  EXPECT_NE(cluster.Leader(ShardId(0)), nullptr);
  cluster.Run(absl::Milliseconds(40));
  EXPECT_EQ(cluster.Leader(ShardId(0)), nullptr);
  EXPECT_TRUE(cluster.node(0).core().stalled());
  cluster.steps_per_ms = 3;
  cluster.Run(absl::Milliseconds(50));
  EXPECT_NE(cluster.Leader(ShardId(0)), nullptr);
  EXPECT_EQ(cluster.acknowledged(), 1u);
}

TEST(SingleVoterTest, AFlippedBitInTheLogIsRefusedAtTheStart) {
  SimCluster cluster(5, 1, 1, Options());
  for (int i = 0; i < 5; ++i) {
    cluster.RunQueues();
    cluster.Propose(ShardId(0));
  }
  cluster.RunQueues();
  SimNode& node = cluster.node(0);
  auto it = node.log().NewIterator(kv::kLogEntries, kv::Range::All());
  it->SeekToLast();
  const std::string key(it->key());
  it.reset();
  ASSERT_TRUE(node.log_disk().FlipBit(kv::kLogEntries, key, 77));
  node.Crash();
  EXPECT_EQ(node.Boot().code(), absl::StatusCode::kDataLoss);
}

TEST(SingleVoterTest, AMissingEntryIsRefusedAtTheStart) {
  SimCluster cluster(5, 1, 1, Options());
  for (int i = 0; i < 5; ++i) {
    cluster.RunQueues();
    cluster.Propose(ShardId(0));
  }
  cluster.RunQueues();
  SimNode& node = cluster.node(0);
  auto it = node.log().NewIterator(kv::kLogEntries, kv::Range::All());
  it->SeekToLast();
  it->Prev();
  kv::WriteBatch batch;
  batch.Delete(kv::kLogEntries, it->key());
  it.reset();
  ASSERT_TRUE(node.log().Write(batch, kv::Durability::kSynced).ok());
  node.Crash();
  EXPECT_EQ(node.Boot().code(), absl::StatusCode::kDataLoss);
}

TEST(SingleVoterTest, ManyGroupsShareOneSyncedWrite) {
  SimCluster cluster(5, 1, 64, Options());
  cluster.RunQueues();
  const uint64_t before = cluster.node(0).log_disk().syncs();
  // The first proposal's write is under way while all others come in.
  for (uint32_t i = 0; i < 64; ++i) ASSERT_TRUE(cluster.Propose(ShardId(i)));
  cluster.RunQueues();
  EXPECT_EQ(cluster.acknowledged(), 64u);
  EXPECT_EQ(cluster.node(0).log_disk().syncs() - before, 2u);
}

// --- Planted bugs: each must be noticed. ---

bool Noticed(const Options& options) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    if (!RunLives(seed, {60, 60, 60}, false, options).violations.empty()) return true;
  }
  return false;
}

TEST(PlantedBugTest, AcknowledgingBeforeCommitIsNoticed) {
  Options options;
  options.test_faults.acknowledge_before_commit = true;
  EXPECT_TRUE(Noticed(options));
}

TEST(PlantedBugTest, SkippingTheSyncOfTheLogIsNoticed) {
  Options options;
  options.test_faults.skip_log_sync = true;
  EXPECT_TRUE(Noticed(options));
}

TEST(PlantedBugTest, RestartingInTheOldTermIsNoticed) {
  Options options;
  options.test_faults.restart_in_old_term = true;
  EXPECT_TRUE(Noticed(options));
}

TEST(PlantedBugTest, WithoutABugNothingIsNoticed) { EXPECT_FALSE(Noticed(Options())); }

}  // namespace
}  // namespace packetboat::raft
