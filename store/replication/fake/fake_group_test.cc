#include "store/replication/fake/fake_group.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"
#include "store/replication/testing/counting_machine.h"
#include "store/replication/testing/group_contract.h"

namespace packetboat::replication {
namespace {

using testing::ContractHarness;
using testing::ContractParam;
using testing::CountingMachine;
using testing::GroupContractTest;

class FakeHarness : public ContractHarness {
 public:
  FakeHarness() : disk_(kv::Profile::kState), state_(disk_.Open()), machine_(ShardId(3)) {
    FakeGroup::Options options;
    options.shard = ShardId(3);
    options.max_command_bytes = kMaxCommandBytes;
    options.max_in_flight_entries = kMaxInFlightEntries;
    options.max_in_flight_bytes = kMaxInFlightBytes;
    group_ = std::make_unique<FakeGroup>(options, *state_, machine_, clock_);
  }

  Group& group() override { return *group_; }
  const kv::Database& state() override { return *state_; }
  void Hold() override { group_->HoldCommits(true); }
  void Release() override { group_->HoldCommits(false); }
  void FailDisk() override { disk_.FailWrite(absl::InternalError("EIO")); }
  void Stop() override { group_.reset(); }

 private:
  FakeClock clock_;
  kv::FakeDisk disk_;
  std::unique_ptr<kv::Database> state_;
  CountingMachine machine_;
  std::unique_ptr<FakeGroup> group_;
};

INSTANTIATE_TEST_SUITE_P(Fake, GroupContractTest,
                         ::testing::Values(ContractParam{
                             "Fake", [] { return std::make_unique<FakeHarness>(); }}),
                         [](const auto& info) { return info.param.name; });

class ManualGroupTest : public ::testing::Test {
 protected:
  ManualGroupTest() : disk_(kv::Profile::kState), state_(disk_.Open()), machine_(ShardId(0)) {
    Start();
  }

  void Start() {
    FakeGroup::Options options;
    options.mode = FakeGroup::Mode::kManual;
    group_ = std::make_unique<FakeGroup>(options, *state_, machine_, clock_);
  }

  // The outcome is added to outcomes_ when it comes.
  void Propose(std::string command) {
    group_->Propose(std::move(command), [this](absl::StatusOr<ApplyResult> result) {
      outcomes_.push_back(result.ok() ? result->result : result.status().ToString());
    });
  }

  FakeClock clock_;
  kv::FakeDisk disk_;
  std::unique_ptr<kv::Database> state_;
  CountingMachine machine_;
  std::unique_ptr<FakeGroup> group_;
  std::vector<std::string> outcomes_;
};

TEST_F(ManualGroupTest, CommitsOnlyWhenTold) {
  Propose("a");
  Propose("b");
  Propose("c");
  EXPECT_EQ(group_->pending(), 3u);
  EXPECT_EQ(group_->Commit(2), 2u);
  EXPECT_EQ(outcomes_, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(group_->Commit(), 1u);
  EXPECT_EQ(group_->Commit(), 0u);
  EXPECT_EQ(machine_.told(), 3u);
}

TEST_F(ManualGroupTest, InjectedOutcomesAreGivenInOrder) {
  group_->FailNextProposal(absl::UnavailableError("u"));
  group_->FailNextProposal(absl::UnknownError("not"), /*committed=*/false);
  group_->FailNextProposal(absl::UnknownError("yes"), /*committed=*/true);
  for (const char* command : {"a", "b", "c", "d"}) Propose(command);
  group_->Commit();
  EXPECT_EQ(outcomes_,
            (std::vector<std::string>{"UNAVAILABLE: u", "UNKNOWN: not", "UNKNOWN: yes", "2"}));
  EXPECT_EQ(CountingMachine::Read(*state_, ShardId(0)),
            (std::map<uint64_t, std::string>{{1, "c"}, {2, "d"}}));
}

TEST_F(ManualGroupTest, LosingLeadershipLeavesProposalsUnknownAndNamesTheLeader) {
  Propose("a");
  group_->LoseLeadership(NodeId(7));
  Propose("b");
  group_->Commit();
  EXPECT_EQ(outcomes_,
            (std::vector<std::string>{"UNKNOWN: leadership lost", "UNAVAILABLE: not the leader"}));
  EXPECT_EQ(group_->status().leader, NodeId(7));
  EXPECT_EQ(group_->status().role, Role::kFollower);
  group_->GainLeadership();
  Propose("c");
  group_->Commit();
  EXPECT_EQ(outcomes_.back(), "1");
}

TEST_F(ManualGroupTest, GoesOnBehindWhatTheStateHasApplied) {
  Propose("a");
  group_->Commit();
  const RaftIndex before = group_->status().applied;
  const absl::Time log_time = group_->status().log_time;
  group_.reset();
  clock_.JumpWall(-absl::Hours(1));
  Start();
  EXPECT_EQ(group_->status().applied, before);
  Propose("b");
  group_->Commit();
  EXPECT_EQ(outcomes_.back(), "2");
  EXPECT_EQ(group_->status().log_time, log_time + absl::Microseconds(1));
}

}  // namespace
}  // namespace packetboat::replication
