#include "store/delivery/delivery_session.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/delivery/leadership.h"
#include "store/delivery/quota.h"
#include "store/kv/fake_disk.h"
#include "store/replication/fake/fake_group.h"
#include "store/shards/shards.h"

namespace packetboat::store {
namespace {

using replication::FakeGroup;
using rpc::delivery::DeliverRefusal;
using rpc::delivery::DeliverReply;
using rpc::delivery::DeliverRequest;
using rpc::delivery::RecipientResult;
using rpc::delivery::ShardsReply;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kChunk = size_t{512} * 1024;

// The real state machine over a group that commits when the test says so.
class DeliverySessionTest : public ::testing::Test {
 protected:
  DeliverySessionTest() : disk_(kv::Profile::kState), state_(disk_.Open()), shards_(*state_, 1) {
    machine_ = shards_.machines()(ShardId(0));
    group_ = std::make_unique<FakeGroup>(FakeGroup::Options{.mode = FakeGroup::Mode::kManual},
                                         *state_, *machine_, clock_);
    shards_.SetAddressBook([](NodeId node) { return node == NodeId(2) ? "store2:1" : ""; });
    shards_.SetGroups({group_.get()});
    Start();
  }

  // What is in flight is answered when the group goes.
  ~DeliverySessionTest() override { session_->End(); }

  void Start() {
    session_ = DeliverySession::Start(
        shards_, limits_, [this](DeliverReply reply) { replies_.push_back(std::move(reply)); });
  }

  static DeliverRequest BeginRequest(uint64_t id, uint64_t octets) {
    DeliverRequest request;
    request.set_id(id);
    auto& begin = *request.mutable_begin();
    begin.set_transaction("T");
    begin.set_body_octets(octets);
    begin.set_received_us(1);
    auto& recipient = *begin.add_recipients();
    recipient.set_account_id(7);
    recipient.set_prefix("Return-Path: <>\r\n");
    recipient.set_delivery_key(std::string(32, 'k'));
    return request;
  }
  static DeliverRequest Small(uint64_t id, const std::string& body = "Subject: x\r\n\r\nbody\r\n") {
    DeliverRequest request = BeginRequest(id, body.size());
    request.mutable_begin()->set_body(body);
    return request;
  }
  static DeliverRequest ChunkRequest(uint64_t id, size_t octets) {
    DeliverRequest request;
    request.set_id(id);
    request.mutable_chunk()->set_octets(std::string(octets, 'x'));
    return request;
  }
  static DeliverRequest CommitRequest(uint64_t id) {
    DeliverRequest request;
    request.set_id(id);
    request.mutable_commit();
    return request;
  }

  std::vector<RecipientResult::Outcome> Outcomes() const {
    std::vector<RecipientResult::Outcome> outcomes;
    for (const DeliverReply& reply : replies_) {
      for (const auto& one : reply.result().recipients()) outcomes.push_back(one.outcome());
    }
    return outcomes;
  }
  std::vector<DeliverRefusal::Reason> Refusals() const {
    std::vector<DeliverRefusal::Reason> reasons;
    for (const DeliverReply& reply : replies_) {
      if (reply.has_refusal()) reasons.push_back(reply.refusal().reason());
    }
    return reasons;
  }
  size_t ChunksAccepted() const {
    return static_cast<size_t>(std::count_if(replies_.begin(), replies_.end(), [](const auto& one) {
      return one.has_chunk_accepted();
    }));
  }

