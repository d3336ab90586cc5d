#include "store/peers/formation.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::store {
namespace {

const std::vector<std::string> kStores = {"a:1", "b:1", "c:1"};

Introduction Store(uint64_t id, const std::string& name) {
  Introduction one;
  one.id = NodeId(id);
  one.name = name;
  one.cluster = "test";
  one.shards = 16;
  one.stores = kStores;
  return one;
}

// What the three stores say; each may be changed.
class FormationTest : public ::testing::Test {
 protected:
  absl::StatusOr<Members> DecideAt(size_t at, uint32_t max_voters = 5) {
    return Decide(stores_[at], max_voters, Answers());
  }

  std::vector<Answer> Answers() const {
    std::vector<Answer> answers;
    for (size_t i = 0; i < stores_.size(); ++i) {
      answers.push_back({kStores[i], stores_[i]});
      if (i == silent_) answers.back().introduction = absl::UnavailableError("it does not answer");
    }
    return answers;
  }

  static Members All() {
    Members members;
    members.shards = 16;
    members.all = {{NodeId(1), "a", "a:1", true},
                   {NodeId(2), "b", "b:1", true},
                   {NodeId(3), "c", "c:1", true}};
    return members;
  }

  void ExpectWaiting(size_t at, absl::string_view text) {
    const absl::Status status = DecideAt(at).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_TRUE(absl::StrContains(status.message(), text)) << status;
  }

  void ExpectRefused(size_t at, absl::string_view text) {
    const absl::Status status = DecideAt(at).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_TRUE(absl::StrContains(status.message(), text)) << status;
  }

  std::vector<Introduction> stores_ = {Store(1, "a"), Store(2, "b"), Store(3, "c")};
  size_t silent_ = 99;
};

TEST_F(FormationTest, TheFounderAloneDecidesOnceEverybodyHasAnswered) {
  EXPECT_EQ(DecideAt(0).value(), All());
  ExpectWaiting(1, "a:1, the first of cluster.stores, to form the cluster");
  silent_ = 2;
  ExpectWaiting(0, "waiting for the store at c:1: it does not answer");
}

TEST_F(FormationTest, TheOthersTakeOverExactlyWhatWasDecided) {
  Members decided = All();
  std::swap(decided.all[1], decided.all[2]);
  stores_[0].members = decided;
  EXPECT_EQ(DecideAt(1).value(), decided);
  silent_ = 2;
  EXPECT_EQ(DecideAt(1).value(), decided);
}

TEST_F(FormationTest, AStoreLearnsTheMembersFromAnyMemberWhileTheFounderIsAway) {
  stores_[2].members = All();
  silent_ = 0;
  EXPECT_EQ(DecideAt(1).value(), All());
}

TEST_F(FormationTest, WithoutTheFounderThereIsNoDecision) {
  silent_ = 0;
  ExpectWaiting(1, "waiting for the store at a:1");
  ExpectWaiting(2, "waiting for the store at a:1");
}

TEST_F(FormationTest, AWipedStoreIsNotLetInUnderItsName) {
  stores_[0].members = stores_[1].members = All();
  stores_[2].id = NodeId(33);
  ExpectRefused(2, "knows the store c by another data folder");
}

TEST_F(FormationTest, AWipedFounderFoundsNoSecondCluster) {
  stores_[1].members = stores_[2].members = All();
  stores_[0].id = NodeId(11);
  ExpectRefused(0, "knows the store a by another data folder");
  silent_ = 1;
  ExpectRefused(0, "knows the store a by another data folder");
}

TEST_F(FormationTest, AStoreThatTheClusterWasFormedWithoutIsTold) {
  stores_[0].members = All();
  stores_[0].members->all.pop_back();
  ExpectRefused(2, "was formed without the store c");
}

TEST_F(FormationTest, AFolderUnderAnotherNameIsRefused) {
  stores_[0].members = All();
  stores_[2].name = "d";
  ExpectRefused(2, "knows this data folder as the store c");
}

TEST_F(FormationTest, NoClusterIsFormedOfStoresThatAreConfiguredDifferently) {
  stores_[2].shards = 8;
  ExpectRefused(0, "store.shards is 8 at c:1 and 16 at a");
  ExpectRefused(2, "store.shards is 16 at a:1 and 8 at c");
  stores_[2].shards = 16;
  stores_[1].stores = {"b:1", "a:1", "c:1"};
  ExpectRefused(0, "cluster.stores is b:1, a:1, c:1 at b:1");
  stores_[1].stores = kStores;
  stores_[1].cluster = "other";
  ExpectRefused(0, "cluster.name is other");
}

TEST_F(FormationTest, TwoAddressesOfOneStoreAndTwoStoresOfOneNameAreRefused) {
  stores_[2] = stores_[1];
  ExpectRefused(0, "two addresses of cluster.stores lead to the same store, b");
  stores_[2].id = NodeId(3);
  ExpectRefused(0, "two stores are called b");
}

TEST_F(FormationTest, StoresBeyondTheVotersAreMembersWithoutReplica) {
  const Members three = DecideAt(0, 3).value();
  EXPECT_EQ(three.Voters().size(), 3u);
  const Members two = DecideAt(0, 2).value();
  EXPECT_EQ(two.Voters(), (std::vector<NodeId>{NodeId(1), NodeId(2)}));
  EXPECT_EQ(two.all.size(), 3u);
}

TEST(MembersTest, SurviveTheirRecordAndNothingElseDoes) {
  Members members;
  members.shards = 4;
  members.all = {{NodeId(7), "a", "a:1", true}, {NodeId(8), "b", "b:1", false}};
  EXPECT_EQ(ParseMembers(SerializeMembers(members)).value(), members);
  EXPECT_FALSE(ParseMembers("\x01").ok());
  EXPECT_FALSE(ParseMembers("").ok());
  for (int broken = 0; broken < 4; ++broken) {
    Members bad = members;
    if (broken == 0) bad.all[1].id = NodeId(7);
    if (broken == 1) bad.all[1].name = "a";
    if (broken == 2) bad.all[0].voter = false;
    if (broken == 3) bad.shards = 0;
    EXPECT_FALSE(ParseMembers(SerializeMembers(bad)).ok()) << broken;
  }
}

TEST(MembersTest, ACertificateSpeaksForItsOwnNodeAlone) {
  Members members;
  members.shards = 1;
  members.all = {{NodeId(7), "a", "a:1", true}, {NodeId(8), "b", "b:1", true}};
  EXPECT_TRUE(CheckSpeaker(members, "a", NodeId(7)).ok());
  EXPECT_EQ(CheckSpeaker(members, "a", NodeId(8)).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CheckSpeaker(members, "a", NodeId(9)).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace packetboat::store
