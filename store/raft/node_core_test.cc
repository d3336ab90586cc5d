// One node of three; the test plays its disk and the two others.

#include "store/raft/node_core.h"

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"
#include "store/raft/codec.h"
#include "store/replication/testing/counting_machine.h"

namespace packetboat::raft {
namespace {

constexpr NodeId kPeer(2), kOther(3);
constexpr ShardId kShard(0);

EntryPtr Command(uint64_t term, std::string payload = "x") {
  return std::make_shared<const Entry>(
      Entry{Term(term), EntryType::kCommand, absl::UnixEpoch(), std::move(payload)});
}

class NodeCoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(Options()); }

  void Open(const Options& options) {
    core_.reset();
    disk_ = std::make_unique<kv::FakeDisk>(kv::Profile::kLog);
    state_disk_ = std::make_unique<kv::FakeDisk>(kv::Profile::kState);
    log_ = disk_->Open();
    state_ = state_disk_->Open();
    SeededRandom random(1);
    self_ = EnsureIdentity(*log_, "test", random)->node;
    ASSERT_TRUE(Bootstrap(*log_, 2, {self_, kPeer, kOther}).ok());
    auto core = NodeCore::Open(options, 1, *log_, *state_, clock_);
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
  }

  void Receive(NodeId from, MessageBody body) {
    Frame frame;
    frame.incarnation = 1;
    frame.sequence = ++sequence_;
    frame.messages = {{kShard, std::move(body)}};
    core_->Receive(from, EncodeFrame(frame));
    core_->Settle();
  }

  // What has left since the last time.
  std::vector<std::pair<NodeId, MessageBody>> Sent() {
    std::vector<std::pair<NodeId, MessageBody>> sent;
    for (auto& [to, bytes] : core_->TakeFrames()) {
      auto frame = DecodeFrame(bytes);
      EXPECT_TRUE(frame.ok());
      for (Message& message : frame->messages) sent.emplace_back(to, std::move(message.body));
    }
    return sent;
  }

  // The disk finishes one write.
  LogWrite Write() {
    std::optional<LogWrite> write = core_->TakeLogWrite();
    EXPECT_TRUE(write.has_value());
    EXPECT_TRUE(CarryOut(*write, Options(), *log_).ok());
    return *std::move(write);
  }
  void Written(const LogWrite& write) {
    core_->OnLogWritten(write.number, absl::OkStatus());
    core_->Settle();
  }

  static AppendEntries Append(uint64_t term, uint64_t prev, uint64_t prev_term, uint64_t commit,
                              std::vector<EntryPtr> entries) {
    return AppendEntries{Term(term),        RaftIndex(prev), Term(prev_term),
                         RaftIndex(commit), RaftIndex(0),    std::move(entries)};
  }

  FakeClock clock_;
  std::unique_ptr<kv::FakeDisk> disk_, state_disk_;
  std::unique_ptr<kv::Database> log_, state_;
  NodeId self_;
  std::unique_ptr<NodeCore> core_;
  uint64_t sequence_ = 0;
};

TEST_F(NodeCoreTest, AVoteLeavesOnlyWhenItIsDurable) {
  Receive(kPeer, RequestVote{Term(5), RaftIndex(1), Term(1), false, false});
  EXPECT_TRUE(Sent().empty());
  const LogWrite write = Write();
  EXPECT_TRUE(Sent().empty());
  Written(write);
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(std::get<RequestVoteResult>(sent[0].second).granted);
}

TEST_F(NodeCoreTest, AVoteOutlivesACrashAndIsNotGivenTwice) {
  Receive(kPeer, RequestVote{Term(5), RaftIndex(1), Term(1), false, false});
  Written(Write());
  core_.reset();
  disk_->Crash();
  state_disk_->Crash();
  log_ = disk_->Open();
  state_ = state_disk_->Open();
  core_ = *NodeCore::Open(Options(), 1, *log_, *state_, clock_);
  Receive(kOther, RequestVote{Term(5), RaftIndex(1), Term(1), false, false});
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_FALSE(std::get<RequestVoteResult>(sent[0].second).granted);
}

