#include "mx/clients/delivery_client.h"

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/testing/fake_event_loop.h"

namespace packetboat::mx {
namespace {

using rpc::delivery::CheckQuotaReply;
using rpc::delivery::CheckQuotaRequest;
using rpc::delivery::DeliverRefusal;
using rpc::delivery::DeliverReply;
using rpc::delivery::DeliverRequest;
using rpc::delivery::ForgetKeysRequest;
using rpc::delivery::RecipientResult;
using rpc::delivery::ShardsReply;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ShardId kShard{0};

// Stores that do what the test says, and what became of each exchange with them.
class FakeStores : public StoreTransport {
 public:
  struct Link {
    std::optional<StreamEvents> events;  // while the client holds the stream
    std::vector<DeliverRequest> requests;
  };
  struct Store {
    std::string address;
    std::vector<std::shared_ptr<Link>> streams;
    std::shared_ptr<std::optional<WatchEvents>> watch;
    std::vector<ShardsCallback> asked;
    std::vector<ForgetKeysRequest> forgotten;
    std::vector<ForgetCallback> let_go;  // the answers to those
    std::vector<std::pair<CheckQuotaRequest, QuotaCallback>> quota;
    int watches = 0;
  };

  explicit FakeStores(size_t count) : stores_(count) {
    for (size_t i = 0; i < count; ++i) stores_[i].address = absl::StrCat("store", i, ":1");
  }

  Store& operator[](size_t at) { return stores_[at]; }

  size_t stores() const override { return stores_.size(); }
  const std::string& address(size_t store) const override { return stores_[store].address; }

  std::unique_ptr<Stream> OpenDeliver(size_t store, StreamEvents events) override {
    auto link = std::make_shared<Link>();
    link->events = std::move(events);
    stores_[store].streams.push_back(link);
    return std::make_unique<FakeStream>(std::move(link));
  }
  std::unique_ptr<Watch> WatchShards(size_t store, WatchEvents events) override {
    ++stores_[store].watches;
    stores_[store].watch = std::make_shared<std::optional<WatchEvents>>(std::move(events));
    return std::make_unique<FakeWatch>(stores_[store].watch);
  }
  void AskShards(size_t store, absl::Duration, ShardsCallback done) override {
    stores_[store].asked.push_back(std::move(done));
  }
  void CheckQuota(size_t store, absl::Duration, CheckQuotaRequest request,
                  QuotaCallback done) override {
    stores_[store].quota.emplace_back(std::move(request), std::move(done));
  }
  void ForgetKeys(size_t store, absl::Duration, ForgetKeysRequest request,
                  ForgetCallback done) override {
    stores_[store].forgotten.push_back(std::move(request));
    stores_[store].let_go.push_back(std::move(done));
  }

 private:
  class FakeStream : public Stream {
   public:
    explicit FakeStream(std::shared_ptr<Link> link) : link_(std::move(link)) {}
    ~FakeStream() override { link_->events.reset(); }
    void Send(DeliverRequest request) override { link_->requests.push_back(std::move(request)); }

   private:
    const std::shared_ptr<Link> link_;
  };
  class FakeWatch : public Watch {
   public:
    explicit FakeWatch(std::shared_ptr<std::optional<WatchEvents>> events)
        : events_(std::move(events)) {}
    ~FakeWatch() override { events_->reset(); }

   private:
    const std::shared_ptr<std::optional<WatchEvents>> events_;
  };

  std::vector<Store> stores_;
};

class TextBody : public BodySource {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  uint64_t size() const override { return text_.size(); }
  absl::StatusOr<std::string> Read(uint64_t offset, size_t length) const override {
    return text_.substr(offset, length);
  }

 private:
  const std::string text_;
};

using Outcome = absl::StatusOr<std::vector<DeliveryOutcome>>;

class DeliveryClientTest : public ::testing::Test {
 protected:
  DeliveryClientTest() : stores_(std::make_shared<FakeStores>(3)) {
    options_.on_retry = [this](RetryReason reason) { retries_.push_back(reason); };
  }
  ~DeliveryClientTest() override {
    if (client_ != nullptr) client_->Stop();
    loop_.RunReady();
  }

