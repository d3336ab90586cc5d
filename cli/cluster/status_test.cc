#include "cli/cluster/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/cluster/status_view.h"

namespace packetboat::cli {
namespace {

using rpc::replication::StatusReply;
using Reported = rpc::replication::ShardStatus;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A healthy cluster of so many stores, as they describe it: shard S is led by store S modulo their
// number. Tests break what they are about.
class StatusTest : public testing::Test {
 protected:
  void Make(size_t stores, uint32_t shards, const std::string& name = "store") {
    for (size_t i = 1; i <= stores; ++i) {
      StatusReply reply;
      reply.set_node_id(i);
      reply.set_name(absl::StrCat(name, i));
      reply.set_cluster("harbour");
      reply.set_version("0.1.0");
      reply.set_ready(true);
      reply.mutable_disk()->set_total_bytes(uint64_t{200} << 30);
      reply.mutable_disk()->set_free_bytes(uint64_t{120} << 30);
      reply.mutable_disk()->set_log_bytes(uint64_t{5} << 20);
      reply.mutable_disk()->set_state_bytes(2500);
      for (size_t other = 1; other <= stores; ++other) {
        auto& member = *reply.add_members();
        member.mutable_member()->set_node_id(other);
        member.mutable_member()->set_name(absl::StrCat(name, other));
        member.mutable_member()->set_address(Address(other));
        member.set_connected(true);
      }
      for (uint32_t shard = 0; shard < shards; ++shard) {
        const size_t leader = shard % stores + 1;
        Reported& one = *reply.add_shards();
        one.set_shard(shard);
        one.set_role(leader == i ? Reported::LEADER : Reported::FOLLOWER);
        one.set_term(7);
        one.set_leader(leader);
        one.set_commit(1000 * (shard + 1));
        one.set_applied(1000 * (shard + 1));
        for (size_t voter = 1; voter <= stores; ++voter) one.add_voters(voter);
      }
      answers_.push_back({Address(i), reply});
    }
  }

  static std::string Address(size_t store) { return absl::StrCat("10.0.0.", store, ":7101"); }

  StatusReply& reply(size_t store) { return *answers_[store - 1].reply; }
  Reported& shard(size_t store, int number) { return *reply(store).mutable_shards(number); }
  void Silence(size_t store) { answers_[store - 1].reply = absl::UnavailableError("refused"); }

  ClusterStatus Status() const { return MakeClusterStatus(answers_); }

  std::string Text() const {
    std::ostringstream out;
    PrintStatusText(Status(), out);
    return out.str();
  }

  std::string Json() const {
    std::ostringstream out;
    PrintStatusJson(Status(), out);
    return out.str();
  }

