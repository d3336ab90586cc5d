// Three and five voters over a bad network: what one voter promises holds for many.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "store/raft/testing/sim_cluster.h"

namespace packetboat::raft {
namespace {

using testing::SimCluster;
using testing::SimNode;

std::string Violations(const SimCluster& cluster) {
  return absl::StrJoin(cluster.violations(), "\n");
}

// Load for `time`, on all shards.
void Load(SimCluster& cluster, absl::Duration time) {
  for (absl::Duration done; done < time; done += absl::Milliseconds(20)) {
    cluster.Propose(ShardId(0));
    cluster.Propose(ShardId(1));
    cluster.Read(static_cast<int>(cluster.random().Below(static_cast<uint64_t>(cluster.size()))),
                 ShardId(0));
    cluster.Run(absl::Milliseconds(20));
  }
}

// Peace, until all have caught up.
void Settle(SimCluster& cluster) {
  cluster.faults = testing::SimFaults();
  for (int i = 0; i < cluster.size(); ++i) {
    cluster.CutOff(i, false);
    cluster.Freeze(i, false);
    if (!cluster.node(i).up()) {
      ASSERT_TRUE(cluster.node(i).Boot().ok());
    }
  }
  cluster.Run(absl::Seconds(8));
  cluster.CheckStates();
  for (uint32_t shard = 0; shard < 2; ++shard) {
    const RaftIndex applied = cluster.node(0).core().group(ShardId(shard)).Status().applied;
    for (int i = 1; i < cluster.size(); ++i) {
      EXPECT_EQ(cluster.node(i).core().group(ShardId(shard)).Status().applied, applied);
    }
  }
}

TEST(ThreeVotersTest, OneLeadsAndAllApplyTheSame) {
  SimCluster cluster(1, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  ASSERT_NE(cluster.Leader(ShardId(0)), nullptr);
  Load(cluster, absl::Seconds(2));
  Settle(cluster);
  EXPECT_GT(cluster.acknowledged(), 150u);
  EXPECT_GT(cluster.reads(), 80u);
  EXPECT_EQ(Violations(cluster), "");
}

TEST(ThreeVotersTest, TheLossOfTheLeaderIsOutlivedWithinTwoSeconds) {
  SimCluster cluster(2, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  for (int round = 0; round < 10; ++round) {
    SimNode* leader = cluster.Leader(ShardId(0));
    ASSERT_NE(leader, nullptr);
    Load(cluster, absl::Milliseconds(100));
    leader->Crash();
    cluster.Run(absl::Seconds(2));
    ASSERT_NE(cluster.Leader(ShardId(0)), nullptr) << round;
    ASSERT_NE(cluster.Leader(ShardId(0)), leader);
    Load(cluster, absl::Milliseconds(100));
    ASSERT_TRUE(leader->Boot().ok());
    cluster.Run(absl::Seconds(1));
  }
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
}

TEST(ThreeVotersTest, AnotherLeadsWhenTheLeadersDiskFailsOrStalls) {
  for (bool stalls : {false, true}) {
    SimCluster cluster(9, 3, 2, Options());
    cluster.Run(absl::Seconds(2));
    SimNode* leader = cluster.Leader(ShardId(0));
    ASSERT_NE(leader, nullptr);
    if (stalls) {
      leader->StallDisk(true);
    } else {
      leader->log_disk().FailSync(absl::InternalError("EIO"));
    }
    const uint64_t acknowledged = cluster.acknowledged();
    Load(cluster, absl::Seconds(6));
    EXPECT_NE(cluster.Leader(ShardId(0)), leader);
    EXPECT_GT(cluster.acknowledged(), acknowledged + 50);
    if (stalls) {
      leader->StallDisk(false);
    } else {
      EXPECT_FALSE(leader->core().health().ok());
      leader->Crash();
    }
    Settle(cluster);
    EXPECT_EQ(Violations(cluster), "");
  }
}

TEST(ThreeVotersTest, WithoutAMajorityNothingIsAcknowledgedOrRead) {
  SimCluster cluster(3, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  Load(cluster, absl::Milliseconds(200));
  SimNode* leader = cluster.Leader(ShardId(0));
  ASSERT_NE(leader, nullptr);
  for (int i = 0; i < 3; ++i) cluster.CutOff(i, true);
  const uint64_t acknowledged = cluster.acknowledged(), reads = cluster.reads();
  Load(cluster, absl::Seconds(3));
  EXPECT_EQ(cluster.acknowledged(), acknowledged);
  EXPECT_EQ(cluster.reads(), reads);
  EXPECT_EQ(cluster.Leader(ShardId(0)), nullptr);
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
}

TEST(ThreeVotersTest, ACutOffLeaderServesNoStaleRead) {
  SimCluster cluster(4, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  SimNode* old_leader = cluster.Leader(ShardId(0));
  ASSERT_NE(old_leader, nullptr);
  int old_index = 0;
  for (int i = 0; i < 3; ++i) {
    if (&cluster.node(i) == old_leader) old_index = i;
  }
  cluster.CutOff(old_index, true);
  for (int i = 0; i < 100; ++i) {
    cluster.Read(old_index, ShardId(0));
    Load(cluster, absl::Milliseconds(20));
  }
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
}

TEST(ThreeVotersTest, LeadershipIsHandedOver) {
  SimCluster cluster(5, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  Load(cluster, absl::Milliseconds(200));
  SimNode* leader = cluster.Leader(ShardId(0));
  ASSERT_NE(leader, nullptr);
  SimNode* next = leader == &cluster.node(0) ? &cluster.node(1) : &cluster.node(0);
  ASSERT_TRUE(leader->core().group(ShardId(0)).Transfer(next->id()).ok());
  leader->Tick();
  cluster.Run(absl::Milliseconds(200));
  EXPECT_EQ(cluster.Leader(ShardId(0)), next);
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
}

// The index that a read on node `i` gets, once it is there.
std::shared_ptr<std::optional<RaftIndex>> ReadOn(SimCluster& cluster, int i) {
  auto index = std::make_shared<std::optional<RaftIndex>>();
  cluster.node(i).core().group(ShardId(0)).ReadIndex([index](absl::StatusOr<RaftIndex> read) {
    if (read.ok()) *index = *read;
  });
  return index;
}

int FollowerOf(SimCluster& cluster) {
  return cluster.Leader(ShardId(0)) == &cluster.node(0) ? 1 : 0;
}

TEST(ThreeVotersTest, AFollowersReaderNeedsNoHeartbeatToSeeWhatIsCommitted) {
  Options options;
  options.heartbeat = absl::Seconds(5);
  options.election_timeout = absl::Seconds(20);
  SimCluster cluster(5, 3, 2, options);
  while (cluster.Leader(ShardId(0)) == nullptr) cluster.Run(absl::Seconds(1));
  for (int i = 0; i < 4; ++i) {
    const uint64_t acknowledged = cluster.acknowledged();
    ASSERT_TRUE(cluster.Propose(ShardId(0)));
    while (cluster.acknowledged() == acknowledged) cluster.Run(absl::Milliseconds(1));
    GroupDriver& follower = cluster.node(FollowerOf(cluster)).core().group(ShardId(0));
    const RaftIndex written = cluster.Leader(ShardId(0))->core().group(ShardId(0)).Status().applied;
    bool readable = false;
    if (i % 2 == 0) {
      // A write that went through this node: its index is known.
      follower.WaitApplied(written, [&](absl::Status status) { readable = status.ok(); });
    } else {
      follower.ReadIndex([&](absl::StatusOr<RaftIndex> index) {
        ASSERT_TRUE(index.ok());
        follower.WaitApplied(*index, [&](absl::Status status) { readable = status.ok(); });
      });
    }
    cluster.Run(absl::Milliseconds(100));
    EXPECT_TRUE(readable) << i;
    EXPECT_GE(follower.Status().applied, written);
  }
}

// Whatever the moment between two beats: no more than the network and the disks take.
TEST(ThreeVotersTest, NoProposalWaitsForABeat) {
  Options options;
  options.heartbeat = absl::Milliseconds(200);
  options.election_timeout = absl::Seconds(1);
  SimCluster cluster(5, 3, 1, options);
  while (cluster.Leader(ShardId(0)) == nullptr) cluster.Run(absl::Milliseconds(100));
  cluster.Run(absl::Seconds(1));
  for (int i = 0; i < 200; ++i) {
    const uint64_t acknowledged = cluster.acknowledged();
    ASSERT_TRUE(cluster.Propose(ShardId(0)));
    cluster.Run(absl::Milliseconds(60));
    EXPECT_GT(cluster.acknowledged(), acknowledged) << i;
    cluster.Run(absl::Milliseconds(static_cast<int64_t>(cluster.random().Below(700))));
  }
}

TEST(ThreeVotersTest, AReadOutlivesItsLeader) {
  for (bool frozen : {false, true}) {
    SimCluster cluster(6, 3, 2, Options());
    cluster.Run(absl::Seconds(2));
    Load(cluster, absl::Milliseconds(100));
    int old = 0;
    while (&cluster.node(old) != cluster.Leader(ShardId(0))) ++old;
    const int reader = FollowerOf(cluster);
    if (frozen) {
      cluster.Freeze(old, true);
    } else {
      cluster.node(old).Crash();
    }
    const auto index = ReadOn(cluster, reader);
    cluster.Run(absl::Seconds(3));
    ASSERT_NE(cluster.Leader(ShardId(0)), nullptr);
    EXPECT_TRUE(index->has_value());
  }
}

TEST(ThreeVotersTest, AReadWaitsForALeaderWhileThereIsNone) {
  SimCluster cluster(7, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  for (int i = 0; i < 3; ++i) cluster.CutOff(i, true);
  cluster.Run(absl::Seconds(2));
  ASSERT_EQ(cluster.Leader(ShardId(0)), nullptr);
  const auto index = ReadOn(cluster, 0);
  cluster.Run(absl::Seconds(2));
  EXPECT_FALSE(index->has_value());
  for (int i = 0; i < 3; ++i) cluster.CutOff(i, false);
  cluster.Run(absl::Seconds(3));
  EXPECT_TRUE(index->has_value());
}

TEST(ThreeVotersTest, WhatWasProposedBeforeATransferIsAnswered) {
  SimCluster cluster(8, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  uint64_t proposed = 0;
  for (int round = 0; round < 20; ++round) {
    SimNode* leader = cluster.Leader(ShardId(0));
    ASSERT_NE(leader, nullptr);
    for (int i = 0; i < 5; ++i, ++proposed) ASSERT_TRUE(cluster.Propose(ShardId(0)));
    const NodeId next = cluster.node(FollowerOf(cluster)).id();
    ASSERT_TRUE(leader->core().group(ShardId(0)).Transfer(next).ok());
    cluster.Run(absl::Milliseconds(500));
    EXPECT_NE(cluster.Leader(ShardId(0)), leader);
    EXPECT_EQ(cluster.acknowledged(), proposed) << round;
  }
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
}

TEST(ThreeVotersTest, ATransferToADeadVoterIsGivenUpAndTheLeaderGoesOn) {
  SimCluster cluster(13, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  SimNode* leader = cluster.Leader(ShardId(0));
  SimNode* dead = leader == &cluster.node(0) ? &cluster.node(1) : &cluster.node(0);
  dead->Crash();
  ASSERT_TRUE(leader->core().group(ShardId(0)).Transfer(dead->id()).ok());
  EXPECT_TRUE(leader->core().group(ShardId(0)).core().transferring());
  cluster.Run(absl::Seconds(1));
  EXPECT_FALSE(leader->core().group(ShardId(0)).core().transferring());
  EXPECT_EQ(cluster.Leader(ShardId(0)), leader);
  const uint64_t acknowledged = cluster.acknowledged();
  Load(cluster, absl::Milliseconds(200));
  EXPECT_GT(cluster.acknowledged(), acknowledged);
}

// What an idle cluster costs: with leaders everywhere, a beat is one frame to each peer, and one
// back.
TEST(ThreeVotersTest, HeartbeatsOfAllIdleShardsShareFrames) {
  SimCluster cluster(14, 3, 16, Options());
  cluster.Run(absl::Seconds(3));
  for (uint32_t i = 0; i < 16; ++i) {
    SimNode* leader = cluster.Leader(ShardId(i));
    ASSERT_NE(leader, nullptr);
    SimNode& wanted = cluster.node(static_cast<int>(i % 3));
    if (leader != &wanted) {
      EXPECT_TRUE(leader->core().group(ShardId(i)).Transfer(wanted.id()).ok());
    }
  }
  cluster.Run(absl::Seconds(2));
  const uint64_t before = cluster.frames();
  cluster.Run(absl::Seconds(10));
  const double per_node_peer_and_beat =
      static_cast<double>(cluster.frames() - before) / (3 * 2 * (10.0 / 0.08));
  EXPECT_LE(per_node_peer_and_beat, 2.05);
  EXPECT_GE(per_node_peer_and_beat, 1.0);
}

TEST(ThreeVotersTest, ADrainedNodeLeadsNothing) {
  SimCluster cluster(6, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  SimNode* leader = cluster.Leader(ShardId(0));
  ASSERT_NE(leader, nullptr);
  leader->core().Drain();
  cluster.Run(absl::Milliseconds(500));
  EXPECT_TRUE(leader->core().drained());
  EXPECT_FALSE(leader->Leads(ShardId(0)));
  EXPECT_NE(cluster.Leader(ShardId(0)), nullptr);
}

TEST(ThreeVotersTest, AFollowerBehindALongOutageCatchesUpFromTheLogOnDisk) {
  Options options;
  options.entry_cache_bytes = 1000;
  SimCluster cluster(7, 3, 2, options);
  cluster.Run(absl::Seconds(2));
  const int follower = cluster.Leader(ShardId(0)) == &cluster.node(0) ? 1 : 0;
  cluster.node(follower).Crash();
  Load(cluster, absl::Seconds(10));
  ASSERT_TRUE(cluster.node(follower).Boot().ok());
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
}

TEST(ThreeVotersTest, TheLogIsCutOnlyBehindWhatEveryServerHas) {
  Options options;
  options.max_log_bytes = 1000;
  SimCluster cluster(8, 3, 2, options);
  cluster.Run(absl::Seconds(2));
  const int follower = cluster.Leader(ShardId(0)) == &cluster.node(0) ? 1 : 0;
  Load(cluster, absl::Seconds(3));
  EXPECT_GT(cluster.node(0).core().group(ShardId(0)).log().start().index, RaftIndex(0));
  cluster.node(follower).Crash();
  Load(cluster, absl::Seconds(3));
  ASSERT_TRUE(cluster.node(follower).Boot().ok());
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
}

TEST(ThreeVotersTest, AFlushCutsTheLogsOfFollowersToo) {
  Options options;
  options.max_unflushed_log_bytes = 20 << 10;
  options.max_log_bytes_after_flush = 500;
  SimCluster cluster(8, 3, 2, options);
  cluster.Run(absl::Seconds(2));
  Load(cluster, absl::Seconds(5));
  Settle(cluster);
  for (int i = 0; i < cluster.size(); ++i) {
    EXPECT_GT(cluster.node(i).core().group(ShardId(0)).log().start().index, RaftIndex(0)) << i;
  }
  EXPECT_EQ(Violations(cluster), "");
}

// Everything at once.
class ChaosTest : public ::testing::TestWithParam<int> {};

void Chaos(SimCluster& cluster, int rounds) {
  SeededRandom& random = cluster.random();
  cluster.faults.lose_percent = 10;
  cluster.faults.duplicate_percent = 10;
  cluster.faults.reorder_percent = 5;
  cluster.faults.max_delay = absl::Milliseconds(30);
  const auto pick = [&] {
    return static_cast<int>(random.Below(static_cast<uint64_t>(cluster.size())));
  };
  for (int round = 0; round < rounds; ++round) {
    const int victim = pick();
    SimNode& node = cluster.node(victim);
    switch (random.Below(7)) {
      case 0:
        if (node.up()) {
          node.Crash(random.Below(node.log_disk().unsynced_writes() + 1),
                     random.Below(node.state_disk().unsynced_writes() + 1));
        }
        break;
      case 1:
        for (int i = 0; i < cluster.size(); ++i) {
          if (!cluster.node(i).up()) {
            ASSERT_TRUE(cluster.node(i).Boot().ok());
          }
        }
        break;
      case 2:
        cluster.CutOff(victim, true);
        break;
      case 3:
        for (int i = 0; i < cluster.size(); ++i) cluster.CutOff(i, false);
        break;
      case 4:
        cluster.steps_per_ms = static_cast<int>(1 + random.Below(4));
        break;
      case 5:
        cluster.Freeze(victim, true);
        break;
      case 6:
        for (int i = 0; i < cluster.size(); ++i) cluster.Freeze(i, false);
        break;
    }
    Load(cluster, absl::Milliseconds(300));
  }
}

TEST_P(ChaosTest, NothingPromisedIsBroken) {
  SimCluster cluster(static_cast<uint64_t>(100 + GetParam()), GetParam() % 2 == 0 ? 3 : 5, 2,
                     Options());
  cluster.Run(absl::Seconds(1));
  Chaos(cluster, 30);
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
  EXPECT_GT(cluster.acknowledged(), 0u);
}

TEST_P(ChaosTest, NorWithSmallLogsAndPieces) {
  Options options;
  options.max_log_bytes = 1500;
  options.max_log_bytes_after_flush = 300;
  options.max_unflushed_log_bytes = 20 << 10;
  options.entry_cache_bytes = 200;
  options.max_append_bytes = 60;
  options.max_frame_bytes = 200;
  options.max_apply_entries = 2;
  SimCluster cluster(static_cast<uint64_t>(200 + GetParam()), 3, 2, options);
  cluster.Run(absl::Seconds(1));
  Chaos(cluster, 30);
  Settle(cluster);
  EXPECT_EQ(Violations(cluster), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChaosTest, ::testing::Range(0, 12));

// The leader is frozen, another one takes over and writes; then somebody asks the old one, which
// has not noticed yet.
std::vector<std::string> ReadFromAFrozenLeader(const Options& options) {
  SimCluster cluster(11, 3, 2, options);
  cluster.Run(absl::Seconds(2));
  SimNode* old_leader = cluster.Leader(ShardId(0));
  int old = 0;
  while (&cluster.node(old) != old_leader) ++old;
  Load(cluster, absl::Milliseconds(200));
  cluster.Freeze(old, true);
  cluster.Run(absl::Seconds(2));
  Load(cluster, absl::Milliseconds(200));
  EXPECT_NE(cluster.Leader(ShardId(0)), old_leader);
  const uint64_t acknowledged = cluster.acknowledged();
  EXPECT_GT(acknowledged, 10u);
  cluster.Read(old, ShardId(0));
  cluster.Freeze(old, false);
  cluster.Run(absl::Seconds(2));
  return cluster.violations();
}

TEST(ThreeVotersTest, ALeaderThatWasFrozenServesNoStaleRead) {
  EXPECT_TRUE(ReadFromAFrozenLeader(Options()).empty());
}

TEST(PlantedBugTest, ReadingWithoutARoundIsNoticed) {
  Options options;
  options.test_faults.read_without_round = true;
  EXPECT_FALSE(ReadFromAFrozenLeader(options).empty());
}

// A follower gets a change of membership in one append with commands around it, and another one
// later. How far behind the leader it is in the end.
uint64_t LagAfterChanges(const Options& options) {
  SimCluster cluster(12, 3, 2, options);
  cluster.Run(absl::Seconds(2));
  SimNode* leader = cluster.Leader(ShardId(0));
  const int follower = leader == &cluster.node(0) ? 1 : 0;
  GroupDriver& group = leader->core().group(ShardId(0));
  cluster.CutOff(follower, true);
  Load(cluster, absl::Milliseconds(100));
  EXPECT_TRUE(group.Reconfigure(group.core().configuration()).ok());
  Load(cluster, absl::Milliseconds(100));
  cluster.CutOff(follower, false);
  cluster.Run(absl::Seconds(2));
  EXPECT_TRUE(group.Reconfigure(group.core().configuration()).ok());
  Load(cluster, absl::Milliseconds(100));
  cluster.Run(absl::Seconds(2));
  EXPECT_EQ(cluster.Leader(ShardId(0)), leader);
  EXPECT_EQ(Violations(cluster), "");
  return leader->core().group(ShardId(0)).Status().applied.value() -
         cluster.node(follower).core().group(ShardId(0)).Status().applied.value();
}

TEST(ThreeVotersTest, AChangeOfMembershipInTheMiddleOfAnAppendIsCountedWhereItIs) {
  EXPECT_EQ(LagAfterChanges(Options()), 0u);
}

TEST(ThreeVotersTest, TwoChangesOfMembershipReachAFollowerThatWasAway) {
  SimCluster cluster(13, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  SimNode* leader = cluster.Leader(ShardId(0));
  const int follower = leader == &cluster.node(0) ? 1 : 0;
  GroupDriver& group = leader->core().group(ShardId(0));
  cluster.CutOff(follower, true);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(group.Reconfigure(group.core().configuration()).ok());
    Load(cluster, absl::Milliseconds(300));
  }
  cluster.CutOff(follower, false);
  cluster.Run(absl::Seconds(2));
  EXPECT_EQ(cluster.node(follower).core().group(ShardId(0)).Status().applied,
            leader->core().group(ShardId(0)).Status().applied);
  EXPECT_EQ(Violations(cluster), "");
}

// A leader that has forgotten in a power cut that the first change is committed can commit nothing
// before the follower has taken entries of its term, which stand behind the second.
TEST(ThreeVotersTest, TwoChangesOfMembershipReachAFollowerAlsoAfterAPowerCut) {
  SimCluster cluster(14, 3, 2, Options());
  cluster.Run(absl::Seconds(2));
  SimNode* leader = cluster.Leader(ShardId(0));
  const int follower = leader == &cluster.node(0) ? 1 : 0;
  cluster.CutOff(follower, true);
  for (int i = 0; i < 2; ++i) {
    GroupDriver& group = leader->core().group(ShardId(0));
    EXPECT_TRUE(group.Reconfigure(group.core().configuration()).ok());
    Load(cluster, absl::Milliseconds(300));
  }
  const RaftIndex commit = leader->core().group(ShardId(0)).Status().commit;
  for (int i = 0; i < cluster.size(); ++i) {
    if (i != follower) cluster.node(i).Crash();
  }
  ASSERT_TRUE(leader->Boot().ok());
  ASSERT_LT(leader->core().group(ShardId(0)).Status().commit, commit);
  cluster.CutOff(follower, false);
  cluster.Run(absl::Seconds(4));
  ASSERT_EQ(cluster.Leader(ShardId(0)), leader);
  EXPECT_GT(leader->core().group(ShardId(0)).Status().commit, commit);
  EXPECT_EQ(cluster.node(follower).core().group(ShardId(0)).Status().applied,
            leader->core().group(ShardId(0)).Status().applied);
  EXPECT_EQ(Violations(cluster), "");
}

TEST(PlantedBugTest, CountingAChangeAtTheWrongIndexIsNoticed) {
  Options options;
  options.test_faults.count_change_at_wrong_index = true;
  EXPECT_GT(LagAfterChanges(options), 0u);
}

}  // namespace
}  // namespace packetboat::raft
