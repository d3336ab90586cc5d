// The rules of libraft's use, each broken by a peer that says what no correct node says.

#include "store/raft/core.h"

#include <errno.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"
#include "store/raft/codec.h"

namespace packetboat::raft {
namespace {

constexpr NodeId kSelf(1), kPeer(2), kOther(3);

EntryPtr Command(uint64_t term, std::string payload = "x") {
  return std::make_shared<const Entry>(
      Entry{Term(term), EntryType::kCommand, absl::UnixEpoch(), std::move(payload)});
}

EntryPtr ConfigurationEntry(uint64_t term, const std::vector<NodeId>& ids) {
  Configuration configuration;
  for (NodeId id : ids) configuration.servers.push_back({id, ServerRole::kVoter});
  return std::make_shared<const Entry>(Entry{Term(term), EntryType::kConfiguration,
                                             absl::UnixEpoch(),
                                             EncodeConfiguration(configuration)});
}

// A core with its log; what is appended is durable when the test says so.
class CoreTest : public ::testing::Test {
 protected:
  CoreTest() : log_(ShardId(0), *db_, 1 << 20), core_(Options(), log_) {}

  static Core::Options Options() {
    Core::Options options;
    options.id = kSelf;
    return options;
  }

  void StartWith(std::vector<EntryPtr> entries, HardState state) {
    log_.Append(RaftIndex(1), entries);
    persisted_ = log_.last();
    Take(core_.Start(now_, state));
  }
  // Three voters, five entries of term 1.
  void StartFollower() {
    StartWith({ConfigurationEntry(1, {kSelf, kPeer, kOther}), Command(1), Command(1), Command(1),
               Command(1)},
              {Term(1), NodeId(0)});
  }
  // Leader of term 2, with its barrier at 6.
  void BecomeLeader() {
    StartFollower();
    now_ += 2000;
    Take(core_.Tick(now_));
    ASSERT_EQ(core_.role(), Core::Role::kCandidate);
    ASSERT_TRUE(Receive(kPeer, RequestVoteResult{Term(2), true, true}));
    ASSERT_TRUE(Receive(kPeer, RequestVoteResult{Term(2), true, false}));
    ASSERT_TRUE(core_.leads());
    Persist();
  }

  void Take(Update update) {
    if (update.append.has_value()) {
      log_.Append(update.append->first, update.append->entries);
      persisted_ = std::min(persisted_, Previous(update.append->first));
    }
    sent_ = std::move(update.messages);
    if (update.hard_state.has_value()) hard_state_ = *update.hard_state;
  }

  bool Receive(NodeId from, MessageBody body) {
    auto update = core_.Receive(now_, from, body);
    if (!update.ok()) return false;
    Take(*std::move(update));
    return true;
  }

  void Persist() {
    if (log_.last() <= persisted_) return;
    persisted_ = log_.last();
    Take(core_.Persisted(now_, persisted_));
  }

  AppendEntries Append(uint64_t term, uint64_t prev, uint64_t prev_term, uint64_t commit,
                       std::vector<EntryPtr> entries) {
    return AppendEntries{Term(term),        RaftIndex(prev), Term(prev_term),
                         RaftIndex(commit), RaftIndex(0),    std::move(entries)};
  }

  kv::FakeDisk disk_{kv::Profile::kLog};
  std::unique_ptr<kv::Database> db_ = disk_.Open();
  EntryLog log_;
  Core core_;
  int64_t now_ = 1000;
  RaftIndex persisted_;
  HardState hard_state_;
  std::vector<Update::Outgoing> sent_;
};

TEST_F(CoreTest, ALoneVoterLeadsFromTheStartInTheTermItIsGiven) {
  Configuration lone;
  lone.servers = {{kSelf, ServerRole::kVoter}};
  EXPECT_TRUE(Core::MustRaiseTerm(lone, kSelf));
  EXPECT_FALSE(Core::MustRaiseTerm(lone, kPeer));
  // A standby does not vote, and would yet see two entries at one index and term.
  lone.servers.push_back({kPeer, ServerRole::kStandby});
  EXPECT_TRUE(Core::MustRaiseTerm(lone, kSelf));
  lone.servers[1].role = ServerRole::kVoter;
  EXPECT_FALSE(Core::MustRaiseTerm(lone, kSelf));

  StartWith({ConfigurationEntry(1, {kSelf}), Command(1)}, {Term(5), kSelf});
  EXPECT_TRUE(core_.leads());
  EXPECT_EQ(core_.term(), Term(5));
  EXPECT_EQ(core_.commit(), RaftIndex(2));
}

TEST_F(CoreTest, AnElectionIsWonByPreVoteThenVote) {
  BecomeLeader();
  EXPECT_EQ(core_.term(), Term(2));
  EXPECT_EQ(hard_state_, (HardState{Term(2), kSelf}));
  EXPECT_EQ(log_.last(), RaftIndex(6));
  EXPECT_EQ(log_.last_term(), Term(2));
}

TEST_F(CoreTest, AnEntryIsCommittedOnceAMajorityHasIt) {
  BecomeLeader();
  EXPECT_EQ(core_.commit(), RaftIndex(1));
  ASSERT_TRUE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(6)}));
  EXPECT_EQ(core_.commit(), RaftIndex(6));
  EXPECT_EQ(core_.Match(kPeer), RaftIndex(6));
}