  void Start() {
    client_ = DeliveryClient::Create(options_, loop_, stores_);
    client_->Start();
    loop_.RunReady();
  }

  // A delivery with key `key` whose outcome comes to outcomes_ at the index that this returns.
  size_t Deliver(const std::string& key, const std::string& body = "body",
                 absl::Duration wait = absl::Seconds(60)) {
    const size_t index = outcomes_.size();
    outcomes_.emplace_back();
    client_->Deliver({.shard = kShard,
                      .transaction = key,
                      .recipients = {{AccountId(7), "prefix", key, ""}},
                      .body = std::make_shared<TextBody>(body),
                      .received = absl::UnixEpoch(),
                      .abandoned = abandoned_},
                     loop_.Now() + wait, [this, index](Outcome outcome) {
                       EXPECT_FALSE(outcomes_[index].has_value()) << "answered twice";
                       outcomes_[index] = std::move(outcome);
                     });
    loop_.RunReady();
    return index;
  }

  ShardsReply News(bool leads, uint64_t term, const std::string& hint = "") {
    ShardsReply news;
    ShardsReply::Shard& shard = *news.add_shards();
    shard.set_shard(kShard.value());
    shard.set_leads(leads);
    shard.set_term(term);
    shard.set_leader_hint(hint);
    return news;
  }
  void Tell(size_t store, const ShardsReply& news) {
    ASSERT_TRUE(stores(store).watch->has_value());
    (*stores(store).watch)->on_news(news);
    loop_.RunReady();
  }

  FakeStores::Store& stores(size_t at) { return (*stores_)[at]; }
  FakeStores::Link& stream(size_t at) { return *stores(at).streams.back(); }
  bool HasStream(size_t at) { return !stores(at).streams.empty(); }

  // The begun transactions that `store` got on its last stream, by key.
  std::vector<std::string> Begun(size_t at) {
    std::vector<std::string> keys;
    if (!HasStream(at)) return keys;
    for (const DeliverRequest& request : stream(at).requests) {
      if (request.has_begin()) keys.push_back(request.begin().recipients(0).delivery_key());
    }
    return keys;
  }
  uint64_t LastId(size_t at) { return stream(at).requests.back().id(); }

  void Reply(size_t at, const DeliverReply& reply) {
    ASSERT_TRUE(stream(at).events.has_value());
    stream(at).events->on_reply(reply);
    loop_.RunReady();
  }
  void Commit(size_t at, uint64_t id,
              RecipientResult::Outcome outcome = RecipientResult::DELIVERED) {
    DeliverReply reply;
    reply.set_id(id);
    reply.mutable_result()->add_recipients()->set_outcome(outcome);
    Reply(at, reply);
  }
  void Refuse(size_t at, uint64_t id, DeliverRefusal::Reason reason, uint64_t term = 0,
              const std::string& hint = "") {
    DeliverReply reply;
    reply.set_id(id);
    reply.mutable_refusal()->set_reason(reason);
    reply.mutable_refusal()->set_term(term);
    reply.mutable_refusal()->set_leader_hint(hint);
    Reply(at, reply);
  }
  void AcceptChunk(size_t at, uint64_t id) {
    DeliverReply reply;
    reply.set_id(id);
    reply.mutable_chunk_accepted();
    Reply(at, reply);
  }
  void Break(size_t at) {
    ASSERT_TRUE(stream(at).events.has_value());
    const auto events = *stream(at).events;
    events.on_end(absl::UnavailableError("cut"));
    loop_.RunReady();
  }

