#include "store/peers/leader_spread.h"

#include <map>

#include "gtest/gtest.h"

namespace packetboat::store {
namespace {

const std::vector<NodeId> kVoters = {NodeId(1), NodeId(2), NodeId(3)};

// The shards' leaders by node id, as `self` sees them; 0 is nobody.
std::vector<replication::GroupStatus> Led(NodeId self, const std::vector<uint64_t>& leaders) {
  std::vector<replication::GroupStatus> groups;
  for (size_t i = 0; i < leaders.size(); ++i) {
    replication::GroupStatus group;
    group.shard = ShardId(static_cast<uint32_t>(i));
    group.voters = kVoters;
    if (leaders[i] != 0) group.leader = NodeId(leaders[i]);
    if (NodeId(leaders[i]) == self) group.role = replication::Role::kLeader;
    groups.push_back(group);
  }
  return groups;
}

std::vector<NodeId> Others(NodeId self) {
  std::vector<NodeId> others;
  for (const NodeId node : kVoters) {
    if (node != self) others.push_back(node);
  }
  return others;
}

TEST(LeaderSpreadTest, WhoeverLeadsTwoMoreGivesOneToTheOneWithTheFewest) {
  const NodeId self(1);
  EXPECT_EQ(NextLeaderMove(self, Led(self, {1, 1, 2}), Others(self)),
            (LeaderMove{ShardId(0), NodeId(3)}));
}

TEST(LeaderSpreadTest, ADifferenceOfOneStays) {
  const NodeId self(1);
  EXPECT_EQ(NextLeaderMove(self, Led(self, {1, 1, 2, 3}), Others(self)), std::nullopt);
}

TEST(LeaderSpreadTest, NobodyMovesWhileAShardHasNoLeader) {
  const NodeId self(1);
  EXPECT_EQ(NextLeaderMove(self, Led(self, {1, 1, 1, 0}), Others(self)), std::nullopt);
}

TEST(LeaderSpreadTest, OnlyReachableVotersGetOne) {
  const NodeId self(1);
  EXPECT_EQ(NextLeaderMove(self, Led(self, {1, 1, 1, 1}), {}), std::nullopt);
  EXPECT_EQ(NextLeaderMove(self, Led(self, {1, 1, 1, 1}), {NodeId(3)})->to, NodeId(3));
  // A member without replicas is no voter of any shard.
  EXPECT_EQ(NextLeaderMove(self, Led(self, {1, 1, 1, 1}), {NodeId(9)}), std::nullopt);
}

// From wherever they start, moves that everybody makes by himself end, and fairly.
TEST(LeaderSpreadTest, MovesEndInAFairSpread) {
  for (uint64_t only = 1; only <= 3; ++only) {
    std::vector<uint64_t> leaders(16, only);
    int moves = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (const NodeId self : kVoters) {
        const auto move = NextLeaderMove(self, Led(self, leaders), Others(self));
        if (!move.has_value()) continue;
        leaders[move->shard.value()] = move->to.value();
        moved = true;
        ASSERT_LT(++moves, 100);
      }
    }
    std::map<uint64_t, int> count;
    for (const uint64_t leader : leaders) ++count[leader];
    for (const auto& [node, led] : count) EXPECT_TRUE(led == 5 || led == 6) << led;
  }
}

TEST(LeaderMovesTest, AVoterThatHasJustComeBackGetsNothingYet) {
  LeaderMoves moves(NodeId(1), {.steady = absl::Seconds(2)});
  const auto groups = Led(NodeId(1), {1, 1, 1});
  const absl::Duration tick = absl::Nanoseconds(1);
  EXPECT_EQ(moves.Next(groups, {NodeId(2)}, absl::Seconds(10)), std::nullopt);
  EXPECT_EQ(moves.Next(groups, {NodeId(2)}, absl::Seconds(12) - tick), std::nullopt);
  EXPECT_EQ(moves.Next(groups, {NodeId(2)}, absl::Seconds(12)),
            (LeaderMove{ShardId(0), NodeId(2)}));
  EXPECT_EQ(moves.Next(groups, {}, absl::Seconds(13)), std::nullopt);
  EXPECT_EQ(moves.Next(groups, {NodeId(2)}, absl::Seconds(14)), std::nullopt);
}

TEST(LeaderMovesTest, AVoterThatDoesNotTakeOverIsLeftAloneForAWhile) {
  LeaderMoves moves(NodeId(1),
                    {.steady = absl::Seconds(2), .pause_after_failure = absl::Seconds(30)});
  const auto groups = Led(NodeId(1), {1, 1, 1});
  EXPECT_EQ(moves.Next(groups, {NodeId(2)}, absl::Seconds(10)), std::nullopt);
  const auto move = moves.Next(groups, {NodeId(2)}, absl::Seconds(12));
  ASSERT_TRUE(move.has_value());
  moves.Begun(*move);
  EXPECT_EQ(moves.Next(groups, {NodeId(2)}, absl::Seconds(13)), std::nullopt);
  EXPECT_EQ(moves.Next(groups, {NodeId(2)}, absl::Seconds(43) - absl::Nanoseconds(1)),
            std::nullopt);
  EXPECT_TRUE(moves.Next(groups, {NodeId(2)}, absl::Seconds(43)).has_value());
}

TEST(CheckFitTest, AVoterMayBeSoManyEntriesBehindAndNoMore) {
  const LeaderSpreadOptions options = {.max_lag_entries = 1000};
  const auto behind = [&](uint64_t applied) {
    return CheckFit({RaftIndex(applied), 0}, RaftIndex(5000), 0, options).code();
  };
  EXPECT_EQ(behind(4000), absl::StatusCode::kOk);
  EXPECT_EQ(behind(3999), absl::StatusCode::kUnavailable);
  EXPECT_EQ(behind(6000), absl::StatusCode::kOk) << "it may have heard of more than this node";
}

TEST(CheckFitTest, AVoterNeedsTheReserveOfItsDisk) {
  const auto free = [](uint64_t bytes) {
    return CheckFit({RaftIndex(1), bytes}, RaftIndex(1), 100, {}).code();
  };
  EXPECT_EQ(free(100), absl::StatusCode::kOk);
  EXPECT_EQ(free(99), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace packetboat::store