TEST_F(CoreTest, ALateDuplicateDoesNotLowerTheCommitIndex) {
  StartFollower();
  ASSERT_TRUE(Receive(kPeer, Append(2, 5, 1, 7, {Command(2), Command(2), Command(2)})));
  Persist();
  EXPECT_EQ(core_.commit(), RaftIndex(7));
  ASSERT_TRUE(Receive(kPeer, Append(2, 2, 1, 8, {Command(1)})));
  EXPECT_EQ(core_.commit(), RaftIndex(7));
  ASSERT_TRUE(Receive(kPeer, Append(2, 8, 2, 8, {})));
  EXPECT_EQ(core_.commit(), RaftIndex(8));
}

TEST_F(CoreTest, ConfigurationsStandFirstInTheirPiece) {
  AppendEntries append =
      Append(2, 5, 1, 5,
             {Command(2, "a"), ConfigurationEntry(2, {kSelf, kPeer}), Command(2, "b"),
              ConfigurationEntry(2, {kSelf}), ConfigurationEntry(2, {kSelf, kPeer})});
  EXPECT_FALSE(core_.Receive(now_, kPeer, append).ok());
  const auto pieces = Core::SplitAtConfigurations(append);
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_EQ(pieces[1].prev_index, RaftIndex(6));
  EXPECT_EQ(pieces[1].prev_term, Term(2));
  EXPECT_EQ(pieces[1].entries.size(), 2u);
  EXPECT_EQ(pieces[3].prev_index, RaftIndex(9));
  EXPECT_EQ(Core::SplitAtConfigurations(Append(2, 5, 1, 5, {})).size(), 1u);
}

TEST_F(CoreTest, AConfigurationIsNotedAtItsOwnIndexAndCountsWhenApplied) {
  StartFollower();
  const EntryPtr changed = ConfigurationEntry(2, {kSelf, kPeer});
  for (AppendEntries& piece :
       Core::SplitAtConfigurations(Append(2, 5, 1, 5, {Command(2), changed, Command(2)}))) {
    ASSERT_TRUE(Receive(kPeer, piece));
  }
  EXPECT_EQ(core_.configuration().Voters().size(), 2u);
  // The next one has to wait until this one is applied: a roll-back would end at a wrong one.
  EXPECT_FALSE(Receive(kPeer, Append(2, 8, 2, 5, {ConfigurationEntry(2, {kSelf})})));
  Persist();
  RaftIndex at;
  const Configuration configuration = log_.ConfigurationAt(RaftIndex(8), &at);
  EXPECT_EQ(at, RaftIndex(7));
  Take(core_.ConfigurationApplied(now_, at, configuration));
  EXPECT_TRUE(Receive(kPeer, Append(2, 8, 2, 8, {ConfigurationEntry(2, {kSelf})})));
}

TEST_F(CoreTest, ARolledBackConfigurationGivesWayToTheOneBefore) {
  StartFollower();
  ASSERT_TRUE(Receive(kPeer, Append(2, 5, 1, 5, {ConfigurationEntry(2, {kSelf, kPeer})})));
  Persist();
  EXPECT_EQ(core_.configuration().Voters().size(), 2u);
  ASSERT_TRUE(Receive(kOther, Append(3, 5, 1, 5, {Command(3)})));
  EXPECT_EQ(core_.configuration().Voters().size(), 3u);
}

TEST_F(CoreTest, WhatIsCommittedIsNotReplaced) {
  StartFollower();
  ASSERT_TRUE(Receive(kPeer, Append(2, 5, 1, 5, {})));
  EXPECT_FALSE(Receive(kPeer, Append(2, 2, 1, 5, {Command(2)})));
  EXPECT_FALSE(Receive(kPeer, Append(2, 3, 2, 5, {Command(2)})));
  EXPECT_EQ(log_.last(), RaftIndex(5));
}