  DeliveryClientOptions options_;
  FakeClock clock_;
  net::testing::FakeEventLoop loop_{clock_};
  const std::shared_ptr<FakeStores> stores_;
  std::shared_ptr<DeliveryClient> client_;
  std::vector<std::optional<Outcome>> outcomes_;
  std::vector<RetryReason> retries_;
  std::shared_ptr<const std::atomic<bool>> abandoned_;
};

TEST_F(DeliveryClientTest, WhatIsCommittedIsAnsweredWithItsOutcomes) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1");
  const size_t two = Deliver("k2");
  EXPECT_FALSE(outcomes_[one].has_value()) << "not before the store says so";
  Commit(0, 2, RecipientResult::DUPLICATE);
  Commit(0, 1);
  ASSERT_TRUE(outcomes_[one].has_value() && outcomes_[two].has_value());
  EXPECT_EQ(**outcomes_[one], std::vector{DeliveryOutcome::kDelivered});
  EXPECT_EQ(**outcomes_[two], std::vector{DeliveryOutcome::kDuplicate});
}

TEST_F(DeliveryClientTest, ADeliveryWaitsForALeaderAndGoesToItAtOnce) {
  Start();
  EXPECT_FALSE(client_->CanDeliver(kShard));
  const size_t one = Deliver("k1");
  for (size_t at = 0; at < 3; ++at) EXPECT_FALSE(HasStream(at));
  Tell(2, News(true, 1));
  EXPECT_TRUE(client_->CanDeliver(kShard));
  EXPECT_THAT(Begun(2), SizeIs(1));
  Commit(2, 1);
  EXPECT_TRUE(outcomes_[one]->ok());
}

TEST_F(DeliveryClientTest, ALostReplyIsRepeatedWithTheSameKeyAndTheKeyAnswersIt) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1");
  Break(0);  // it may have been committed
  EXPECT_FALSE(outcomes_[one].has_value());
  Tell(0, News(true, 1));
  loop_.Advance(options_.retry_min);
  EXPECT_THAT(stores(0).streams, SizeIs(2));
  EXPECT_EQ(Begun(0), std::vector<std::string>{"k1"});
  Commit(0, LastId(0), RecipientResult::DUPLICATE);
  EXPECT_EQ(**outcomes_[one], std::vector{DeliveryOutcome::kDuplicate});
  EXPECT_THAT(retries_, ::testing::ElementsAre(RetryReason::kStreamBroke));
}

TEST_F(DeliveryClientTest, AfterALostStoreTheNextLeaderGetsTheSameKey) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1");
  Break(0);
  Tell(1, News(false, 1, stores(0).address));
  loop_.Advance(absl::Milliseconds(300));
  EXPECT_THAT(Begun(1), IsEmpty());
  EXPECT_THAT(stores(0).streams, SizeIs(1)) << "what followers still believe leads nowhere";
  Tell(1, News(true, 2));
  EXPECT_EQ(Begun(1), std::vector<std::string>{"k1"});
  Commit(1, 1);
  EXPECT_TRUE(outcomes_[one]->ok());
}

TEST_F(DeliveryClientTest, AHintIsFollowedAtOnce) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1");
  Refuse(0, 1, DeliverRefusal::NOT_LEADER, 2, stores(1).address);
  EXPECT_EQ(Begun(1), std::vector<std::string>{"k1"});
  Commit(1, 1);
  EXPECT_TRUE(outcomes_[one]->ok());
}

TEST_F(DeliveryClientTest, HintsThatGoInACircleAreNotFollowedForEver) {
  Start();
  Tell(0, News(true, 5));
  Deliver("k1");
  Refuse(0, 1, DeliverRefusal::NOT_LEADER, 6, stores(1).address);
  Refuse(1, 1, DeliverRefusal::NOT_LEADER, 6, stores(0).address);
  loop_.Advance(absl::Seconds(5));
  EXPECT_EQ(Begun(0).size() + Begun(1).size(), 2U);
}

TEST_F(DeliveryClientTest, ALateRefusalOfAnEarlierLeaderChangesNothing) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1");
  Tell(1, News(true, 2));
  EXPECT_EQ(Begun(1), std::vector<std::string>{"k1"}) << "moved before the first one answered";
  Refuse(0, 1, DeliverRefusal::NOT_LEADER, 1, stores(0).address);
  Refuse(0, 1, DeliverRefusal::UNKNOWN);
  loop_.Advance(absl::Milliseconds(900));
  EXPECT_THAT(Begun(1), SizeIs(1));
  EXPECT_THAT(Begun(0), SizeIs(1));
  Commit(1, 1);
  EXPECT_TRUE(outcomes_[one]->ok());
  EXPECT_THAT(retries_, ::testing::ElementsAre(RetryReason::kLeaderChanged));
}