TEST_F(NodeCoreTest, AnAppendIsAcknowledgedOnlyWhenItIsDurable) {
  Receive(kPeer, Append(2, 1, 1, 1, {Command(2), Command(2)}));
  EXPECT_TRUE(Sent().empty());
  Written(Write());
  const auto sent = Sent();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(std::get<AppendEntriesResult>(sent.back().second).last_index, RaftIndex(3));
}

TEST_F(NodeCoreTest, NothingIsAppliedBeforeItIsDurableHere) {
  (void)core_->TakeApplies();
  // The two others have it, and this node is told so: it is committed.
  Receive(kPeer, Append(2, 1, 1, 3, {Command(2), Command(2)}));
  EXPECT_EQ(core_->group(kShard).core().commit(), RaftIndex(3));
  core_->OnApplied({kShard, absl::OkStatus(), {RaftIndex(1), Term(1), absl::UnixEpoch()}});
  EXPECT_TRUE(core_->TakeApplies().empty());
  Written(Write());
  const auto applies = core_->TakeApplies();
  ASSERT_EQ(applies.size(), 1u);
  EXPECT_EQ(applies[0].first, RaftIndex(2));
  EXPECT_EQ(applies[0].entries.size(), 2u);
}

TEST_F(NodeCoreTest, AStaleCompletionAcknowledgesNothing) {
  Receive(kPeer, Append(2, 1, 1, 1, {Command(2), Command(2), Command(2)}));
  const LogWrite stale = Write();
  // Another leader replaces entries 3 and 4 while they are being written.
  Receive(kOther, Append(3, 2, 2, 1, {Command(3)}));
  (void)Sent();
  Written(stale);
  for (const auto& [to, body] : Sent()) {
    if (const auto* result = std::get_if<AppendEntriesResult>(&body)) {
      EXPECT_LE(result->last_index, RaftIndex(2));
    }
  }
  Written(Write());
  const auto sent = Sent();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.back().first, kOther);
  EXPECT_EQ(std::get<AppendEntriesResult>(sent.back().second).last_index, RaftIndex(3));
}

TEST_F(NodeCoreTest, LateAndRepeatedFramesAreDropped) {
  Frame frame;
  frame.incarnation = 1;
  frame.sequence = 10;
  frame.messages = {{kShard, Append(2, 1, 1, 1, {})}};
  const std::string bytes = EncodeFrame(frame);
  core_->Receive(kPeer, bytes);
  EXPECT_EQ(core_->dropped_frames(), 0u);
  core_->Receive(kPeer, bytes);
  frame.sequence = 9;
  core_->Receive(kPeer, EncodeFrame(frame));
  core_->Receive(kPeer, "rubbish");
  EXPECT_EQ(core_->dropped_frames(), 3u);
  // The peer's next life begins again.
  frame.incarnation = 2;
  frame.sequence = 1;
  core_->Receive(kPeer, EncodeFrame(frame));
  EXPECT_EQ(core_->dropped_frames(), 3u);
  frame.incarnation = 1;
  frame.sequence = 11;
  core_->Receive(kPeer, EncodeFrame(frame));
  EXPECT_EQ(core_->dropped_frames(), 4u);
}

TEST_F(NodeCoreTest, AMessageForAnUnknownShardIsDropped) {
  Frame frame;
  frame.incarnation = 1;
  frame.sequence = 1;
  frame.messages = {{ShardId(99), Append(2, 1, 1, 1, {})}};
  core_->Receive(kPeer, EncodeFrame(frame));
  core_->Settle();
  EXPECT_TRUE(Sent().empty());
}

class LeaderTest : public NodeCoreTest {
 protected:
  // Leads in term 2; only the barrier of that term is not committed yet.
  void WinElection(const Options& options) {
    Open(options);
    clock_.Advance(absl::Seconds(2));
    core_->Tick();
    core_->Settle();
    Receive(kPeer, RequestVoteResult{Term(2), true, true});
    Written(Write());
    Receive(kPeer, RequestVoteResult{Term(2), true, false});
    ASSERT_TRUE(core_->group(kShard).core().leads());
    Written(Write());
  }