TEST_F(CoreTest, AnAppendThatReachesBeforeTheCutLogIsTrimmed) {
  StartFollower();
  ASSERT_TRUE(Receive(kPeer, Append(2, 5, 1, 5, {})));
  const LogStart start = log_.StartAt(RaftIndex(4), absl::UnixEpoch());
  Take(core_.Cut(now_, start));
  log_.Cut(start);
  const EntryPtr first = ConfigurationEntry(1, {kSelf, kPeer, kOther});
  EXPECT_TRUE(Receive(
      kPeer,
      Append(2, 0, 0, 5, {first, Command(1), Command(1), Command(1), Command(1), Command(2)})));
  EXPECT_EQ(log_.last(), RaftIndex(6));
  EXPECT_TRUE(Receive(kPeer, Append(2, 0, 0, 5, {first, Command(1)})));
  EXPECT_TRUE(Receive(kPeer, Append(2, 2, 1, 5, {Command(1)})));
  EXPECT_FALSE(
      Receive(kPeer, Append(2, 0, 0, 5, {first, Command(1), Command(1), Command(2), Command(2)})));
}

TEST_F(CoreTest, ASecondLeaderOfATermIsNotHeard) {
  StartFollower();
  ASSERT_TRUE(Receive(kPeer, Append(2, 5, 1, 5, {})));
  EXPECT_FALSE(Receive(kOther, Append(2, 5, 1, 5, {})));
  EXPECT_TRUE(Receive(kOther, Append(3, 5, 1, 5, {})));
}

TEST_F(CoreTest, WhoVotedHearsTheLeaderOfTheNewTermAtOnce) {
  StartFollower();
  ASSERT_TRUE(Receive(kPeer, Append(2, 5, 1, 5, {})));
  EXPECT_EQ(core_.leader(), kPeer);
  // Leadership is being handed over: the vote asks those who have a leader too.
  ASSERT_TRUE(Receive(kOther, RequestVote{Term(3), RaftIndex(5), Term(1), true, false}));
  ASSERT_EQ(core_.term(), Term(3));
  EXPECT_EQ(core_.leader(), std::nullopt);
  EXPECT_TRUE(Receive(kOther, Append(3, 5, 1, 5, {})));
  EXPECT_EQ(core_.leader(), kOther);
  EXPECT_FALSE(Receive(kPeer, Append(3, 5, 1, 5, {})));
}

TEST_F(CoreTest, ALeaderHearsNoOtherOfItsOwnTerm) {
  BecomeLeader();
  EXPECT_FALSE(Receive(kPeer, Append(2, 5, 1, 5, {})));
  EXPECT_TRUE(core_.leads());
  EXPECT_TRUE(Receive(kPeer, Append(3, 6, 2, 5, {})));
  EXPECT_FALSE(core_.leads());
}

TEST_F(CoreTest, MalformedAppendsAreDropped) {
  StartFollower();
  EXPECT_FALSE(Receive(kPeer, Append(0, 5, 1, 5, {})));
  EXPECT_FALSE(Receive(kPeer, Append(2, 0, 1, 5, {})));
  EXPECT_FALSE(Receive(kPeer, Append(2, 5, 0, 5, {})));
  EXPECT_FALSE(Receive(kPeer, Append(2, 5, 3, 5, {})));
  EXPECT_FALSE(Receive(kPeer, Append(2, 5, 1, 5, {Command(3)})));
  EXPECT_FALSE(Receive(kPeer, Append(3, 5, 1, 5, {Command(3), Command(2)})));
  EXPECT_FALSE(Receive(kPeer, Append(2, 5, 1, 5, {Command(0)})));
  EXPECT_FALSE(Receive(kSelf, Append(2, 5, 1, 5, {})));
  EXPECT_FALSE(Receive(NodeId(0), Append(2, 5, 1, 5, {})));
}

TEST_F(CoreTest, ALogThatDoesNotBeginWithAConfigurationIsDropped) {
  StartWith({}, {Term(0), NodeId(0)});
  EXPECT_FALSE(Receive(kPeer, Append(2, 0, 0, 0, {Command(1)})));
  EXPECT_TRUE(Receive(kPeer, Append(2, 0, 0, 0, {ConfigurationEntry(1, {kPeer}), Command(1)})));
}

TEST_F(CoreTest, ResultsThatTakeBackWhatWasAcknowledgedAreDropped) {
  BecomeLeader();
  ASSERT_TRUE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(5)}));
  EXPECT_FALSE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(5), RaftIndex(2)}));
  EXPECT_FALSE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(6), RaftIndex(2)}));
  EXPECT_FALSE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(6), RaftIndex(6)}));
  EXPECT_FALSE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(99)}));
  EXPECT_FALSE(Receive(NodeId(77), AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(6)}));
  EXPECT_EQ(core_.commit(), RaftIndex(1));
}