TEST_F(DeliveryClientTest, ALateResultOfAnEarlierLeaderIsAResult) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1");
  Tell(1, News(true, 2));
  Commit(0, 1);
  ASSERT_TRUE(outcomes_[one].has_value());
  EXPECT_TRUE(outcomes_[one]->ok());
  Commit(1, 1, RecipientResult::DUPLICATE);  // nobody waits for it any more
}

TEST_F(DeliveryClientTest, AStreamThatBreaksInTheMiddleOfABodyIsBegunAnewFromItsStart) {
  Start();
  Tell(0, News(true, 1));
  const std::string body(3'000'000, 'x');
  const size_t one = Deliver("k1", body);
  AcceptChunk(0, 1);
  Break(0);
  Tell(1, News(true, 2));
  uint64_t octets = 0;
  for (int chunks = 0; chunks < 6; ++chunks) AcceptChunk(1, 1);
  for (const DeliverRequest& request : stream(1).requests)
    octets += request.chunk().octets().size();
  EXPECT_EQ(octets, body.size());
  EXPECT_TRUE(stream(1).requests.back().has_commit());
  Commit(1, 1);
  EXPECT_TRUE(outcomes_[one]->ok());
}

TEST_F(DeliveryClientTest, AsManyChunksAreAheadOfTheirAcknowledgementAsAllowed) {
  Start();
  Tell(0, News(true, 1));
  Deliver("k1", std::string(5'000'000, 'x'));
  const size_t begin_and_window = 1 + static_cast<size_t>(options_.unacknowledged_chunks);
  EXPECT_THAT(stream(0).requests, SizeIs(begin_and_window));
  AcceptChunk(0, 1);
  EXPECT_THAT(stream(0).requests, SizeIs(begin_and_window + 1));
}

TEST_F(DeliveryClientTest, TheDeadlineGivesAnErrorAndNeverOk) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1", "body", absl::Seconds(10));
  loop_.Advance(absl::Seconds(10) - absl::Nanoseconds(1));
  EXPECT_FALSE(outcomes_[one].has_value());
  loop_.Advance(absl::Nanoseconds(1));
  ASSERT_TRUE(outcomes_[one].has_value());
  EXPECT_EQ(outcomes_[one]->status().code(), absl::StatusCode::kUnavailable);
  Commit(0, 1);  // too late to be told
}

TEST_F(DeliveryClientTest, ABodyThatIsGivenUpIsAbortedAtTheStore) {
  Start();
  Tell(0, News(true, 1));
  Deliver("k1", std::string(5'000'000, 'x'), absl::Seconds(10));
  loop_.Advance(absl::Seconds(10));
  EXPECT_TRUE(stream(0).requests.back().has_abort());
}

TEST_F(DeliveryClientTest, WithoutSpaceItTriesAgainUntilTheDeadlineAndThenSaysSo) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1", "body", absl::Seconds(10));
  size_t tries = 0;
  while (!outcomes_[one].has_value()) {
    if (Begun(0).size() > tries) {
      tries = Begun(0).size();
      Refuse(0, LastId(0), DeliverRefusal::NO_SPACE);
    }
    loop_.Advance(absl::Milliseconds(10));
  }
  EXPECT_GT(tries, 10U);
  EXPECT_EQ(outcomes_[one]->status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(DeliveryClientTest, ASlowStoreThatLivesKeepsWhatItHas) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1");
  for (int i = 0; i < 20; ++i) {
    loop_.Advance(absl::Milliseconds(500));
    Tell(0, News(true, 1));
  }
  EXPECT_THAT(Begun(0), SizeIs(1));
  Commit(0, 1);
  EXPECT_TRUE(outcomes_[one]->ok());
  EXPECT_THAT(retries_, IsEmpty());
}