  void Lead(const Options& options) {
    WinElection(options);
    // Both followers have everything.
    Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(2)});
    Receive(kOther, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(2)});
    (void)Sent();
    first_applies_ = core_->TakeApplies();
    (void)core_->TakeCallbacks();
  }

  void Propose(std::string command) {
    static InFlight unbounded(SIZE_MAX, SIZE_MAX);
    const size_t size = command.size();
    core_->group(kShard).Propose(Proposal{std::move(command),
                                          [this](absl::StatusOr<replication::ApplyResult> result) {
                                            outcomes_.push_back(result.status());
                                          },
                                          *unbounded.Take(size)});
  }

  void MakeCallbacks() {
    for (Callback& callback : core_->TakeCallbacks()) callback();
  }

  std::vector<absl::Status> outcomes_;
  std::vector<ApplyWork> first_applies_;  // under way since Lead()
};

TEST_F(LeaderTest, AppendsGoOutInPiecesOfBoundedSize) {
  Options options;
  options.max_append_bytes = 3000;
  options.max_frame_bytes = 5000;
  Lead(options);
  for (int i = 0; i < 20; ++i) Propose(std::string(1000, 'x'));
  core_->Settle();
  size_t pieces = 0;
  RaftIndex next(3);
  for (auto& [to, bytes] : core_->TakeFrames()) {
    EXPECT_LE(bytes.size(), 5000u + 100);
    if (to != kPeer) continue;
    auto frame = DecodeFrame(bytes);
    ASSERT_TRUE(frame.ok());
    for (Message& message : frame->messages) {
      const auto* append = std::get_if<AppendEntries>(&message.body);
      if (append == nullptr || append->entries.empty()) continue;
      ++pieces;
      EXPECT_LE(append->entries.size(), 2u);
      EXPECT_EQ(append->prev_index, Previous(next));
      EXPECT_EQ(append->prev_term, Term(2));
      next = RaftIndex(next.value() + append->entries.size());
    }
  }
  EXPECT_EQ(next, RaftIndex(23));
  EXPECT_EQ(pieces, 10u);
}

TEST_F(LeaderTest, ProposalsOfOneTurnAreOneWriteAndOneAppend) {
  Lead(Options());
  for (int i = 0; i < 5; ++i) Propose(absl::StrCat(i));
  core_->Settle();
  EXPECT_EQ(Write().batch.size(), 5u);
  EXPECT_EQ(Sent().size(), 2u);
}

TEST_F(LeaderTest, SmallCommandsOvertakeLargeOnesAndAWriteIsBounded) {
  Options options;
  options.small_command_bytes = 10;
  options.max_log_write_bytes = 100;
  Lead(options);
  const auto payload = [&](uint64_t index) {
    auto entries = core_->group(kShard).log().Read(RaftIndex(index), 1, 1 << 20);
    return entries.ok() ? (*entries)[0]->payload : entries.status().ToString();
  };
  const std::string large(60, 'L');
  for (int i = 0; i < 4; ++i) Propose(large);
  Propose("a");
  core_->Settle();
  // The small one first; then large ones until the write holds a hundred octets.
  const LogWrite first = Write();
  EXPECT_EQ(payload(3), "a");
  EXPECT_EQ(payload(4), large);
  EXPECT_LT(core_->group(kShard).log().last(), RaftIndex(7));
  Propose("b");
  Written(first);
  const LogWrite second = Write();
  const uint64_t overtaken = 3 + first.batch.size();
  EXPECT_EQ(payload(overtaken), "b");
  Written(second);
  while (auto write = core_->TakeLogWrite()) Written(*write);
  EXPECT_EQ(core_->group(kShard).log().last(), RaftIndex(8));
}

