#include "store/replication/testing/group_contract.h"

#include <algorithm>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "store/replication/testing/counting_machine.h"

namespace packetboat::replication::testing {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GroupContractTest);

namespace {

// The outcome of one call, to wait for.
template <typename T>
class Outcome {
 public:
  auto Callback() {
    return [this](T value) {
      value_ = std::move(value);
      done_.Notify();
    };
  }
  bool done() const { return done_.HasBeenNotified(); }
  T& Wait() {
    done_.WaitForNotification();
    return value_;
  }

 private:
  T value_ = T();
  absl::Notification done_;
};

using Proposed = Outcome<absl::StatusOr<ApplyResult>>;

}  // namespace

absl::StatusOr<ApplyResult> GroupContractTest::Propose(std::string command) {
  Proposed outcome;
  group().Propose(std::move(command), outcome.Callback());
  return outcome.Wait();
}

absl::StatusOr<RaftIndex> GroupContractTest::ReadIndex() {
  Outcome<absl::StatusOr<RaftIndex>> outcome;
  group().ReadIndex(outcome.Callback());
  return outcome.Wait();
}

absl::Status GroupContractTest::WaitApplied(RaftIndex index) {
  Outcome<absl::Status> outcome;
  group().WaitApplied(index, outcome.Callback());
  return outcome.Wait();
}

TEST_P(GroupContractTest, AProposalIsAppliedOnceAndAnsweredWithItsResult) {
  auto first = Propose("one");
  auto second = Propose("two");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->result, "1");
  EXPECT_EQ(second->result, "2");
  EXPECT_LT(first->index, second->index);
  const auto commands = CountingMachine::Read(harness_->state(), group().shard());
  EXPECT_EQ(commands, (std::map<uint64_t, std::string>{{1, "one"}, {2, "two"}}));
}

TEST_P(GroupContractTest, LogTimeStrictlyAscends) {
  absl::Time last = absl::InfinitePast();
  for (int i = 0; i < 20; ++i) {
    auto result = Propose("x");
    ASSERT_TRUE(result.ok());
    EXPECT_GT(result->log_time, last);
    last = result->log_time;
  }
  EXPECT_EQ(group().status().log_time, last);
}

TEST_P(GroupContractTest, EntriesThatAreInFlightTogetherKeepTheirOrder) {
  harness_->Hold();
  std::vector<std::unique_ptr<Proposed>> outcomes;
  for (size_t i = 0; i < ContractHarness::kMaxInFlightEntries; ++i) {
    outcomes.push_back(std::make_unique<Proposed>());
    group().Propose(absl::StrCat(i), outcomes.back()->Callback());
  }
  harness_->Release();
  for (size_t i = 0; i < outcomes.size(); ++i) {
    ASSERT_TRUE(outcomes[i]->Wait().ok());
    EXPECT_EQ(outcomes[i]->Wait()->result, absl::StrCat(i + 1));
    EXPECT_EQ(outcomes[i]->Wait()->index.value(), outcomes[0]->Wait()->index.value() + i);
  }
}

TEST_P(GroupContractTest, NothingIsAnsweredBeforeItIsCommitted) {
  harness_->Hold();
  Proposed outcome;
  group().Propose("held", outcome.Callback());
  // A later barrier goes through the group's threads and comes back first.
  auto index = ReadIndex();
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_FALSE(outcome.done());
  EXPECT_TRUE(CountingMachine::Read(harness_->state(), group().shard()).empty());
  harness_->Release();
  EXPECT_TRUE(outcome.Wait().ok());
}

TEST_P(GroupContractTest, ACallbackNeverComesFromWithinTheCall) {
  // Each callback takes the lock that the caller holds around the call.
  absl::Mutex mutex;
  Outcome<int> good, too_large, read, wait;
  auto locked = [&mutex](Outcome<int>& outcome) {
    return [&mutex, &outcome](auto&&) {
      { absl::MutexLock lock(&mutex); }
      outcome.Callback()(1);
    };
  };
  {
    absl::MutexLock lock(&mutex);
    group().Propose("x", locked(good));
    group().Propose(std::string(ContractHarness::kMaxCommandBytes + 1, 'x'), locked(too_large));
    group().ReadIndex(locked(read));
    group().WaitApplied(RaftIndex(0), locked(wait));
  }
  good.Wait();
  too_large.Wait();
  read.Wait();
  wait.Wait();
}

TEST_P(GroupContractTest, ACommandOfTheMaximalSizeIsTakenAndOneOctetMoreIsNot) {
  EXPECT_EQ(group().max_command_bytes(), ContractHarness::kMaxCommandBytes);
  EXPECT_TRUE(Propose(std::string(ContractHarness::kMaxCommandBytes, 'x')).ok());
  EXPECT_EQ(Propose(std::string(ContractHarness::kMaxCommandBytes + 1, 'x')).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CountingMachine::Read(harness_->state(), group().shard()).size(), 1u);
}

TEST_P(GroupContractTest, EntriesInFlightAreBounded) {
  harness_->Hold();
  std::vector<std::unique_ptr<Proposed>> outcomes;
  for (size_t i = 0; i <= ContractHarness::kMaxInFlightEntries; ++i) {
    outcomes.push_back(std::make_unique<Proposed>());
    group().Propose("x", outcomes.back()->Callback());
  }
  EXPECT_EQ(outcomes.back()->Wait().status().code(), absl::StatusCode::kResourceExhausted);
  outcomes.pop_back();
  harness_->Release();
  for (auto& outcome : outcomes) EXPECT_TRUE(outcome->Wait().ok());
  EXPECT_TRUE(Propose("room again").ok());
}

