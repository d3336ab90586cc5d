// Who leads, who does not, and what a leader takes: clocks that are off (SEMANTICS.md s3), disks
// that are nearly full (s5).

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "store/raft/testing/sim_cluster.h"

namespace packetboat::raft {
namespace {

using replication::SpaceUse;
using testing::SimCluster;
using testing::SimNode;

constexpr ShardId kShard(0);

SpaceUse UseOf(absl::string_view command) {
  if (absl::StartsWith(command, "free")) return SpaceUse::kFrees;
  return absl::StartsWith(command, "little") ? SpaceUse::kLittle : SpaceUse::kBody;
}

class LeadershipTest : public ::testing::Test {
 protected:
  void Start(int nodes = 3, uint64_t seed = 21) {
    options_.space_use = UseOf;
    cluster_ = std::make_unique<SimCluster>(seed, nodes, 1, options_);
    cluster_->Run(absl::Seconds(2));
    ASSERT_NE(leader(), nullptr);
  }

  SimNode* leader() { return cluster_->Leader(kShard); }
  int IndexOf(const SimNode* node) {
    int i = 0;
    while (&cluster_->node(i) != node) ++i;
    return i;
  }
  std::vector<SimNode*> Followers() {
    std::vector<SimNode*> followers;
    for (int i = 0; i < cluster_->size(); ++i) {
      if (&cluster_->node(i) != leader()) followers.push_back(&cluster_->node(i));
    }
    return followers;
  }
  static RaftIndex AppliedBy(SimNode& node) { return node.core().group(kShard).Status().applied; }

  // The outcome of one command, waiting for it up to a second; kUnknown, if there is none.
  absl::Status Propose(absl::string_view kind) {
    std::string command = absl::StrCat(kind, " ", ++proposed_);
    auto outcome = std::make_shared<absl::Status>(absl::UnknownError("not answered"));
    static InFlight unbounded(SIZE_MAX, SIZE_MAX);
    const size_t size = command.size();
    leader()->core().group(kShard).Propose(
        Proposal{std::move(command),
                 [this, outcome](absl::StatusOr<replication::ApplyResult> result) {
                   *outcome = result.status();
                   if (result.ok()) log_time_ = result->log_time;
                 },
                 *unbounded.Take(size)});
    cluster_->Run(absl::Seconds(1));
    return *outcome;
  }
  // How far the log time of the next entry is ahead of the true time at which it was proposed.
  absl::Duration LogTimeAhead() {
    const absl::Time before = cluster_->clock().Now();
    EXPECT_TRUE(Propose("x").ok());
    return log_time_ - before;
  }

  void SetFree(SimNode& node, uint64_t bytes) {
    node.log_disk().SetSpace({uint64_t{100} << 30, bytes});
    cluster_->Run(absl::Milliseconds(100));
  }

  void ExpectNoViolation() {
    cluster_->CheckStates();
    EXPECT_EQ(absl::StrJoin(cluster_->violations(), "\n"), "");
  }