TEST_F(LeaderTest, ALostLeadershipLeavesProposalsUnknown) {
  Lead(Options());
  Propose("in the log");
  core_->Settle();
  Receive(kPeer, Append(3, 2, 2, 2, {}));
  Propose("too late");
  core_->Settle();
  MakeCallbacks();
  ASSERT_EQ(outcomes_.size(), 2u);
  EXPECT_EQ(outcomes_[0].code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(outcomes_[1].code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(core_->group(kShard).Status().leader, kPeer);
}

TEST_F(LeaderTest, AReadIsAnsweredByAMajorityAfterItArrived) {
  Lead(Options());
  std::vector<absl::StatusOr<RaftIndex>> answers;
  const auto read = [&] {
    core_->group(kShard).ReadIndex(
        [&](absl::StatusOr<RaftIndex> index) { answers.push_back(index); });
    core_->Settle();
  };
  read();
  read();
  uint64_t round = 0;
  size_t asked = 0;
  for (const auto& [to, body] : Sent()) {
    if (const auto* m = std::get_if<ReadRound>(&body)) {
      round = m->round;
      ++asked;
    }
  }
  EXPECT_EQ(asked, 4u);  // two rounds, two peers
  MakeCallbacks();
  EXPECT_TRUE(answers.empty());
  // An answer to the first round says nothing of the second.
  Receive(kPeer, ReadRoundResult{Term(2), round - 1});
  MakeCallbacks();
  EXPECT_EQ(answers.size(), 1u);
  Receive(kOther, ReadRoundResult{Term(1), round});
  MakeCallbacks();
  EXPECT_EQ(answers.size(), 1u);
  Receive(kOther, ReadRoundResult{Term(2), round});
  MakeCallbacks();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(*answers[1], RaftIndex(2));
}

TEST_F(LeaderTest, NothingIsReadBeforeAnEntryOfTheOwnTermIsCommitted) {
  WinElection(Options());
  (void)Sent();
  std::vector<absl::StatusOr<RaftIndex>> answers;
  core_->group(kShard).ReadIndex(
      [&](absl::StatusOr<RaftIndex> index) { answers.push_back(index); });
  core_->Settle();
  const auto rounds = [&] {
    std::vector<uint64_t> rounds;
    for (const auto& [to, body] : Sent()) {
      if (const auto* m = std::get_if<ReadRound>(&body)) rounds.push_back(m->round);
    }
    return rounds;
  };
  // What earlier leaders have committed, this one cannot know yet.
  EXPECT_TRUE(rounds().empty());
  Receive(kPeer, ReadRoundResult{Term(2), 1});
  MakeCallbacks();
  EXPECT_TRUE(answers.empty());
  Receive(kOther, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(2)});
  const std::vector<uint64_t> asked = rounds();
  ASSERT_FALSE(asked.empty());
  Receive(kOther, ReadRoundResult{Term(2), asked.back()});
  MakeCallbacks();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(*answers[0], RaftIndex(2));
}

TEST_F(LeaderTest, AReadThatNobodyConfirmsFailsInTime) {
  Lead(Options());
  std::vector<absl::Status> answers;
  core_->group(kShard).ReadIndex(
      [&](absl::StatusOr<RaftIndex> index) { answers.push_back(index.status()); });
  core_->Settle();
  clock_.Advance(Options().read_timeout);
  core_->Tick();
  MakeCallbacks();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(answers[0]));
}

TEST_F(LeaderTest, ReadsAndWaitsAreBounded) {
  Options options;
  options.max_reads_waiting = 3;
  options.max_applies_waiting = 2;
  Lead(options);
  std::vector<absl::Status> reads, waits;
  for (int i = 0; i < 4; ++i) {
    core_->group(kShard).ReadIndex(
        [&](absl::StatusOr<RaftIndex> index) { reads.push_back(index.status()); });
  }
  for (int i = 0; i < 3; ++i) {
    core_->group(kShard).WaitApplied(RaftIndex(1000),
                                     [&](absl::Status status) { waits.push_back(status); });
  }
  MakeCallbacks();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_TRUE(absl::IsResourceExhausted(reads[0]));
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_TRUE(absl::IsResourceExhausted(waits[0]));
}

TEST_F(LeaderTest, ReadsOfOtherNodesCountToo) {
  Options options;
  options.max_reads_waiting = 2;
  Lead(options);
  for (uint64_t request = 1; request <= 3; ++request) Receive(kOther, ReadIndexRequest{request});
  size_t refused = 0;
  for (const auto& [to, body] : Sent()) {
    if (const auto* result = std::get_if<ReadIndexResult>(&body)) {
      EXPECT_EQ(result->request, 3u);
      EXPECT_FALSE(result->index.has_value());
      ++refused;
    }
  }
  EXPECT_EQ(refused, 1u);
}