TEST_F(CoreTest, APreVoteForATermThatWasNotAskedForIsDropped) {
  StartFollower();
  EXPECT_FALSE(Receive(kPeer, RequestVoteResult{Term(2), true, true}));
  now_ += 2000;
  Take(core_.Tick(now_));
  EXPECT_FALSE(Receive(kPeer, RequestVoteResult{Term(3), true, true}));
  EXPECT_TRUE(Receive(kPeer, RequestVoteResult{Term(2), true, true}));
}

TEST_F(CoreTest, OnlyTheLeaderMayHandOver) {
  StartFollower();
  ASSERT_TRUE(Receive(kPeer, Append(2, 5, 1, 5, {})));
  EXPECT_FALSE(Receive(kOther, TimeoutNow{Term(2), RaftIndex(5), Term(1)}));
  EXPECT_FALSE(Receive(kPeer, TimeoutNow{Term(3), RaftIndex(5), Term(1)}));
  EXPECT_TRUE(Receive(kPeer, TimeoutNow{Term(2), RaftIndex(5), Term(1)}));
  EXPECT_EQ(core_.role(), Core::Role::kCandidate);
  EXPECT_EQ(core_.term(), Term(3));
}

TEST_F(CoreTest, NothingIsSubmittedWhileHandingOver) {
  BecomeLeader();
  EXPECT_FALSE(core_.Transfer(now_, kSelf).ok());
  EXPECT_FALSE(core_.Transfer(now_, NodeId(77)).ok());
  auto update = core_.Transfer(now_, kPeer);
  ASSERT_TRUE(update.ok());
  Take(*std::move(update));
  EXPECT_TRUE(core_.transferring());
  EXPECT_EQ(core_.Submit(now_, {Command(2)}).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(CoreTest, ChangesOfMembershipAreOneStepAtATime) {
  BecomeLeader();
  const auto configure = [&](const std::vector<Server>& servers) {
    Configuration next;
    next.servers = servers;
    auto update = core_.Configure(now_, next);
    if (update.ok()) Take(*std::move(update));
    return update.status().code();
  };
  constexpr auto kVoter = ServerRole::kVoter;
  constexpr auto kStandby = ServerRole::kStandby;
  constexpr NodeId kNew(4);
  const std::vector<Server> joined = {
      {kSelf, kVoter}, {kPeer, kVoter}, {kOther, kVoter}, {kNew, kStandby}};
  // Nothing of this term is committed yet.
  EXPECT_EQ(configure(joined), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(6)}));
  // Nobody in another's place, no two steps, no other order, never without voters.
  EXPECT_EQ(configure({{kSelf, kVoter}, {kPeer, kVoter}, {kNew, kVoter}}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(configure({{kSelf, kVoter}}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(configure({{kSelf, kVoter}, {kPeer, kStandby}, {kOther, kStandby}}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(configure({{kPeer, kVoter}, {kSelf, kVoter}, {kOther, kVoter}}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(configure({{kNew, kStandby}, {kSelf, kVoter}, {kPeer, kVoter}, {kOther, kVoter}}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(configure({}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(log_.last(), RaftIndex(6));

  EXPECT_EQ(configure(joined), absl::StatusCode::kOk);
  EXPECT_EQ(log_.last(), RaftIndex(7));
  EXPECT_EQ(core_.configuration().servers.size(), 4u);
  // One at a time: until this one is committed and applied.
  EXPECT_EQ(configure(joined), absl::StatusCode::kFailedPrecondition);
  Persist();
  ASSERT_TRUE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(7)}));
  EXPECT_EQ(configure(joined), absl::StatusCode::kFailedPrecondition);
  Take(core_.ConfigurationApplied(now_, RaftIndex(7), core_.configuration()));
  EXPECT_EQ(configure({{kSelf, kVoter}, {kPeer, kVoter}, {kOther, kVoter}}), absl::StatusCode::kOk);
}

TEST_F(CoreTest, OnlyALeaderChangesTheMembership) {
  StartFollower();
  EXPECT_EQ(core_.Configure(now_, core_.configuration()).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(CoreTest, MessagesOfAnUpdateOutliveTheNextStep) {
  BecomeLeader();
  ASSERT_TRUE(Receive(kPeer, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(6)}));
  ASSERT_TRUE(Receive(kOther, AppendEntriesResult{Term(2), RaftIndex(0), RaftIndex(6)}));
  auto update = core_.Submit(now_, {Command(2)});
  ASSERT_TRUE(update.ok());
  const Update first = *update;
  Take(*std::move(update));
  now_ += 500;
  const Update second = core_.Tick(now_);
  ASSERT_EQ(first.messages.size(), 2u);
  EXPECT_EQ(first.messages[0].to, kPeer);
  EXPECT_EQ(first.messages[1].to, kOther);
  for (const Update::Outgoing& outgoing : first.messages) {
    EXPECT_EQ(std::get<AppendEntries>(outgoing.body).prev_index, RaftIndex(6));
  }
}

using CoreDeathTest = CoreTest;

TEST_F(CoreDeathTest, TimeThatGoesBackIsABrokenInvariant) {
  StartFollower();
  Take(core_.Tick(now_));
  EXPECT_DEATH(core_.Tick(now_ - 1), "time goes back");
}

TEST_F(CoreDeathTest, AProgramThatTheLibraryTakesForATestIsRefused) {
  char name[] = "unit-test";
  EXPECT_DEATH(
      {
        program_invocation_short_name = name;
        Core core(Options(), log_);
      },
      "unit-test");
}

TEST_F(CoreTest, TheLibraryTracesNothing) {
  setenv("LIBRAFT_TRACE", "1", 1);
  ::testing::internal::CaptureStderr();
  BecomeLeader();
  Core another(Options(), log_);
  Take(core_.Tick(now_));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  unsetenv("LIBRAFT_TRACE");
}

// Anything that can be written down as a message, in any state: no assertion of the core may fail,
// and what was committed stays.
TEST_F(CoreTest, NoMessageBringsTheCoreDown) {
  StartFollower();
  SeededRandom random(42);
  const auto index = [&] { return RaftIndex(random.Below(14)); };
  const auto term = [&] {
    return Term(random.Below(3) + (random.Below(4) == 0 ? 0 : core_.term().value()));
  };
  const auto peer = [&] { return random.Below(3) == 0 ? kOther : kPeer; };
  int taken = 0, dropped = 0, led = 0;
  for (int i = 0; i < 200000; ++i) {
    now_ += static_cast<int64_t>(random.Below(40));
    MessageBody body;
    switch (random.Below(7)) {
      case 0:
        Persist();
        continue;
      case 1:
        Take(core_.Tick(now_));
        continue;
      case 2: {
        AppendEntries append{term(),  index(),      Term(random.Below(core_.term().value() + 2)),
                             index(), RaftIndex(0), {}};
        // Sometimes as a correct leader would have it.
        if (random.Below(2) == 0) {
          append.prev_term = log_.TermAt(append.prev_index).value_or(Term(1));
        }
        uint64_t at = std::max<uint64_t>(append.prev_term.value(), 1);
        for (uint64_t n = random.Below(4); n > 0; --n) {
          at += random.Below(5) == 0 ? 1 : 0;
          append.entries.push_back(
              random.Below(6) == 0 ? ConfigurationEntry(at, {kSelf, kPeer, kOther}) : Command(at));
        }
        body = append;
        break;
      }
      case 3:
        body = AppendEntriesResult{term(), random.Below(2) == 0 ? RaftIndex(0) : index(), index()};
        break;
      case 4:
        body = RequestVote{term(), index(), Term(random.Below(core_.term().value() + 1)),
                           random.Below(4) == 0, random.Below(2) == 0};
        break;
      case 5:
        body = RequestVoteResult{term(), random.Below(2) == 0, random.Below(2) == 0};
        break;
      default:
        body = TimeoutNow{term(), index(), term()};
    }
    const RaftIndex commit = core_.commit();
    const std::optional<Term> committed = log_.TermAt(commit);
    const NodeId from = peer();
    if (auto* append = std::get_if<AppendEntries>(&body)) {
      for (AppendEntries& piece : Core::SplitAtConfigurations(*append)) {
        Receive(from, piece) ? ++taken : ++dropped;
      }
    } else {
      Receive(from, body) ? ++taken : ++dropped;
    }
    ASSERT_GE(core_.commit(), commit);
    ASSERT_EQ(log_.TermAt(commit), committed);
    led += core_.leads();
    RaftIndex at;
    const RaftIndex applied = std::min(core_.commit(), persisted_);
    const Configuration configuration = log_.ConfigurationAt(applied, &at);
    if (at > RaftIndex(1)) Take(core_.ConfigurationApplied(now_, at, configuration));
  }
  EXPECT_GT(taken, 10000);
  EXPECT_GT(dropped, 10000);
  EXPECT_GT(led, 0);
}

}  // namespace
}  // namespace packetboat::raft