  Options options_;
  std::unique_ptr<SimCluster> cluster_;
  absl::Time log_time_;
  int proposed_ = 0;
};

// --- Clocks ---

TEST_F(LeadershipTest, LogTimeIsTheLeadersClockWhileThatIsNoMoreThanTheLimitAhead) {
  Start();
  leader()->clock().ahead = options_.clock_ahead_max - absl::Milliseconds(20);
  EXPECT_GE(LogTimeAhead(), options_.clock_ahead_max - absl::Milliseconds(20));
}

TEST_F(LeadershipTest, LogTimeRunsNoFurtherAheadOfTheMedianThanTheLimit) {
  for (int nodes : {3, 5}) {
    Start(nodes);
    leader()->clock().ahead = absl::Seconds(4);
    // One of the followers is as wrong as the leader: no majority.
    Followers()[0]->clock().ahead = nodes == 5 ? absl::Seconds(4) : absl::ZeroDuration();
    cluster_->Run(absl::Milliseconds(200));
    const absl::Duration ahead = LogTimeAhead();
    EXPECT_LE(ahead, options_.clock_ahead_max + absl::Milliseconds(20));
    // What frames need for their way makes it less, not more.
    EXPECT_GE(ahead, options_.clock_ahead_max - absl::Milliseconds(20));
  }
}

TEST_F(LeadershipTest, LogTimeAscendsOverALeaderWhoseClockIsBehind) {
  Start();
  EXPECT_TRUE(Propose("x").ok());
  const absl::Time before = log_time_;
  leader()->clock().ahead = -absl::Seconds(4);
  EXPECT_TRUE(Propose("y").ok());
  EXPECT_GT(log_time_, before);
  EXPECT_LT(log_time_, before + absl::Milliseconds(1));
}

TEST_F(LeadershipTest, AStoreWhoseClockIsOffByMoreThanTheLimitDoesNotLead) {
  for (const int sign : {1, -1}) {
    Start();
    SimNode* wrong = leader();
    wrong->clock().ahead = sign * (options_.clock_skew_max - absl::Milliseconds(50));
    cluster_->Run(absl::Seconds(4));
    EXPECT_EQ(leader(), wrong);
    wrong->clock().ahead = sign * (options_.clock_skew_max + absl::Milliseconds(50));
    cluster_->Run(absl::Seconds(4));
    ASSERT_NE(leader(), nullptr);
    EXPECT_NE(leader(), wrong);
    EXPECT_TRUE(Propose("x").ok());
    // Nor does it come back while the two others go on, whatever becomes of their leader.
    for (int i = 0; i < 5; ++i) {
      SimNode* next = leader();
      ASSERT_NE(next, nullptr);
      cluster_->Freeze(IndexOf(next), true);
      cluster_->Run(absl::Milliseconds(600));
      cluster_->Freeze(IndexOf(next), false);
      cluster_->Run(absl::Seconds(3));
      EXPECT_NE(leader(), wrong);
    }
    ExpectNoViolation();
  }
}

TEST_F(LeadershipTest, AClockThatIsOffLeadsAllTheSameWhenNoMajorityIsThereToTell) {
  Start();
  SimNode* gone = leader();
  SimNode* wrong = Followers()[0];
  wrong->clock().ahead = absl::Minutes(1);
  cluster_->Run(absl::Seconds(1));
  // The one that is left with it lacks an entry: only the wrong one can lead.
  cluster_->CutOff(IndexOf(Followers()[1]), true);
  EXPECT_TRUE(Propose("x").ok());
  SimNode* behind = Followers()[1];
  gone->Crash();
  cluster_->CutOff(IndexOf(behind), false);
  cluster_->Run(absl::Seconds(6));
  EXPECT_EQ(leader(), wrong);
  EXPECT_TRUE(Propose("y").ok());
}

// --- Space ---

TEST_F(LeadershipTest, BelowTheSoftReserveAStoreGivesUpItsLeadership) {
  Start();
  SimNode* low = leader();
  SetFree(*low, options_.disk_reserve_soft);
  cluster_->Run(absl::Seconds(2));
  EXPECT_EQ(leader(), low);
  SetFree(*low, options_.disk_reserve_soft - 1);
  cluster_->Run(absl::Seconds(2));
  ASSERT_NE(leader(), nullptr);
  EXPECT_NE(leader(), low);
  EXPECT_FALSE(leader()->core().group(kShard).Transfer(low->id()).ok());
  EXPECT_TRUE(Propose("body").ok());
  ExpectNoViolation();
}

TEST_F(LeadershipTest, ALowLeaderGoesOnWhileTheOnlyOneWithRoomIsBehind) {
  Start();
  SimNode* low = leader();
  SimNode* behind = Followers()[0];
  SetFree(*Followers()[1], options_.disk_reserve_soft - 1);
  // It is heard, but its disk takes long over everything.
  behind->StallDisk(true);
  EXPECT_TRUE(Propose("body").ok());
  low->log_disk().SetSpace({uint64_t{100} << 30, options_.disk_reserve_soft - 1});
  for (int i = 0; i < 20; ++i) {
    cluster_->Run(absl::Milliseconds(50));
    EXPECT_FALSE(low->core().group(kShard).core().transferring());
  }
  EXPECT_TRUE(Propose("little").ok());
  EXPECT_EQ(leader(), low);
  behind->StallDisk(false);
  cluster_->Run(absl::Seconds(3));
  EXPECT_EQ(leader(), behind);
  ExpectNoViolation();
}

TEST_F(LeadershipTest, BelowTheSoftReserveAStoreDoesNotCampaignWhileAnotherCan) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Start(3, seed);
    SimNode* dead = leader();
    SimNode* low = Followers()[0];
    SetFree(*low, options_.disk_reserve_soft - 1);
    SimNode* other = Followers()[1];
    dead->Crash();
    for (int i = 0; i < 200; ++i) {
      cluster_->Run(absl::Milliseconds(10));
      ASSERT_NE(leader(), low) << seed;
    }
    EXPECT_EQ(leader(), other) << seed;
  }
}