  std::vector<StoreAnswer> answers_;
};

TEST_F(StatusTest, AHealthyClusterHasNoWarnings) {
  Make(3, 4);
  const ClusterStatus status = Status();
  EXPECT_EQ(status.health, ClusterHealth::kHealthy);
  EXPECT_THAT(status.warnings, IsEmpty());
  EXPECT_EQ(Text(),
            "cluster harbour: healthy, 3 of 3 stores answer, 4 shards\n"
            "\n"
            "#  store   address        state  leads  disk free      log      state\n"
            "1  store1  10.0.0.1:7101  up     2      120 GiB (60%)  5.0 MiB  2.4 KiB\n"
            "2  store2  10.0.0.2:7101  up     1      120 GiB (60%)  5.0 MiB  2.4 KiB\n"
            "3  store3  10.0.0.3:7101  up     1      120 GiB (60%)  5.0 MiB  2.4 KiB\n"
            "\n"
            "shard  leader  term  voters  commit  lag #1  #2  #3\n"
            "0      store1  7     3       1000    0       0   0\n"
            "1      store2  7     3       2000    0       0   0\n"
            "2      store3  7     3       3000    0       0   0\n"
            "3      store1  7     3       4000    0       0   0\n");
}

TEST_F(StatusTest, AStoreThatDoesNotAnswerIsNamedByTheOthers) {
  Make(3, 2);
  Silence(3);
  EXPECT_EQ(Text(),
            "cluster harbour: degraded, 2 of 3 stores answer, 2 shards\n"
            "\n"
            "#  store   address        state  leads  disk free      log      state\n"
            "1  store1  10.0.0.1:7101  up     1      120 GiB (60%)  5.0 MiB  2.4 KiB\n"
            "2  store2  10.0.0.2:7101  up     1      120 GiB (60%)  5.0 MiB  2.4 KiB\n"
            "3  store3  10.0.0.3:7101  down   -      -              -        -\n"
            "\n"
            "shard  leader  term  voters  commit  lag #1  #2  #3\n"
            "0      store1  7     3       1000    0       0   -\n"
            "1      store2  7     3       2000    0       0   -\n"
            "\n"
            "warning: store3 does not answer: refused\n");
}

TEST_F(StatusTest, WhenNoStoreAnswersNothingIsKnown) {
  Make(2, 2);
  Silence(1);
  Silence(2);
  const ClusterStatus status = Status();
  EXPECT_EQ(status.health, ClusterHealth::kUnreachable);
  EXPECT_THAT(status.warnings, ElementsAre("10.0.0.1:7101 does not answer: refused",
                                           "10.0.0.2:7101 does not answer: refused"));
  EXPECT_THAT(status.shards, IsEmpty());
}

TEST_F(StatusTest, ShardsWithoutALeaderAreListedInRanges) {
  Make(3, 8);
  for (size_t store = 1; store <= 3; ++store) {
    for (const int number : {1, 2, 3, 6}) shard(store, number).set_role(Reported::CANDIDATE);
  }
  EXPECT_THAT(Status().warnings, ElementsAre("no store leads shards 1-3, 6"));
  EXPECT_FALSE(Status().shards[1].replicas[0].lag.has_value()) << "behind whom?";
}

TEST_F(StatusTest, OfTwoThatSayThatTheyLeadTheOneOfTheHigherTermDoes) {
  Make(3, 1);
  shard(2, 0).set_role(Reported::LEADER);
  shard(2, 0).set_term(8);
  EXPECT_EQ(Status().shards[0].leader, 1u);
  EXPECT_EQ(Status().shards[0].term, 8u);
}

TEST_F(StatusTest, ALeaderWhoseTermIsOverDoesNotCount) {
  Make(3, 1);
  shard(3, 0).set_term(8);
  EXPECT_FALSE(Status().shards[0].leader.has_value()) << "it follows another";
  EXPECT_EQ(Status().shards[0].term, 8u);
}

TEST_F(StatusTest, ACandidateAloneDoesNotEndALeadersTermButAMajorityOfThemDoes) {
  Make(3, 1);
  for (const size_t store : {2, 3}) {
    EXPECT_EQ(Status().shards[0].leader, 0u);
    EXPECT_EQ(Status().shards[0].term, 7u);
    shard(store, 0).set_role(Reported::CANDIDATE);
    shard(store, 0).set_term(90);
    shard(store, 0).clear_leader();
  }
  EXPECT_FALSE(Status().shards[0].leader.has_value());
  EXPECT_EQ(Status().shards[0].term, 90u);
}

TEST_F(StatusTest, LagIsCountedFromTheLeadersCommitAndWarnedOfBeyondTheLimit) {
  Make(3, 2);
  shard(1, 0).set_commit(50'000);
  shard(1, 0).set_applied(50'000);
  shard(2, 0).set_applied(50'000 - kLagWarningEntries);
  shard(3, 0).set_applied(50'000 - kLagWarningEntries - 1);
  const ClusterStatus status = Status();
  EXPECT_EQ(status.shards[0].replicas[1].lag, kLagWarningEntries);
  EXPECT_EQ(status.shards[0].replicas[2].lag, kLagWarningEntries + 1);
  EXPECT_THAT(status.warnings, ElementsAre("store3 is up to 1001 entries behind in shard 0"));
  shard(2, 0).set_applied(60'000);
  EXPECT_EQ(Status().shards[0].replicas[1].lag, 0u) << "asked later than the leader";
}

TEST_F(StatusTest, ADiskIsWarnedOfBelowTheLimit) {
  Make(1, 1);
  reply(1).mutable_disk()->set_total_bytes(100'000);
  reply(1).mutable_disk()->set_free_bytes(1000 * kFreeDiskWarningPercent);
  EXPECT_THAT(Status().warnings, IsEmpty());
  reply(1).mutable_disk()->set_free_bytes(1000 * kFreeDiskWarningPercent - 1);
  EXPECT_THAT(Status().warnings, ElementsAre("store1: its disk is nearly full, 9 % are free"));
}

TEST_F(StatusTest, WhatAStoreComplainsOfIsPassedOn) {
  Make(3, 1);
  reply(1).add_complaints("auth: no answer");
  reply(1).add_complaints("peers: not connected: store7");
  reply(2).set_ready(false);
  reply(2).add_complaints("no shard has a leader");
  reply(3).set_failure("the log could not be written");
  EXPECT_THAT(Status().warnings,
              ElementsAre("store1: auth: no answer", "store2 is not ready: no shard has a leader",
                          "store3 can only be read until it is restarted: the log could not be "
                          "written"));
}

TEST_F(StatusTest, APartitionIsSeenFromBothSides) {
  Make(3, 1);
  reply(1).mutable_members(2)->set_connected(false);
  reply(3).mutable_members(0)->set_connected(false);
  EXPECT_THAT(Status().warnings, ElementsAre("store1 has no connection to store3",
                                             "store3 has no connection to store1"));
}

TEST_F(StatusTest, AMemberThatTheConfigurationDoesNotNameIsShown) {
  Make(3, 1);
  answers_.pop_back();
  EXPECT_THAT(Status().warnings,
              ElementsAre("store3 does not answer: cluster.stores does not name it, so it was not "
                          "asked"));
}

TEST_F(StatusTest, AStoreOfAnotherClusterIsNoticed) {
  Make(2, 1);
  reply(2).set_cluster("bay");
  EXPECT_THAT(Status().warnings, ElementsAre("store2 belongs to another cluster, 'bay'"));
}

TEST_F(StatusTest, FitsAHundredColumnsWhateverStoresAreCalled) {
  Make(5, 16, "packetboat-store-of-the-far-north-");
  for (size_t store = 1; store <= 5; ++store) {
    answers_[store - 1].address = "192.168.100.100:17101";
    reply(store).mutable_disk()->set_log_bytes(uint64_t{999} << 30);
    reply(store).set_ready(false);
    for (int number = 0; number < 16; ++number) {
      shard(store, number).set_commit(1'000'000'000'000);
      shard(store, number).set_term(100'000);
    }
  }
  for (const absl::string_view line : absl::StrSplit(Text(), '\n')) {
    if (line.substr(0, 8) != "warning:") EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST_F(StatusTest, LargeLagsAreRoundedForPeople) {
  Make(3, 1);
  shard(1, 0).set_commit(12'999'999);
  shard(1, 0).set_applied(12'999'999);
  shard(2, 0).set_applied(12'990'000);
  shard(3, 0).set_applied(0);
  EXPECT_THAT(Text(), testing::HasSubstr("12999999  0       9999  12M\n"));
}

TEST_F(StatusTest, ProgramsGetEverythingInOneLine) {
  Make(2, 1);
  Silence(2);
  reply(1).add_complaints("\"quoted\"");
  shard(1, 0).set_role(Reported::FOLLOWER);
  EXPECT_EQ(
      Json(),
      "{\"cluster\":\"harbour\",\"health\":\"degraded\",\"stores\":["
      "{\"name\":\"store1\",\"address\":\"10.0.0.1:7101\",\"state\":\"up\","
      "\"id\":\"0000000000000001\",\"version\":\"0.1.0\",\"ready\":true,\"failure\":\"\","
      "\"complaints\":[\"\\\"quoted\\\"\"],\"shards_led\":0,\"disk_total_bytes\":214748364800,"
      "\"disk_free_bytes\":128849018880,\"log_bytes\":5242880,\"state_bytes\":2500},"
      "{\"name\":\"store2\",\"address\":\"10.0.0.2:7101\",\"state\":\"down\","
      "\"id\":\"0000000000000002\",\"silence\":\"refused\"}],"
      "\"shards\":[{\"shard\":0,\"leader\":null,\"term\":7,\"commit\":1000,\"replicas\":["
      "{\"store\":\"store1\",\"applied\":1000,\"lag\":null},"
      "{\"store\":\"store2\",\"applied\":null,\"lag\":null}]}],"
      "\"warnings\":[\"store1: \\\"quoted\\\"\",\"store2 does not answer: refused\","
      "\"no store leads shard 0\"]}\n");
}

}  // namespace
}  // namespace packetboat::cli