TEST_F(DeliveryClientTest, AStoreThatSaysNothingGetsNoMoreUntilItSpeaks) {
  Start();
  Tell(0, News(true, 1));
  Deliver("k1");
  loop_.Advance(options_.attempt_timeout);
  Deliver("k2");
  EXPECT_THAT(Begun(0), SizeIs(1)) << "it hangs";
  Tell(1, News(true, 2));
  EXPECT_THAT(Begun(1), SizeIs(2)) << "both are repeated where another leads";
}

TEST_F(DeliveryClientTest, AStoreThatHungAndStillLeadsGetsOnlyWhatItHasNot) {
  Start();
  Tell(0, News(true, 1));
  Deliver("k1");
  loop_.Advance(options_.attempt_timeout);
  Deliver("k2");
  Tell(0, News(true, 1));
  EXPECT_EQ(Begun(0), (std::vector<std::string>{"k1", "k2"}));
}

TEST_F(DeliveryClientTest, AnElectionCostsNoRecipientAndALostQuorumDoes) {
  Start();
  Tell(0, News(true, 1));
  (*stores(0).watch)->on_end(absl::UnavailableError("cut"));
  EXPECT_TRUE(client_->CanDeliver(kShard));
  EXPECT_TRUE(client_->status().ok());
  loop_.Advance(options_.leader_patience);
  EXPECT_FALSE(client_->CanDeliver(kShard));
  EXPECT_FALSE(client_->status().ok());
}

TEST_F(DeliveryClientTest, AWatchThatEndedIsOpenedAgain) {
  Start();
  Tell(0, News(true, 1));
  (*stores(0).watch)->on_end(absl::UnavailableError("cut"));
  EXPECT_EQ(stores(0).watches, 1);
  loop_.Advance(options_.watch_pause);
  EXPECT_EQ(stores(0).watches, 2);
  (*stores(0).watch)->on_end(absl::UnavailableError("nothing to tell"));
  loop_.Advance(options_.watch_pause);
  EXPECT_EQ(stores(0).watches, 2);
  loop_.Advance(options_.ask_interval);
  EXPECT_EQ(stores(0).watches, 3);
}

TEST_F(DeliveryClientTest, AStoreIsAskedAgainAndAgainAndOnceAtATime) {
  Start();
  ASSERT_THAT(stores(0).asked, SizeIs(1));
  loop_.Advance(absl::Minutes(1));
  EXPECT_THAT(stores(0).asked, SizeIs(1)) << "the first question is open still";
  stores(0).asked[0](News(true, 1));
  loop_.Advance(options_.ask_interval);
  EXPECT_THAT(stores(0).asked, SizeIs(2));
  EXPECT_TRUE(client_->CanDeliver(kShard)) << "the answer counts as news";
}

TEST_F(DeliveryClientTest, KeysAreLetGoByWhoeverLeads) {
  Start();
  Tell(1, News(true, 1));
  client_->ForgetKey(kShard, AccountId(7), "k1");
  client_->ForgetKey(kShard, AccountId(7), "k2");
  loop_.Advance(options_.forget_interval);
  ASSERT_THAT(stores(1).forgotten, SizeIs(1));
  EXPECT_EQ(stores(1).forgotten[0].shard(), kShard.value());
  ASSERT_EQ(stores(1).forgotten[0].keys_size(), 2);
  EXPECT_EQ(stores(1).forgotten[0].keys(0).account_id(), 7U);
  EXPECT_EQ(stores(1).forgotten[0].keys(0).delivery_key(), "k1");
  Tell(2, News(true, 2));
  stores(1).let_go[0](absl::FailedPreconditionError("not the leader"));
  loop_.Advance(options_.forget_interval);
  ASSERT_THAT(stores(2).forgotten, SizeIs(1));
  EXPECT_EQ(stores(2).forgotten[0].keys_size(), 2);
}