TEST_F(LeaderTest, LogTimeAscendsThoughTheClockGoesBack) {
  Lead(Options());
  Propose("a");
  core_->Settle();
  clock_.JumpWall(-absl::Hours(1));
  Propose("b");
  Propose("c");
  core_->Settle();
  auto entries = core_->group(kShard).log().Read(RaftIndex(3), 3, 1 << 20);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[1]->log_time, (*entries)[0]->log_time + absl::Microseconds(1));
  EXPECT_EQ((*entries)[2]->log_time, (*entries)[1]->log_time + absl::Microseconds(1));
}

TEST_F(LeaderTest, AStalledLeaderSaysNothing) {
  Lead(Options());
  Propose("x");
  core_->Settle();
  const LogWrite write = Write();
  (void)Sent();
  clock_.Advance(Options().disk_stall);
  core_->Tick();
  core_->Settle();
  EXPECT_TRUE(core_->stalled());
  EXPECT_TRUE(Sent().empty());
  Written(write);
  EXPECT_FALSE(core_->stalled());
}

// --- The crash table of docs/internals/replication.md: one test for each row, which kills there.
// ---

class CrashPointTest : public LeaderTest {
 protected:
  void SetUp() override {
    appliers_.clear();
    Lead(Options());
    Apply();
    (void)core_->TakeCallbacks();
  }

  // Carries out all applies that are there, and reports them.
  void Apply() {
    for (bool any = true; any;) {
      any = false;
      std::vector<ApplyWork> works = std::exchange(first_applies_, {});
      for (ApplyWork& work : core_->TakeApplies()) works.push_back(std::move(work));
      for (ApplyWork& work : works) {
        any = true;
        const ShardId shard = work.shard;
        auto it = appliers_.find(shard);
        if (it == appliers_.end()) {
          it =
              appliers_
                  .emplace(std::piecewise_construct, std::forward_as_tuple(shard),
                           std::forward_as_tuple(shard, core_->recovered(shard), *state_, machine_))
                  .first;
        }
        std::vector<Callback> callbacks;
        core_->OnApplied(RunApply(std::move(work), it->second, &callbacks));
        for (Callback& callback : callbacks) callback();
      }
      core_->Settle();
    }
  }

  // The power goes; of what was not synced `survivors` writes are left. Then the node starts again.
  void Crash(uint64_t survivors = 0) {
    core_.reset();
    first_applies_.clear();
    appliers_.clear();
    disk_->Crash(survivors);
    state_disk_->Crash();
    log_ = disk_->Open();
    state_ = state_disk_->Open();
    auto core = NodeCore::Open(Options(), 1, *log_, *state_, clock_);
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
  }

  // After the restart: another leader of term 3 has entries up to `last`, all committed.
  void FollowUpTo(uint64_t last, uint64_t last_term) {
    Receive(kPeer, Append(3, last, last_term, last, {}));
    while (auto write = core_->TakeLogWrite()) {
      ASSERT_TRUE(CarryOut(*write, Options(), *log_).ok());
      Written(*write);
    }
    Apply();
  }

  RaftIndex Last() const { return core_->group(kShard).log().last(); }
  std::vector<std::string> Commands() const {
    std::vector<std::string> commands;
    for (auto& [number, command] : replication::testing::CountingMachine::Read(*state_, kShard)) {
      commands.push_back(command);
    }
    return commands;
  }
  using Strings = std::vector<std::string>;

  replication::testing::CountingMachine machine_{kShard};
  std::map<ShardId, replication::Applier> appliers_;
};

TEST_F(CrashPointTest, AcceptedAndNotWritten) {
  Propose("x");
  core_->Settle();
  ASSERT_TRUE(core_->TakeLogWrite().has_value());
  Crash();
  EXPECT_EQ(Last(), RaftIndex(2));
  EXPECT_TRUE(outcomes_.empty());
}

TEST_F(CrashPointTest, WrittenAndNotSynced) {
  for (const uint64_t survivors : {0, 1}) {
    SetUp();
    Propose("x");
    core_->Settle();
    const std::optional<LogWrite> write = core_->TakeLogWrite();
    ASSERT_TRUE(write.has_value());
    ASSERT_TRUE(log_->Write(write->batch, kv::Durability::kLazy).ok());
    Crash(survivors);
    EXPECT_EQ(Last(), RaftIndex(2 + survivors));
    EXPECT_TRUE(outcomes_.empty());
  }
}