  FakeClock clock_;
  kv::FakeDisk disk_;
  std::unique_ptr<kv::Database> state_;
  Shards shards_;
  std::unique_ptr<replication::StateMachine> machine_;
  std::unique_ptr<FakeGroup> group_;
  DeliveryLimits limits_;
  std::shared_ptr<DeliverySession> session_;
  std::vector<DeliverReply> replies_;
};

TEST_F(DeliverySessionTest, NothingIsAnsweredBeforeTheEntryIsCommitted) {
  session_->Take(Small(1));
  EXPECT_THAT(replies_, IsEmpty());
  group_->Commit();
  EXPECT_THAT(Outcomes(), ::testing::ElementsAre(RecipientResult::DELIVERED));
  EXPECT_EQ(replies_[0].id(), 1U);
  EXPECT_EQ(replies_[0].result().recipients(0).uid(), 1U);
}

TEST_F(DeliverySessionTest, ARetryWithTheSameKeyOnAnotherStreamIsADuplicate) {
  session_->Take(Small(1));
  session_->End();  // the reply is lost
  group_->Commit();
  EXPECT_THAT(replies_, IsEmpty());
  Start();
  session_->Take(Small(1));
  group_->Commit();
  EXPECT_THAT(Outcomes(), ::testing::ElementsAre(RecipientResult::DUPLICATE));
}

TEST_F(DeliverySessionTest, BothOfTwoTriesUnderWayAreAnsweredAndOneCopyIsMade) {
  session_->Take(Small(1));
  session_->Take(Small(2));
  group_->Commit();
  EXPECT_THAT(Outcomes(),
              ::testing::ElementsAre(RecipientResult::DELIVERED, RecipientResult::DUPLICATE));
}

TEST_F(DeliverySessionTest, ALargeBodyIsAcknowledgedChunkByChunkAndBecomesOneMessage) {
  session_->Take(BeginRequest(1, kChunk + 10));
  session_->Take(ChunkRequest(1, kChunk));
  session_->Take(ChunkRequest(1, 10));
  EXPECT_EQ(ChunksAccepted(), 0U);
  group_->Commit();
  EXPECT_EQ(ChunksAccepted(), 2U);
  session_->Take(CommitRequest(1));
  group_->Commit();
  EXPECT_THAT(Outcomes(), ::testing::ElementsAre(RecipientResult::DELIVERED));
}

TEST_F(DeliverySessionTest, AStreamThatEndsInTheMiddleOfABodyMakesNothingVisible) {
  session_->Take(BeginRequest(1, 2 * kChunk));
  session_->Take(ChunkRequest(1, kChunk));
  session_->End();
  while (group_->Commit() > 0) {
  }
  Start();
  session_->Take(Small(1));
  group_->Commit();
  ASSERT_THAT(Outcomes(), ::testing::ElementsAre(RecipientResult::DELIVERED));
  EXPECT_EQ(replies_.back().result().recipients(0).uid(), 1U);
}

TEST_F(DeliverySessionTest, AnAbortedBodyMakesNothingVisible) {
  session_->Take(BeginRequest(1, 2 * kChunk));
  session_->Take(ChunkRequest(1, kChunk));
  DeliverRequest abort;
  abort.set_id(1);
  abort.mutable_abort();
  session_->Take(abort);
  session_->Take(ChunkRequest(1, kChunk));
  session_->Take(CommitRequest(1));
  group_->Commit();
  EXPECT_THAT(Outcomes(), IsEmpty());
}

TEST_F(DeliverySessionTest, AStoreThatDoesNotLeadNamesWhoDoesAndItsTerm) {
  group_->LoseLeadership(NodeId(2));
  session_->Take(Small(1));
  group_->Commit();
  ASSERT_THAT(Refusals(), ::testing::ElementsAre(DeliverRefusal::NOT_LEADER));
  EXPECT_EQ(replies_[0].refusal().term(), group_->status().term.value());
  EXPECT_EQ(replies_[0].refusal().leader_hint(), "store2:1");
  EXPECT_EQ(DescribeShards(shards_).shards(0).leader_hint(), "store2:1");
}

TEST_F(DeliverySessionTest, ARefusalThatIsOvertakenByAnElectionNamesNoTerm) {
  group_->LoseLeadership(NodeId(2));
  session_->Take(Small(1));
  group_->GainLeadership();
  group_->Commit();
  ASSERT_THAT(Refusals(), ::testing::ElementsAre(DeliverRefusal::NOT_LEADER));
  EXPECT_EQ(replies_[0].refusal().term(), 0U) << "this store leads again";
}

TEST_F(DeliverySessionTest, AnUncertainProposalIsToldAsUnknownAndItsKeyDecides) {
  group_->FailNextProposal(absl::UnknownError("lost"), /*committed=*/true);
  session_->Take(Small(1));
  session_->Take(Small(2));
  group_->Commit();
  EXPECT_THAT(Refusals(), ::testing::ElementsAre(DeliverRefusal::UNKNOWN));
  EXPECT_THAT(Outcomes(), ::testing::ElementsAre(RecipientResult::DUPLICATE));
}

TEST_F(DeliverySessionTest, ARefusedChunkEndsItsTransactionOnce) {
  session_->Take(BeginRequest(1, 2 * kChunk));
  group_->FailNextProposal(absl::ResourceExhaustedError("full"));
  session_->Take(ChunkRequest(1, kChunk));
  group_->Commit();
  EXPECT_THAT(Refusals(), ::testing::ElementsAre(DeliverRefusal::NO_SPACE));
  session_->Take(ChunkRequest(1, kChunk));
  session_->Take(CommitRequest(1));
  group_->Commit();
  EXPECT_THAT(replies_, SizeIs(1));
}

TEST_F(DeliverySessionTest, MissingOrSurplusOctetsAreMalformed) {
  session_->Take(BeginRequest(1, kChunk));
  session_->Take(CommitRequest(1));
  session_->Take(BeginRequest(2, kChunk));
  session_->Take(ChunkRequest(2, kChunk + 1));
  group_->Commit();
  EXPECT_THAT(Refusals(),
              ::testing::ElementsAre(DeliverRefusal::MALFORMED, DeliverRefusal::MALFORMED));
}

TEST_F(DeliverySessionTest, AnIdInUseAShardThatIsNotThereAndNobodyAreMalformed) {
  session_->Take(BeginRequest(1, kChunk));
  session_->Take(BeginRequest(1, kChunk));
  DeliverRequest elsewhere = Small(2);
  elsewhere.mutable_begin()->set_shard(1);
  session_->Take(elsewhere);
  DeliverRequest nobody = Small(3);
  nobody.mutable_begin()->clear_recipients();
  session_->Take(nobody);
  session_->Take(DeliverRequest());
  EXPECT_THAT(Refusals(), SizeIs(4));
  EXPECT_THAT(Refusals(), ::testing::Each(DeliverRefusal::MALFORMED));
}

TEST_F(DeliverySessionTest, TransactionsOfAStreamAreBounded) {
  limits_.transactions_per_stream = 3;
  Start();
  for (uint64_t id = 1; id <= 3; ++id) session_->Take(BeginRequest(id, kChunk));
  EXPECT_THAT(Refusals(), IsEmpty());
  session_->Take(BeginRequest(4, kChunk));
  EXPECT_THAT(Refusals(), SizeIs(1));
}

TEST_F(DeliverySessionTest, ChunksAheadOfTheirAcknowledgementAreBounded) {
  limits_.unacknowledged_chunks = 2;
  Start();
  session_->Take(BeginRequest(1, 4 * kChunk));
  session_->Take(ChunkRequest(1, kChunk));
  session_->Take(ChunkRequest(1, kChunk));
  group_->Commit();
  EXPECT_EQ(ChunksAccepted(), 2U);
  session_->Take(ChunkRequest(1, kChunk));
  session_->Take(ChunkRequest(1, kChunk));
  EXPECT_THAT(Refusals(), IsEmpty());
  session_->Take(BeginRequest(2, 4 * kChunk));
  for (int i = 0; i < 3; ++i) session_->Take(ChunkRequest(2, kChunk));
  ASSERT_THAT(Refusals(), ::testing::ElementsAre(DeliverRefusal::MALFORMED));
  EXPECT_EQ(replies_.back().id(), 2U);
}

TEST_F(DeliverySessionTest, AChunkIsAtMostAsLargeAsOneEntryTakes) {
  session_->Take(BeginRequest(1, 2 * kChunk));
  session_->Take(ChunkRequest(1, kChunk));
  EXPECT_THAT(Refusals(), IsEmpty());
  session_->Take(BeginRequest(2, 2 * kChunk));
  session_->Take(ChunkRequest(2, kChunk + 1));
  EXPECT_THAT(Refusals(), ::testing::ElementsAre(DeliverRefusal::MALFORMED));
}

TEST_F(DeliverySessionTest, BodiesBeyondTheBoundOfTheShardWaitAndSmallOnesPass) {
  const auto admission = UploadAdmission::Create({.body_bytes = 2 * kChunk, .chunks = 1});
  session_ = DeliverySession::Start(
      shards_, limits_, [this](DeliverReply reply) { replies_.push_back(std::move(reply)); },
      admission);
  session_->Take(BeginRequest(1, 2 * kChunk));
  session_->Take(BeginRequest(2, kChunk));
  ASSERT_THAT(Refusals(), ::testing::ElementsAre(DeliverRefusal::NO_SPACE));
  session_->Take(ChunkRequest(1, kChunk));
  session_->Take(ChunkRequest(1, kChunk));
  session_->Take(Small(3));
  EXPECT_EQ(group_->pending(), 2U) << "the second chunk waits, the small message does not";
  while (group_->Commit() > 0) {
  }
  EXPECT_EQ(ChunksAccepted(), 2U);
  EXPECT_THAT(Outcomes(), SizeIs(1));
  session_->Take(CommitRequest(1));
  while (group_->Commit() > 0) {
  }
  EXPECT_THAT(Outcomes(), SizeIs(2));
  session_->Take(BeginRequest(4, 2 * kChunk));
  EXPECT_THAT(Refusals(), SizeIs(1)) << "there is room again";
}

TEST_F(DeliverySessionTest, AStreamThatEndsGivesItsRoomAndItsTurnsBack) {
  const auto admission = UploadAdmission::Create({.body_bytes = 4 * kChunk, .chunks = 1});
  const auto reply = [this](DeliverReply reply) { replies_.push_back(std::move(reply)); };
  session_ = DeliverySession::Start(shards_, limits_, reply, admission);
  session_->Take(BeginRequest(1, 4 * kChunk));
  for (int i = 0; i < 3; ++i) session_->Take(ChunkRequest(1, kChunk));
  session_->End();
  while (group_->Commit() > 0) {
  }
  session_ = DeliverySession::Start(shards_, limits_, reply, admission);
  session_->Take(BeginRequest(1, 4 * kChunk));
  session_->Take(ChunkRequest(1, kChunk));
  EXPECT_THAT(Refusals(), IsEmpty());
  EXPECT_EQ(group_->pending(), 1U);
}

TEST_F(DeliverySessionTest, QuotaIsJudgedByTheStateAtHand) {
  session_->Take(Small(1));
  group_->Commit();
  rpc::delivery::CheckQuotaRequest request;
  request.set_account_id(7);
  request.set_octets(1);
  EXPECT_EQ(*ExceedsQuota(shards_, request), false) << "no quota";
  // Prefix and body count (SEMANTICS.md s6).
  const uint64_t used = 17 + 20;
  request.set_quota_octets(used + 10);
  request.set_octets(10);
  EXPECT_EQ(*ExceedsQuota(shards_, request), false);
  request.set_octets(11);
  EXPECT_EQ(*ExceedsQuota(shards_, request), true);
  request.set_octets(UINT64_MAX);
  EXPECT_EQ(*ExceedsQuota(shards_, request), true);
  request.set_account_id(8);
  request.set_octets(used + 10);
  EXPECT_EQ(*ExceedsQuota(shards_, request), false) << "nothing was delivered there yet";
  request.set_shard(1);
  EXPECT_FALSE(ExceedsQuota(shards_, request).ok());
}

TEST_F(DeliverySessionTest, WhoLeadsIsToldAtOnceAndWheneverItChanges) {
  int news = 0;
  LeadershipWatch watch(shards_, [&] { ++news; });
  group_->Commit();
  EXPECT_GT(news, 0);
  std::optional<ShardsReply> now = watch.Take();
  ASSERT_TRUE(now.has_value());
  EXPECT_TRUE(now->shards(0).leads());
  EXPECT_FALSE(watch.Take().has_value());
  group_->LoseLeadership(NodeId(2));
  group_->GainLeadership();
  group_->LoseLeadership(NodeId(2));
  group_->Commit();
  now = watch.Take();
  ASSERT_TRUE(now.has_value());
  EXPECT_THAT(now->shards(), SizeIs(1)) << "several changes come as the last";
  EXPECT_FALSE(now->shards(0).leads());
  EXPECT_EQ(now->shards(0).term(), group_->status().term.value());
}

TEST_F(DeliverySessionTest, AStoreWhoseDiskFailedLeadsNothing) {
  EXPECT_TRUE(DescribeShards(shards_).shards(0).leads());
  group_->FailDisk(absl::DataLossError("bad"));
  EXPECT_FALSE(DescribeShards(shards_).shards(0).leads());
}

}  // namespace
}  // namespace packetboat::store