TEST_F(DeliveryClientTest, EqualOctetsAreDeliveredOnceTheKeyOfTheFirstIsGone) {
  Start();
  Tell(0, News(true, 1));
  Deliver("k");
  Commit(0, 1);
  client_->ForgetKey(kShard, AccountId(7), "k");
  Deliver("k");
  EXPECT_THAT(Begun(0), SizeIs(1)) << "it would be taken for a retry";
  ASSERT_THAT(stores(0).forgotten, SizeIs(1)) << "at once";
  stores(0).let_go[0](absl::OkStatus());
  loop_.RunReady();
  EXPECT_THAT(Begun(0), SizeIs(2));
}

TEST_F(DeliveryClientTest, WhoWaitsForKeysIsToldWhenTheyAreGone) {
  Start();
  Tell(0, News(true, 1));
  client_->ForgetKey(kShard, AccountId(7), "k");
  int told = 0;
  client_->AwaitForgotten({"k", "another"}, [&] { ++told; });
  loop_.RunReady();
  EXPECT_EQ(told, 0);
  ASSERT_THAT(stores(0).let_go, SizeIs(1));
  stores(0).let_go[0](absl::OkStatus());
  EXPECT_EQ(told, 1);
  client_->AwaitForgotten({"k"}, [&] { ++told; });
  loop_.RunReady();
  EXPECT_EQ(told, 2) << "there is nothing to wait for";
}

TEST_F(DeliveryClientTest, AKeyStaysWhileATryOfItMayLieAtAStore) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k");
  Tell(1, News(true, 2));
  ASSERT_THAT(Begun(1), SizeIs(1));
  Commit(1, 1);
  ASSERT_TRUE(outcomes_[one].has_value());
  client_->ForgetKey(kShard, AccountId(7), "k");
  loop_.Advance(options_.forget_interval);
  EXPECT_THAT(stores(0).forgotten, IsEmpty());
  EXPECT_THAT(stores(1).forgotten, IsEmpty());
}

TEST_F(DeliveryClientTest, ADeliveryWhoseClientHasGoneIsNotTriedAnew) {
  Start();
  Tell(0, News(true, 1));
  const auto gone = std::make_shared<std::atomic<bool>>(false);
  abandoned_ = gone;
  const size_t one = Deliver("k");
  ASSERT_THAT(Begun(0), SizeIs(1));
  *gone = true;
  Break(0);
  Tell(0, News(true, 1));
  loop_.Advance(absl::Seconds(5));
  ASSERT_TRUE(outcomes_[one].has_value());
  EXPECT_EQ(outcomes_[one]->status().code(), absl::StatusCode::kCancelled);
}

TEST_F(DeliveryClientTest, OnlyAStoreThatSaysSoMakesAQuotaExceeded) {
  Start();
  std::vector<bool> room;
  const LocalTarget target{AccountId(7), kShard, "a@b", "", 1000};
  const auto check = [&] {
    client_->CheckQuota(target, 10, [&](bool has_room) { room.push_back(has_room); });
    loop_.RunReady();
  };
  check();
  EXPECT_EQ(room, std::vector<bool>{true}) << "nobody leads, nobody is asked";
  Tell(1, News(true, 1));
  check();
  check();
  check();
  ASSERT_THAT(stores(1).quota, SizeIs(3));
  EXPECT_EQ(stores(1).quota[0].first.quota_octets(), 1000U);
  EXPECT_EQ(stores(1).quota[0].first.octets(), 10U);
  CheckQuotaReply exceeded;
  exceeded.set_exceeded(true);
  stores(1).quota[0].second(exceeded);
  stores(1).quota[1].second(CheckQuotaReply());
  stores(1).quota[2].second(absl::DeadlineExceededError("slow"));
  EXPECT_EQ(room, (std::vector<bool>{true, false, true, true}));
}

TEST_F(DeliveryClientTest, StoppingAnswersWhatIsUnderWay) {
  Start();
  Tell(0, News(true, 1));
  const size_t one = Deliver("k1");
  client_->Stop();
  ASSERT_TRUE(outcomes_[one].has_value());
  EXPECT_EQ(outcomes_[one]->status().code(), absl::StatusCode::kCancelled);
  const size_t two = Deliver("k2");
  EXPECT_EQ(outcomes_[two]->status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace packetboat::mx
