#include "mx/clients/leader_map.h"

#include "gtest/gtest.h"

namespace packetboat::mx {
namespace {

constexpr ShardId kShard{3};
constexpr absl::Duration kPatience = absl::Seconds(4);

class LeaderMapTest : public ::testing::Test {
 protected:
  LeaderMap map_{kPatience};
  absl::Time now_ = absl::UnixEpoch() + absl::Hours(1);
};

TEST_F(LeaderMapTest, TheHigherTermHoldsInWhateverOrderClaimsCome) {
  EXPECT_TRUE(map_.Claim(kShard, 0, Term(5), now_));
  EXPECT_TRUE(map_.Claim(kShard, 1, Term(6), now_));
  EXPECT_FALSE(map_.Claim(kShard, 0, Term(5), now_)) << "a leader that was deposed does not know";
  EXPECT_EQ(map_.LeaderOf(kShard), 1U);
}

TEST_F(LeaderMapTest, AClusterThatBeganAnewIsBelievedOnceTheOldOneIsLongGone) {
  map_.Claim(kShard, 0, Term(50), now_);
  EXPECT_FALSE(map_.Claim(kShard, 1, Term(1), now_ + kPatience - absl::Nanoseconds(1)));
  EXPECT_TRUE(map_.Claim(kShard, 1, Term(1), now_ + kPatience));
}

TEST_F(LeaderMapTest, HearsayIsFollowedIntoAHigherTermAndNeverBackToWhoWasGivenUp) {
  EXPECT_TRUE(map_.Hearsay(kShard, 0, Term(5)));
  EXPECT_FALSE(map_.HasLeader(kShard, now_)) << "nobody has heard it itself";
  map_.GiveUp(kShard, 0);
  EXPECT_FALSE(map_.Hearsay(kShard, 0, Term(5))) << "the followers have not noticed yet";
  EXPECT_EQ(map_.LeaderOf(kShard), std::nullopt);
  EXPECT_TRUE(map_.Hearsay(kShard, 1, Term(6)));
  EXPECT_EQ(map_.LeaderOf(kShard), 1U);
}

TEST_F(LeaderMapTest, AStoreThatWasGivenUpLeadsAgainWhenItSaysSoItself) {
  map_.Claim(kShard, 0, Term(5), now_);
  map_.GiveUp(0);
  EXPECT_EQ(map_.LeaderOf(kShard), std::nullopt);
  EXPECT_TRUE(map_.Claim(kShard, 0, Term(5), now_));
}

TEST_F(LeaderMapTest, ADisclaimerOfAnEarlierTermIsStale) {
  map_.Claim(kShard, 0, Term(7), now_);
  map_.Disclaim(kShard, 0, Term(6));
  EXPECT_EQ(map_.LeaderOf(kShard), 0U);
  map_.Disclaim(kShard, 1, Term(8));
  EXPECT_EQ(map_.LeaderOf(kShard), 0U) << "it was said of another store";
  map_.Disclaim(kShard, 0, Term(8));
  EXPECT_EQ(map_.LeaderOf(kShard), std::nullopt);
}

TEST_F(LeaderMapTest, AnElectionIsSurvivedWithinThePatienceAndNoLonger) {
  map_.Claim(kShard, 0, Term(5), now_);
  map_.GiveUp(0);
  EXPECT_TRUE(map_.HasLeader(kShard, now_ + kPatience - absl::Nanoseconds(1)));
  EXPECT_FALSE(map_.HasLeader(kShard, now_ + kPatience));
  EXPECT_FALSE(map_.HasAnyLeader(now_ + kPatience));
  EXPECT_FALSE(map_.HasLeader(ShardId(4), now_)) << "of another shard nothing is known";
}

TEST_F(LeaderMapTest, ACommitIsASignOfLifeOfWhoLeads) {
  map_.Claim(kShard, 0, Term(5), now_);
  map_.Heard(kShard, 1, now_ + kPatience);
  EXPECT_FALSE(map_.HasLeader(kShard, now_ + kPatience));
  map_.Heard(kShard, 0, now_ + kPatience);
  EXPECT_TRUE(map_.HasLeader(kShard, now_ + kPatience));
}

}  // namespace
}  // namespace packetboat::mx
