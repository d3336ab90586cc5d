#include "mx/clients/key_forgetter.h"

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

using rpc::delivery::ForgetKeysRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Outcome = KeyForgetter::Outcome;

constexpr ShardId kShard{3};
constexpr AccountId kAccount{7};

class KeyForgetterTest : public ::testing::Test {
 protected:
  void Add(const std::string& key, ShardId shard = kShard) { forgetter_.Add(shard, kAccount, key); }
  // Notes `name` when all are gone.
  void Await(std::vector<std::string> keys, const std::string& name) {
    forgetter_.WhenGone(keys, [this, name] { told_.push_back(name); });
  }
  void End(size_t call, Outcome outcome) { std::exchange(calls_[call].second, nullptr)(outcome); }
  std::vector<std::string> KeysOf(size_t call) {
    std::vector<std::string> keys;
    for (const auto& key : calls_[call].first.keys()) keys.push_back(key.delivery_key());
    return keys;
  }

  DeliveryClientOptions options_;
  FakeClock clock_;
  net::testing::FakeEventLoop loop_{clock_};
  bool somebody_leads_ = true;
  std::vector<std::pair<ForgetKeysRequest, std::function<void(Outcome)>>> calls_;
  std::vector<std::string> told_;
  KeyForgetter forgetter_{options_, loop_, [this](ShardId, ForgetKeysRequest request, auto done) {
                            if (!somebody_leads_) return false;
                            calls_.emplace_back(std::move(request), std::move(done));
                            return true;
                          }};
};

TEST_F(KeyForgetterTest, WhatNobodyWaitsForGoesInABatch) {
  Add("a");
  Add("b");
  Add("c", ShardId(4));
  EXPECT_THAT(calls_, IsEmpty());
  loop_.Advance(options_.forget_interval);
  ASSERT_THAT(calls_, SizeIs(2));
  EXPECT_THAT(KeysOf(0), ElementsAre("a", "b"));
  EXPECT_EQ(calls_[0].first.shard(), kShard.value());
  EXPECT_THAT(KeysOf(1), ElementsAre("c"));
}

TEST_F(KeyForgetterTest, WhatSomebodyWaitsForGoesAtOnceWithAllThatIsThere) {
  Add("a");
  Add("b");
  Add("c", ShardId(4));
  Await({"b"}, "b");
  ASSERT_THAT(calls_, SizeIs(1)) << "the other shard is nobody's concern";
  EXPECT_THAT(KeysOf(0), ElementsAre("a", "b"));
  EXPECT_THAT(told_, IsEmpty());
  End(0, Outcome::kOver);
  EXPECT_THAT(told_, ElementsAre("b"));
}

TEST_F(KeyForgetterTest, UnderLoadABatchGathersWhileAnotherIsUnderWay) {
  Add("a");
  Await({"a"}, "a");
  Add("b");
  Await({"b"}, "b");
  Add("c");
  Await({"c"}, "c");
  ASSERT_THAT(calls_, SizeIs(1));
  End(0, Outcome::kOver);
  EXPECT_THAT(told_, ElementsAre("a"));
  ASSERT_THAT(calls_, SizeIs(2));
  EXPECT_THAT(KeysOf(1), ElementsAre("b", "c"));
  End(1, Outcome::kOver);
  EXPECT_THAT(told_, ElementsAre("a", "b", "c"));
}

TEST_F(KeyForgetterTest, WhoWaitsForNothingIsToldAtOnce) {
  Await({}, "nothing");
  Await({"unknown"}, "unknown");
  EXPECT_THAT(told_, ElementsAre("nothing", "unknown"));
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(KeyForgetterTest, WhatWasRefusedForCertainIsSentAgain) {
  Add("a");
  Await({"a"}, "a");
  End(0, Outcome::kRefused);
  EXPECT_THAT(told_, IsEmpty());
  loop_.Advance(absl::Milliseconds(100));
  ASSERT_THAT(calls_, SizeIs(2));
  EXPECT_THAT(KeysOf(1), ElementsAre("a"));
}

TEST_F(KeyForgetterTest, WhatIsUncertainIsNeverSentAgain) {
  Add("a");
  Await({"a"}, "a");
  End(0, Outcome::kOver);
  loop_.Advance(absl::Minutes(1));
  EXPECT_THAT(calls_, SizeIs(1)) << "by now it could be the key of the next message";
}

TEST_F(KeyForgetterTest, NobodyWaitsLongerThanTheBound) {
  Add("a");
  Await({"a"}, "a");
  loop_.Advance(options_.forget_wait - absl::Milliseconds(1));
  EXPECT_THAT(told_, IsEmpty());
  loop_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(told_, ElementsAre("a"));
  End(0, Outcome::kOver);
  EXPECT_THAT(told_, SizeIs(1));
}

TEST_F(KeyForgetterTest, WithoutALeaderItWaitsForOneAndThenGivesUp) {
  somebody_leads_ = false;
  Add("a");
  Await({"a"}, "a");
  loop_.Advance(absl::Seconds(1));
  somebody_leads_ = true;
  loop_.Advance(absl::Seconds(1));
  ASSERT_THAT(calls_, SizeIs(1));
  End(0, Outcome::kOver);
  somebody_leads_ = false;
  Add("b");
  loop_.Advance(options_.forget_timeout + absl::Seconds(1));
  somebody_leads_ = true;
  loop_.Advance(absl::Minutes(1));
  EXPECT_THAT(calls_, SizeIs(1)) << "it lives out its window";
}

TEST_F(KeyForgetterTest, ABatchIsBounded) {
  for (int i = 0; i < 1001; ++i) Add(absl::StrCat("k", i));
  Await({"k1000"}, "last");
  ASSERT_THAT(calls_, SizeIs(1));
  EXPECT_EQ(calls_[0].first.keys_size(), 1000);
  End(0, Outcome::kOver);
  ASSERT_THAT(calls_, SizeIs(2));
  EXPECT_THAT(KeysOf(1), ElementsAre("k1000"));
}

TEST_F(KeyForgetterTest, WhatDoesNotFitLivesOutItsWindow) {
  options_.forget_queue = 3;
  for (int i = 0; i < 4; ++i) Add(absl::StrCat("k", i));
  loop_.Advance(options_.forget_interval);
  ASSERT_THAT(calls_, SizeIs(1));
  EXPECT_EQ(calls_[0].first.keys_size(), 3);
  End(0, Outcome::kOver);
  Add("later");
  loop_.Advance(options_.forget_interval);
  EXPECT_THAT(calls_, SizeIs(2));
}

TEST_F(KeyForgetterTest, StoppingTellsWhoWaits) {
  Add("a");
  Await({"a"}, "a");
  forgetter_.Stop();
  EXPECT_THAT(told_, ElementsAre("a"));
  End(0, Outcome::kOver);
  loop_.Advance(absl::Minutes(1));
  EXPECT_THAT(told_, SizeIs(1));
  EXPECT_THAT(calls_, SizeIs(1));
}

}  // namespace
}  // namespace packetboat::mx