TEST_F(LeadershipTest, WhenAllAreLowOneLeadsAndTakesNoBodies) {
  Start();
  for (int i = 0; i < 3; ++i) SetFree(cluster_->node(i), options_.disk_reserve_soft - 1);
  for (int round = 0; round < 3; ++round) {
    ASSERT_NE(leader(), nullptr);
    EXPECT_TRUE(absl::IsResourceExhausted(Propose("body")));
    EXPECT_TRUE(Propose("little").ok());
    EXPECT_TRUE(Propose("free").ok());
    SimNode* last = leader();
    last->Crash();
    cluster_->Run(absl::Seconds(5));
    ASSERT_TRUE(last->Boot().ok());
    cluster_->Run(absl::Seconds(1));
  }
  ExpectNoViolation();
}

TEST_F(LeadershipTest, BodiesAreTakenWhileAMajorityIsAboveTheSoftReserve) {
  Start();
  SetFree(*Followers()[0], options_.disk_reserve_soft - 1);
  EXPECT_TRUE(Propose("body").ok());
  SetFree(*Followers()[1], options_.disk_reserve_soft - 1);
  EXPECT_TRUE(absl::IsResourceExhausted(Propose("body")));
  EXPECT_TRUE(Propose("little").ok());
  SetFree(*Followers()[1], options_.disk_reserve_soft);
  EXPECT_TRUE(Propose("body").ok());
}

TEST_F(LeadershipTest, AStoreThatIsLowCountsForNothingWhenTheOtherIsSilent) {
  Start();
  const int silent = IndexOf(Followers()[1]);
  SetFree(*Followers()[0], options_.disk_reserve_soft - 1);
  cluster_->CutOff(silent, true);
  cluster_->Run(absl::Seconds(3));
  EXPECT_TRUE(absl::IsResourceExhausted(Propose("body")));
  EXPECT_TRUE(Propose("little").ok());
}

TEST_F(LeadershipTest, SilenceAloneIsNoWantOfSpace) {
  Start();
  const int silent = IndexOf(Followers()[1]);
  cluster_->CutOff(silent, true);
  cluster_->Run(absl::Seconds(3));
  EXPECT_TRUE(Propose("body").ok());
}

TEST_F(LeadershipTest, BelowTheHardReserveOnlyWhatFreesSpacePasses) {
  Start();
  for (SimNode* follower : Followers()) SetFree(*follower, options_.disk_reserve_hard);
  EXPECT_TRUE(Propose("little").ok());
  for (SimNode* follower : Followers()) SetFree(*follower, options_.disk_reserve_hard - 1);
  EXPECT_TRUE(absl::IsResourceExhausted(Propose("body")));
  EXPECT_TRUE(absl::IsResourceExhausted(Propose("little")));
  EXPECT_TRUE(Propose("free").ok());
  ExpectNoViolation();
}

TEST_F(LeadershipTest, AFullFollowerAcknowledgesNothingAndCatchesUpWhenThereIsRoom) {
  Start();
  SimNode* lead = leader();
  SimNode* full = Followers()[0];
  SetFree(*full, options_.disk_reserve_hard / 2 - 1);
  const RaftIndex before = AppliedBy(*full);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Propose("body").ok());
  EXPECT_EQ(leader(), lead);
  EXPECT_EQ(AppliedBy(*full), before);
  EXPECT_LE(*lead->core().group(kShard).core().Match(full->id()), Next(before));
  SetFree(*full, options_.disk_reserve_soft);
  cluster_->Run(absl::Seconds(2));
  EXPECT_EQ(AppliedBy(*full), AppliedBy(*lead));
  ExpectNoViolation();
}

// RocksDB cannot say that nothing of a write is on the disk when there was no space for it, so this
// is a failure like any other: only opening the log again tells.
TEST_F(LeadershipTest, ALogThatDidNotFitIsNotWrittenAgainBeforeARestart) {
  Start();
  SimNode* full = Followers()[0];
  SimNode* lead = leader();
  const RaftIndex before = AppliedBy(*full);
  // Too sudden for anybody to have seen it coming.
  full->log_disk().FailWrite(absl::ResourceExhaustedError("no space left on device"));
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(Propose("body").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(full->core().health()));
  EXPECT_EQ(AppliedBy(*full), before);
  full->Crash();
  ASSERT_TRUE(full->Boot().ok());
  cluster_->Run(absl::Seconds(2));
  EXPECT_EQ(AppliedBy(*full), AppliedBy(*lead));
  ExpectNoViolation();
}

}  // namespace
}  // namespace packetboat::raft