TEST_P(GroupContractTest, BytesInFlightAreBounded) {
  harness_->Hold();
  constexpr size_t kFit = ContractHarness::kMaxInFlightBytes / ContractHarness::kMaxCommandBytes;
  std::vector<std::unique_ptr<Proposed>> outcomes;
  for (size_t i = 0; i <= kFit; ++i) {
    outcomes.push_back(std::make_unique<Proposed>());
    group().Propose(std::string(i < kFit ? ContractHarness::kMaxCommandBytes : 1, 'x'),
                    outcomes.back()->Callback());
  }
  EXPECT_EQ(outcomes.back()->Wait().status().code(), absl::StatusCode::kResourceExhausted);
  outcomes.pop_back();
  harness_->Release();
  for (auto& outcome : outcomes) EXPECT_TRUE(outcome->Wait().ok());
}

TEST_P(GroupContractTest, AReadIndexCoversEveryAcknowledgedWrite) {
  for (int i = 0; i < 10; ++i) {
    auto written = Propose("x");
    ASSERT_TRUE(written.ok());
    auto index = ReadIndex();
    ASSERT_TRUE(index.ok()) << index.status();
    EXPECT_GE(*index, written->index);
    ASSERT_TRUE(WaitApplied(*index).ok());
    EXPECT_EQ(CountingMachine::Read(harness_->state(), group().shard()).size(), i + 1u);
  }
}

TEST_P(GroupContractTest, AWaitEndsWhenTheIndexIsApplied) {
  auto before = Propose("before");
  ASSERT_TRUE(before.ok());
  EXPECT_TRUE(WaitApplied(before->index).ok());
  Outcome<absl::Status> wait;
  group().WaitApplied(RaftIndex(before->index.value() + 1), wait.Callback());
  EXPECT_FALSE(wait.done());
  ASSERT_TRUE(Propose("after").ok());
  EXPECT_TRUE(wait.Wait().ok());
}

TEST_P(GroupContractTest, AReadBarrierIsBothInOne) {
  ASSERT_TRUE(Propose("x").ok());
  Outcome<absl::Status> barrier;
  ReadBarrier(group(), barrier.Callback());
  EXPECT_TRUE(barrier.Wait().ok());
}

TEST_P(GroupContractTest, TheStatusNamesTheLeaderAndTheVoters) {
  ASSERT_TRUE(Propose("x").ok());
  const GroupStatus status = group().status();
  EXPECT_EQ(status.role, Role::kLeader);
  EXPECT_GE(status.term, Term(1));
  ASSERT_TRUE(status.leader.has_value());
  EXPECT_EQ(status.voters, std::vector<NodeId>{*status.leader});
  EXPECT_GE(status.commit, status.applied);
  EXPECT_TRUE(status.health.ok());
}

TEST_P(GroupContractTest, LeadershipGoesToNobodyButAnotherVoter) {
  ASSERT_TRUE(Propose("x").ok());
  for (NodeId to : {NodeId(987654321), *group().status().leader}) {
    Outcome<absl::Status> outcome;
    group().TransferLeadership(to, outcome.Callback());
    EXPECT_TRUE(absl::IsInvalidArgument(outcome.Wait())) << outcome.Wait();
  }
  EXPECT_TRUE(Propose("still here").ok());
}

TEST_P(GroupContractTest, ManyProposersEachGetTheirOwnResult) {
  constexpr int kThreads = 4, kEach = 50;
  std::mutex mutex;
  std::set<std::string> results;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        auto result = Propose(absl::StrCat(t, ".", i));
        ASSERT_TRUE(result.ok()) << result.status();
        std::lock_guard<std::mutex> lock(mutex);
        EXPECT_TRUE(results.insert(result->result).second);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results.size(), kThreads * kEach);
  EXPECT_EQ(CountingMachine::Read(harness_->state(), group().shard()).size(), kThreads * kEach);
}

TEST_P(GroupContractTest, AFailedDiskEndsInErrorsAndIsTold) {
  ASSERT_TRUE(Propose("before").ok());
  absl::Notification unhealthy;
  std::once_flag once;
  const uint64_t observer = group().AddObserver([&](const GroupStatus& status) {
    if (!status.health.ok()) std::call_once(once, [&] { unhealthy.Notify(); });
  });
  harness_->FailDisk();
  auto outcome = Propose("lost");
  EXPECT_TRUE(absl::IsUnknown(outcome.status()) || absl::IsUnavailable(outcome.status()))
      << outcome.status();
  unhealthy.WaitForNotification();
  group().RemoveObserver(observer);

  EXPECT_FALSE(group().status().health.ok());
  EXPECT_NE(group().status().role, Role::kLeader);
  EXPECT_TRUE(absl::IsUnavailable(Propose("after").status()));
  EXPECT_TRUE(absl::IsUnavailable(ReadIndex().status()));
  EXPECT_TRUE(absl::IsUnavailable(WaitApplied(RaftIndex(1000000))));
  // What is there can still be read.
  EXPECT_EQ(CountingMachine::Read(harness_->state(), group().shard()).at(1), "before");
}

TEST_P(GroupContractTest, StoppingMakesEveryCallback) {
  harness_->Hold();
  Proposed proposed;
  Outcome<absl::Status> wait;
  group().Propose("in flight", proposed.Callback());
  group().WaitApplied(RaftIndex(1000000), wait.Callback());
  std::thread release([this] { harness_->Release(); });
  release.join();
  harness_->Stop();
  EXPECT_TRUE(proposed.done());
  EXPECT_TRUE(wait.done());
  EXPECT_TRUE(proposed.Wait().ok() || absl::IsUnknown(proposed.Wait().status()));
  EXPECT_TRUE(absl::IsUnavailable(wait.Wait()));
}

}  // namespace packetboat::replication::testing