TEST_F(CrashPointTest, SyncedAndNotReported) {
  Propose("x");
  core_->Settle();
  Write();
  Crash();
  EXPECT_EQ(Last(), RaftIndex(3));
  EXPECT_TRUE(outcomes_.empty());
  // It was not committed: the next leader, which does not have it, replaces it.
  Receive(kPeer, Append(3, 2, 2, 2, {Command(3, "y")}));
  Written(Write());
  Apply();
  FollowUpTo(3, 3);
  EXPECT_EQ(Commands(), Strings{"y"});
}

TEST_F(CrashPointTest, DurableHereAndNotYetAtAMajority) {
  Propose("x");
  core_->Settle();
  Written(Write());
  Apply();
  EXPECT_TRUE(outcomes_.empty());
  EXPECT_EQ(core_->group(kShard).core().commit(), RaftIndex(2));
  Crash();
  EXPECT_EQ(Last(), RaftIndex(3));
  EXPECT_EQ(Commands(), Strings{});
}

TEST_F(CrashPointTest, AtAMajorityAndNotDurableHere) {
  Propose("x");
  core_->Settle();
  const LogWrite write = Write();
  Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(3)});
  Receive(kOther, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(3)});
  Apply();
  // Two of three have it; what is answered is durable here too.
  EXPECT_TRUE(outcomes_.empty());
  Written(write);
  Apply();
  ASSERT_EQ(outcomes_.size(), 1u);
  EXPECT_TRUE(outcomes_[0].ok());
}

TEST_F(CrashPointTest, CommittedAndNotApplied) {
  Propose("x");
  core_->Settle();
  Written(Write());
  Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(3)});
  EXPECT_EQ(core_->group(kShard).core().commit(), RaftIndex(3));
  Crash();
  EXPECT_EQ(Last(), RaftIndex(3));
  EXPECT_TRUE(outcomes_.empty());
  EXPECT_EQ(Commands(), Strings{});
  // Every later leader has it.
  FollowUpTo(3, 2);
  EXPECT_EQ(Commands(), Strings{"x"});
}

TEST_F(CrashPointTest, AppliedAndNotFlushed) {
  Propose("x");
  core_->Settle();
  Written(Write());
  Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(3)});
  Apply();
  ASSERT_EQ(outcomes_.size(), 1u);
  EXPECT_TRUE(outcomes_[0].ok());
  EXPECT_EQ(Commands(), Strings{"x"});
  Crash();
  EXPECT_EQ(Commands(), Strings{});
  EXPECT_EQ(Last(), RaftIndex(3));
  FollowUpTo(3, 2);
  EXPECT_EQ(Commands(), Strings{"x"});
}

TEST_F(CrashPointTest, AppliedAndFlushed) {
  Propose("x");
  core_->Settle();
  Written(Write());
  Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(3)});
  Apply();
  ASSERT_TRUE(state_->Flush().ok());
  Crash();
  EXPECT_EQ(Commands(), Strings{"x"});
  EXPECT_EQ(core_->recovered(kShard).index, RaftIndex(3));
  FollowUpTo(3, 2);
  EXPECT_EQ(Commands(), Strings{"x"});
}

TEST_F(CrashPointTest, AFollowerThatHasItAndHasNotSaidSo) {
  Crash();
  Receive(kPeer, Append(3, 2, 2, 2, {Command(3, "x")}));
  Write();
  EXPECT_TRUE(Sent().empty());
  Crash();
  EXPECT_EQ(Last(), RaftIndex(3));
  // The leader asks again, and gets the same answer as if nothing had been lost.
  Receive(kPeer, Append(3, 2, 2, 2, {Command(3, "x")}));
  while (auto write = core_->TakeLogWrite()) {
    ASSERT_TRUE(CarryOut(*write, Options(), *log_).ok());
    Written(*write);
  }
  const auto sent = Sent();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(std::get<AppendEntriesResult>(sent.back().second).last_index, RaftIndex(3));
}

}  // namespace
}  // namespace packetboat::raft
