#include "store/shards/forwarder.h"

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "net/testing/fake_event_loop.h"

namespace packetboat::store {
namespace {

using replication::ApplyResult;

constexpr NodeId kSelf{1};
constexpr NodeId kB{2};
constexpr NodeId kC{3};

// This node's replica, which follows until a test says otherwise.
class Replica : public replication::Group {
 public:
  Replica() { status_.voters = {kSelf, kB, kC}; }

  ShardId shard() const override { return ShardId(0); }
  void Propose(std::string, replication::ProposeCallback done) override {
    proposed.push_back(std::move(done));
  }
  void ReadIndex(replication::ReadIndexCallback) override {}
  void WaitApplied(RaftIndex index, replication::WaitCallback done) override {
    waited = index;
    applied = std::move(done);
  }
  void TransferLeadership(NodeId, replication::WaitCallback) override {}
  replication::GroupStatus status() const override { return status_; }
  size_t max_command_bytes() const override { return 100; }
  uint64_t AddObserver(replication::StatusObserver) override { return 0; }
  void RemoveObserver(uint64_t) override {}

  void SetLeader(std::optional<NodeId> leader) {
    status_.leader = leader;
    status_.role = leader == kSelf ? replication::Role::kLeader : replication::Role::kFollower;
  }
  void LoseReplica() { status_ = replication::GroupStatus(); }

  std::vector<replication::ProposeCallback> proposed;
  RaftIndex waited;
  replication::WaitCallback applied;

 private:
  replication::GroupStatus status_;
};

// The other stores: who was asked, and how to answer.
class Others : public RemoteProposals {
 public:
  void Propose(NodeId to, ShardId, std::string command, Callback done) override {
    asked.push_back({to, std::move(command), std::move(done)});
  }
  std::vector<NodeId> ReachableVoters() const override { return {kB, kC}; }

  struct Asked {
    NodeId to;
    std::string command;
    Callback done;
  };
  std::vector<Asked> asked;
};

class ForwarderTest : public ::testing::Test {
 protected:
  void Propose() {
    forwarder_.Propose(group_, "x", [this](absl::StatusOr<ApplyResult> outcome) {
      EXPECT_FALSE(outcome_.has_value());
      outcome_ = std::move(outcome);
    });
  }

  void Refuse(size_t at, absl::Status status, std::optional<NodeId> leader = std::nullopt) {
    others_.asked.at(at).done(std::move(status), leader);
  }

  absl::StatusCode code() const { return outcome_.value().status().code(); }

  FakeClock clock_;
  net::testing::FakeEventLoop loop_{clock_};
  Replica group_;
  Others others_;
  Forwarder forwarder_{{.timeout = absl::Seconds(10)}, others_, loop_};
  std::optional<absl::StatusOr<ApplyResult>> outcome_;
};

TEST_F(ForwarderTest, WhatIsLedHereIsProposedHere) {
  group_.SetLeader(kSelf);
  Propose();
  ASSERT_EQ(group_.proposed.size(), 1u);
  group_.proposed[0](ApplyResult{RaftIndex(7), absl::UnixEpoch(), "r"});
  EXPECT_EQ(outcome_.value()->index, RaftIndex(7));
  EXPECT_TRUE(others_.asked.empty());
}

TEST_F(ForwarderTest, AForwardedWriteIsAnsweredOnceItIsAppliedHere) {
  group_.SetLeader(kB);
  Propose();
  ASSERT_EQ(others_.asked.size(), 1u);
  EXPECT_EQ(others_.asked[0].to, kB);
  EXPECT_EQ(others_.asked[0].command, "x");
  others_.asked[0].done(ApplyResult{RaftIndex(9), absl::UnixEpoch(), "r"}, std::nullopt);
  EXPECT_FALSE(outcome_.has_value());
  EXPECT_EQ(group_.waited, RaftIndex(9));
  group_.applied(absl::OkStatus());
  EXPECT_EQ(outcome_.value()->index, RaftIndex(9));
}

TEST_F(ForwarderTest, AWriteThatThisStoreCannotShowIsNotAcknowledged) {
  group_.SetLeader(kB);
  Propose();
  others_.asked[0].done(ApplyResult{RaftIndex(9), absl::UnixEpoch(), "r"}, std::nullopt);
  group_.applied(absl::UnavailableError("the disk has failed"));
  EXPECT_EQ(code(), absl::StatusCode::kUnknown);
}

TEST_F(ForwarderTest, AHintIsFollowedAtOnceAndThenWithPauses) {
  group_.SetLeader(kB);
  Propose();
  Refuse(0, absl::UnavailableError("not the leader"), kC);
  ASSERT_EQ(others_.asked.size(), 2u);
  EXPECT_EQ(others_.asked[1].to, kC);
  // Two that point at each other are not asked without end.
  Refuse(1, absl::UnavailableError("not the leader"), kB);
  EXPECT_EQ(others_.asked.size(), 2u);
  loop_.Advance(absl::Milliseconds(10));
  EXPECT_EQ(others_.asked.size(), 3u);
}

TEST_F(ForwarderTest, AnUnknownOutcomeIsNeverProposedAgain) {
  group_.SetLeader(kB);
  Propose();
  Refuse(0, absl::UnknownError("the connection broke"));
  EXPECT_EQ(code(), absl::StatusCode::kUnknown);
  loop_.Advance(absl::Seconds(20));
  EXPECT_EQ(others_.asked.size(), 1u);
}

TEST_F(ForwarderTest, WithoutALeaderTheRefusalIsDefinite) {
  Propose();
  loop_.Advance(absl::Seconds(9));
  EXPECT_FALSE(outcome_.has_value());
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(others_.asked.empty());
}

TEST_F(ForwarderTest, WithoutAnAnswerTheOutcomeIsUnknownAndALateAnswerIsNothing) {
  group_.SetLeader(kB);
  Propose();
  loop_.Advance(absl::Seconds(10));
  EXPECT_EQ(code(), absl::StatusCode::kUnknown);
  others_.asked[0].done(ApplyResult{RaftIndex(9), absl::UnixEpoch(), "r"}, std::nullopt);
  EXPECT_EQ(code(), absl::StatusCode::kUnknown);
}

TEST_F(ForwarderTest, ALeaderThatIsElectedMeanwhileGetsIt) {
  Propose();
  group_.SetLeader(kC);
  loop_.Advance(absl::Seconds(1));
  ASSERT_EQ(others_.asked.size(), 1u);
  EXPECT_EQ(others_.asked[0].to, kC);
}

TEST_F(ForwarderTest, AStoreWithoutReplicasAsksAround) {
  group_.LoseReplica();
  Propose();
  Refuse(0, absl::UnavailableError("not the leader"));
  loop_.Advance(absl::Milliseconds(10));
  ASSERT_EQ(others_.asked.size(), 2u);
  EXPECT_NE(others_.asked[0].to, others_.asked[1].to);
  others_.asked[1].done(ApplyResult{RaftIndex(9), absl::UnixEpoch(), "r"}, std::nullopt);
  EXPECT_TRUE(outcome_.value().ok());
}

TEST_F(ForwarderTest, ClosingTellsWhatIsUnderWayAndUsesNothingAfterwards) {
  group_.SetLeader(kB);
  Propose();
  forwarder_.Close();
  EXPECT_EQ(code(), absl::StatusCode::kUnknown);
  Refuse(0, absl::UnavailableError("not the leader"), kC);
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(others_.asked.size(), 1u);
  outcome_.reset();
  Propose();
  EXPECT_EQ(code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace packetboat::store
