#include "store/raft/group_driver.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "store/raft/codec.h"

namespace packetboat::raft {
namespace {

Core::Options CoreOptions(const Options& options, NodeId node, uint32_t seed) {
  Core::Options core;
  core.id = node;
  core.election_timeout_ms = absl::ToInt64Milliseconds(options.election_timeout);
  // The core is asked at each beat of the node, and says then what it has not said for half a beat.
  core.heartbeat_ms = absl::ToInt64Milliseconds(options.heartbeat) / 2;
  core.seed = seed;
  core.max_inflight_entries = options.max_inflight_entries_per_follower;
  core.take_configurations_anywhere = options.test_faults.count_change_at_wrong_index;
  return core;
}

constexpr absl::string_view kLeadershipLost = "leadership was lost";

absl::Time ToMicros(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

}  // namespace

GroupDriver::GroupDriver(ShardId shard, NodeId node, uint64_t incarnation, uint32_t seed,
                         const Options& options, EntryLog log, HardState hard_state,
                         replication::AppliedMark applied,
                         std::function<absl::StatusOr<replication::AppliedMark>()> flushed_mark,
                         const Clock& clock, const PeerReports& reports, Effects& effects)
    : shard_(shard),
      node_(node),
      options_(options),
      clock_(clock),
      effects_(effects),
      flushed_mark_(std::move(flushed_mark)),
      fitness_(node, options_, clock, reports),
      log_(std::move(log)),
      core_(CoreOptions(options, node, seed), log_),
      hard_state_(hard_state),
      persisted_(log_.last()),
      dispatched_(applied.index),
      applied_(applied),
      reads_(node),
      waiting_reads_(incarnation) {}

void GroupDriver::Start() {
  leaderless_since_ms_ = NowMs();
  left_at_ms_ = NowMs() - absl::ToInt64Milliseconds(absl::Hours(1));
  Process(core_.Start(NowMs(), hard_state_));
  // What was applied in an earlier life: the core takes the last one for undecided.
  RaftIndex at;
  const Configuration& configuration = log_.ConfigurationAt(applied_.index, &at);
  if (at > log_.start().index) {
    configuration_told_ = at;
    Process(core_.ConfigurationApplied(NowMs(), at, configuration));
  }
  Changed();
}

// --- From above ---

bool GroupDriver::TakesProposals() const {
  return health_.ok() && !draining_ && !stalled_ && core_.leads() && !core_.transferring();
}

void GroupDriver::Propose(Proposal proposal) {
  if (!TakesProposals()) {
    Later([proposal = std::move(proposal)]() mutable {
      proposal.done(absl::UnavailableError("not the leader"));
    });
    return;
  }
  if (absl::Status admitted = fitness_.Admit(core_.configuration(), proposal.command);
      !admitted.ok()) {
    Later([proposal = std::move(proposal), admitted = std::move(admitted)]() mutable {
      proposal.done(admitted);
    });
    return;
  }
  if (proposal.command.size() <= options_.small_command_bytes) {
    small_.push_back(std::move(proposal));
  } else {
    large_.push_back(std::move(proposal));
  }
}

void GroupDriver::ReadIndex(replication::ReadIndexCallback done) {
  absl::Status status;
  if (!health_.ok() || stalled_) {
    status = absl::UnavailableError("the disk has failed");
  } else if (waiting_reads_.size() >= options_.max_reads_waiting) {
    status = absl::ResourceExhaustedError("too many reads are waiting");
  } else {
    return waiting_reads_.Add(std::move(done),
                              NowMs() + absl::ToInt64Milliseconds(options_.read_timeout));
  }
  Later([done = std::move(done), status = std::move(status)]() mutable { done(status); });
}

void GroupDriver::WaitApplied(RaftIndex index, replication::WaitCallback done) {
  absl::Status status;
  if (index > applied_.index) {
    if (!health_.ok()) {
      status = absl::UnavailableError("the group has stopped");
    } else if (waiters_.size() >= options_.max_applies_waiting) {
      status = absl::ResourceExhaustedError("too many are waiting");
    } else {
      waiters_.emplace(index, std::move(done));
      // Who asks a leader is told what is committed before its next heartbeat.
      if (index > core_.commit() && !core_.leads()) ReadIndex([](absl::StatusOr<RaftIndex>) {});
      return;
    }
  }
  Later([done = std::move(done), status = std::move(status)]() mutable { done(status); });
}

absl::Status GroupDriver::Transfer(NodeId to) {
  if (!TakesProposals()) return absl::UnavailableError("not the leader");
  if (!fitness_.HasRoom(to)) {
    return absl::UnavailableError("that store is short of disk space");
  }
  return BeginTransfer(to);
}

absl::Status GroupDriver::BeginTransfer(NodeId to) {
  SubmitQueued();
  absl::StatusOr<Update> update = core_.Transfer(NowMs(), to);
  if (!update.ok()) return update.status();
  answer_until_ms_ = NowMs() + 3 * absl::ToInt64Milliseconds(options_.election_timeout);
  Process(*std::move(update));
  return absl::OkStatus();
}

absl::Status GroupDriver::Reconfigure(const Configuration& next) {
  if (!TakesProposals()) return absl::UnavailableError("not the leader");
  SubmitQueued();
  absl::StatusOr<Update> update = core_.Configure(NowMs(), next);
  if (!update.ok()) return update.status();
  Process(*std::move(update));
  return absl::OkStatus();
}

void GroupDriver::Drain() { draining_ = true; }

void GroupDriver::HandOver() {
  if (!core_.leads() || core_.transferring() || lone()) return;
  const std::optional<NodeId> to = Successor([&](NodeId voter) { return fitness_.HasRoom(voter); });
  // Asked again with the next tick.
  BeginTransfer(to.value_or(NodeId(0))).IgnoreError();
}

// --- From the world ---

void GroupDriver::Tick(bool beat) {
  if (!health_.ok()) return;
  const int64_t now = NowMs();
  if (core_.leader().has_value()) leaderless_since_ms_ = now;
  TickCore(now, beat);
  ExpireReads();
  if (!core_.leads() && now >= answer_until_ms_) FailProposers(RaftIndex(0), kLeadershipLost);
  if (draining_ && idle()) HandOver();
  if (beat && core_.leads() && fitness_.Unfit(core_.configuration())) LeaveToAFitterOne();
  // A lost round is asked again; the majority's answers count all the same.
  if (core_.leads() && reads_.waiting() &&
      now - last_round_ms_ >= absl::ToInt64Milliseconds(options_.heartbeat)) {
    SendReadRound();
  }
}

// Whom a leader has not heard since it last ticked, the core takes for lost, and sends it no more
// than one message for each heartbeat then, all over again: so it ticks seldom, and the beats
// between are the driver's own.
void GroupDriver::TickCore(int64_t now, bool beat) {
  if (!core_.leads()) {
    if (now >= core_.next_timeout_ms()) Process(core_.Tick(now));
    return;
  }
  if (!beat) return;
  if (now - core_ticked_ms_ >= absl::ToInt64Milliseconds(options_.election_timeout) / 2) {
    core_ticked_ms_ = now;
    Process(core_.Tick(now));
  }
  if (core_.leads()) SendHeartbeats();
}

void GroupDriver::Receive(NodeId from, Message message) {
  if (!health_.ok()) return;
  std::visit(
      [&](auto&& m) {
        using M = std::decay_t<decltype(m)>;
        if constexpr (std::is_same_v<M, AppendEntries>) {
          ReceiveAppend(from, std::move(m));
        } else if constexpr (std::is_same_v<M, ReadRound>) {
          if (m.term == core_.term() && core_.leader() == from) {
            Send(from, ReadRoundResult{m.term, m.round});
          }
        } else if constexpr (std::is_same_v<M, ReadRoundResult>) {
          if (!core_.leads() || m.term != core_.term()) return;
          reads_.Confirm(from, m.round);
          AnswerReads(reads_.TakeConfirmed(core_.configuration().Voters()));
        } else if constexpr (std::is_same_v<M, ReadIndexRequest>) {
          TakeReader(from, m.request);
        } else if constexpr (std::is_same_v<M, ReadIndexResult>) {
          OnReadAnswer(m.request, m.index);
        } else if constexpr (std::is_same_v<M, TimeoutNow>) {
          if (persisted_ < m.last_index) {
            take_over_.emplace(from, m);
          } else {
            ReceiveByCore(from, m);
          }
        } else {
          ReceiveByCore(from, m);
        }
      },
      std::move(message.body));
}

bool GroupDriver::ReceiveByCore(NodeId from, const MessageBody& body) {
  absl::StatusOr<Update> update = core_.Receive(NowMs(), from, body);
  if (!update.ok()) {
    log::Debug("raft message dropped",
               {{"shard", shard_}, {"from", from}, {"why", update.status()}});
    return false;
  }
  Process(*std::move(update));
  return true;
}

void GroupDriver::ReceiveAppend(NodeId from, AppendEntries append) {
  const RaftIndex matched_by_all = append.matched_by_all;
  if (fitness_.space() == SpaceLevel::kNone) {
    // Heard, but not taken: the leader asks again and again, until there is room.
    append.entries.clear();
    append.commit = std::min(append.commit, append.prev_index);
  }
  std::vector<AppendEntries> pieces;
  if (options_.test_faults.count_change_at_wrong_index) {
    pieces.push_back(std::move(append));
  } else {
    pieces = Core::SplitAtConfigurations(std::move(append));
  }
  for (AppendEntries& piece : pieces) {
    const std::optional<RaftIndex> awaited = core_.MustWaitFor(piece);
    // What stands before it still tells that the one ahead of it is committed.
    if (awaited.has_value()) {
      piece.entries.clear();
      piece.commit = std::max(piece.commit, *awaited);
    }
    if (!ReceiveByCore(from, piece) || !health_.ok()) return;
    if (awaited.has_value()) break;
  }
  if (core_.leader() == from) matched_by_all_ = std::max(matched_by_all_, matched_by_all);
}

void GroupDriver::OnDurable(uint64_t write_number) {
  if (!health_.ok()) return;
  durable_write_ = write_number;
  RaftIndex persisted = persisted_;
  while (!pending_appends_.empty() && pending_appends_.front().write_number <= write_number) {
    persisted = std::max(persisted, pending_appends_.front().last);
    pending_appends_.pop_front();
  }
  if (persisted > persisted_) {
    persisted_ = persisted;
    Process(core_.Persisted(NowMs(), persisted));
    NoteMatchedByAll();
  }
  if (take_over_.has_value() && persisted_ >= take_over_->second.last_index) {
    const auto [from, order] = *std::exchange(take_over_, std::nullopt);
    ReceiveByCore(from, order);
  }
  while (!held_.empty() && held_.front().write_number <= durable_write_) {
    HeldMessage& held = held_.front();
    if (!stalled_) effects_.messages.emplace_back(held.to, std::move(held.message));
    held_.pop_front();
  }
}

void GroupDriver::OnApplied(const ApplyOutcome& outcome) {
  applying_ = false;
  if (!outcome.status.ok()) return Fail(outcome.status);
  applied_ = outcome.mark;
  effects_.applied_bytes += outcome.bytes;
  if (!health_.ok()) return;

  RaftIndex at;
  const Configuration& configuration = log_.ConfigurationAt(applied_.index, &at);
  if (at > configuration_told_ && at > log_.start().index) {
    configuration_told_ = at;
    Process(core_.ConfigurationApplied(NowMs(), at, configuration));
    Changed();
  }
  log_.Release(std::min(applied_.index, persisted_));
  while (!waiters_.empty() && waiters_.begin()->first <= applied_.index) {
    Later([done = std::move(waiters_.begin()->second)]() mutable { done(absl::OkStatus()); });
    waiters_.erase(waiters_.begin());
  }
  AdvanceApply();
  MaybeCutLog(options_.max_log_bytes);
}

void GroupDriver::OnFlushed() {
  flush_wanted_ = false;
  if (!health_.ok()) return;
  MaybeCutLog(std::min(options_.max_log_bytes, options_.max_log_bytes_after_flush));
}

void GroupDriver::SetStalled(bool stalled) {
  if (stalled == stalled_ || !health_.ok()) return;
  stalled_ = stalled;
  Changed();
  if (!stalled) return;
  held_.clear();
  RefuseQueued("the disk does not answer");
  AnswerReads(reads_.TakeAll());
  FailReads(waiting_reads_.TakeAll(), absl::UnavailableError("the disk does not answer"));
}

void GroupDriver::SetSpace(SpaceLevel level) { fitness_.SetSpace(level); }

// --- Who should lead ---

bool GroupDriver::MayCampaign() const {
  const Configuration& group = core_.configuration();
  if (lone() || !fitness_.Unfit(group)) return true;
  // The majority that this clock is off from is there. For want of space alone it steps in at last:
  // somebody has to lead for anything to be deleted.
  const int64_t patience = 4 * absl::ToInt64Milliseconds(options_.election_timeout);
  return !fitness_.ClockIsOff(group) && NowMs() - leaderless_since_ms_ >= patience;
}

std::optional<NodeId> GroupDriver::Successor(absl::FunctionRef<bool(NodeId)> suits) const {
  std::optional<NodeId> best;
  RaftIndex best_match;
  for (NodeId voter : core_.configuration().Voters()) {
    const RaftIndex match = core_.Match(voter).value_or(RaftIndex(0));
    if (voter == node_ || match < core_.commit() || !suits(voter)) continue;
    if (best.has_value() && match <= best_match) continue;
    best = voter;
    best_match = match;
  }
  return best;
}

void GroupDriver::LeaveToAFitterOne() {
  // Nothing is taken meanwhile, so not again and again, and not to one that has to catch up first.
  const int64_t pause = 5 * absl::ToInt64Milliseconds(options_.election_timeout);
  if (core_.transferring() || lone() || NowMs() < left_at_ms_ + pause) return;
  const std::optional<NodeId> best = Successor(
      [&](NodeId voter) { return fitness_.FitterThanThis(core_.configuration(), voter); });
  if (!best.has_value()) return;
  left_at_ms_ = NowMs();
  log::Warning("leadership left to another store",
               {{"shard", shard_},
                {"to", *best},
                {"why", fitness_.ClockIsOff(core_.configuration()) ? "this clock is off"
                                                                   : "little space is left here"}});
  BeginTransfer(*best).IgnoreError();  // tried again after the pause
}

void GroupDriver::Fail(const absl::Status& why) {
  if (!health_.ok()) return;
  health_ = why;
  RefuseQueued("not the leader");
  FailProposers(RaftIndex(0), absl::StrCat("given up: ", why.message()));
  const absl::Status unavailable =
      absl::UnavailableError(absl::StrCat("given up: ", why.message()));
  AnswerReads(reads_.TakeAll());
  FailReads(waiting_reads_.TakeAll(), unavailable);
  FailWaiters(unavailable);
  held_.clear();
  Changed();
}

void GroupDriver::Settle() {
  if (!health_.ok()) return;
  SubmitQueued();
  AskForReads();
  if (core_.leads()) StartReadRound();
  TellCommit();
}

// --- Steps ---

void GroupDriver::Process(Update update) {
  if (update.hard_state.has_value()) KeepHardState(*update.hard_state);
  if (update.append.has_value()) AppendToLog(*update.append);
  SendAll(std::move(update.messages));
  if (update.role_changed) OnRoleChanged();
  if (core_.leader() != leader_told_) {
    // A follower of an election hears who won by the winner's first message.
    leader_told_ = core_.leader();
    waiting_reads_.Unanswered(std::numeric_limits<int64_t>::max());
    ask_at_ms_ = 0;
    Changed();
  }
  AdvanceApply();
  if (core_.leads() && reads_.waiting()) StartReadRound();
}

void GroupDriver::KeepHardState(const HardState& state) {
  if (state == hard_state_) return;
  hard_state_ = state;
  hard_state_write_ = effects_.write_number;
  const std::string key = HardStateKey(shard_);
  effects_.log.Put(kv::kLogMeta, key, EncodeHardStateRecord(key, state));
  Changed();
}

void GroupDriver::AppendToLog(const Update::Append& append) {
  if (append.first <= log_.last()) {
    CHECK(append.first > dispatched_) << "a committed entry is replaced in shard " << shard_;
    effects_.log.DeleteRange(kv::kLogEntries, EntryKey(shard_, append.first),
                             EntryKey(shard_, Next(log_.last())));
    // What is under way would acknowledge entries that are gone.
    const RaftIndex kept = Previous(append.first);
    for (PendingAppend& pending : pending_appends_) pending.last = std::min(pending.last, kept);
    persisted_ = std::min(persisted_, kept);
    configuration_told_ = std::min(configuration_told_, kept);
    FailProposers(append.first, kLeadershipLost);
  }
  log_.Append(append.first, append.entries);
  RaftIndex index = append.first;
  for (const EntryPtr& entry : append.entries) {
    std::string key = EntryKey(shard_, index);
    std::string record = EncodeEntryRecord(key, *entry);
    effects_.log.Put(kv::kLogEntries, key, std::move(record));
    index = Next(index);
  }
  pending_appends_.push_back({effects_.write_number, log_.last()});
}

void GroupDriver::OnRoleChanged() {
  Changed();
  if (core_.leads()) {
    sent_.clear();
    core_ticked_ms_ = NowMs();
    matched_by_all_ = std::max(matched_by_all_, log_.start().index);
    // Nothing is read before an entry of this term is committed, so there must be one.
    if (log_.last_term() != core_.term()) SubmitBarrier();
    return;
  }
  RefuseQueued("not the leader");
  if (NowMs() >= answer_until_ms_) FailProposers(RaftIndex(0), kLeadershipLost);
  AnswerReads(reads_.TakeAll());
  commit_awaited_.clear();
}

void GroupDriver::SubmitBarrier() {
  absl::StatusOr<Update> update =
      core_.Submit(NowMs(), {std::make_shared<const Entry>(
                                Entry{core_.term(), EntryType::kBarrier, absl::UnixEpoch(), ""})});
  if (update.ok()) Process(*std::move(update));
}

std::vector<Proposal> GroupDriver::TakeQueued() {
  std::vector<Proposal> taken = std::exchange(small_, {});
  size_t bytes = effects_.log.bytes();
  while (!large_.empty() && bytes < options_.max_log_write_bytes) {
    bytes += large_.front().command.size();
    taken.push_back(std::move(large_.front()));
    large_.pop_front();
  }
  return taken;
}

void GroupDriver::RefuseQueued(absl::string_view why) {
  std::vector<Proposal> queued = std::exchange(small_, {});
  for (Proposal& proposal : large_) queued.push_back(std::move(proposal));
  large_.clear();
  for (Proposal& proposal : queued) {
    Later([proposal = std::move(proposal), status = absl::UnavailableError(why)]() mutable {
      proposal.done(status);
    });
  }
}

void GroupDriver::SubmitQueued() {
  std::vector<Proposal> proposals = TakeQueued();
  if (proposals.empty()) return;
  const RaftIndex first = Next(log_.last());
  std::vector<EntryPtr> entries;
  absl::Time log_time = std::max(log_.max_log_time(), applied_.log_time);
  const absl::Time now =
      ToMicros(std::min(clock_.Now(), fitness_.LogTimeLimit(core_.configuration())));
  for (Proposal& proposal : proposals) {
    log_time = std::max(log_time + absl::Microseconds(1), now);
    entries.push_back(std::make_shared<const Entry>(
        Entry{core_.term(), EntryType::kCommand, log_time, std::move(proposal.command)}));
  }
  absl::StatusOr<Update> update = core_.Submit(NowMs(), entries);
  RaftIndex index = first;
  for (Proposal& proposal : proposals) {
    if (update.ok()) {
      proposers_.push_back(Proposer{index, std::move(proposal.done), std::move(proposal.place)});
      index = Next(index);
    } else {
      Later([proposal = std::move(proposal), status = update.status()]() mutable {
        proposal.done(status);
      });
    }
  }
  if (!update.ok()) return;
  CHECK(update->append.has_value() && update->append->first == first);
  Process(*std::move(update));
  if (options_.test_faults.acknowledge_before_commit) AcknowledgeTooEarly();
}

void GroupDriver::AcknowledgeTooEarly() {
  for (Proposer& proposer : proposers_) {
    Later([proposer = std::move(proposer)]() mutable {
      proposer.done(replication::ApplyResult{proposer.index, absl::UnixEpoch(), ""});
    });
  }
  proposers_.clear();
}

// --- Messages ---

// An empty append behind what was last sent: who has a hole there says so.
void GroupDriver::SendHeartbeats() {
  const int64_t now = NowMs();
  for (const Server& server : core_.configuration().servers) {
    if (server.id == node_ || server.role == ServerRole::kSpare) continue;
    const auto sent = sent_.find(server.id);
    RaftIndex last = core_.Match(server.id).value_or(RaftIndex(0));
    if (sent != sent_.end()) {
      if (now - sent->second.at_ms < absl::ToInt64Milliseconds(options_.heartbeat) / 2) continue;
      last = std::max(last, sent->second.last);
    }
    SendEmptyAppend(server.id, last);
  }
}

void GroupDriver::SendEmptyAppend(NodeId to, RaftIndex behind) {
  const std::optional<Term> term = log_.TermAt(behind);
  if (!term.has_value()) return;  // cut away: the core knows what to do
  AppendEntries append;
  append.term = core_.term();
  append.prev_index = behind;
  append.prev_term = *term;
  append.commit = core_.commit();
  SendAppend(to, std::move(append), 0);
}

void GroupDriver::SendAll(std::vector<Update::Outgoing> messages) {
  for (Update::Outgoing& outgoing : messages) {
    if (auto* append = std::get_if<AppendEntries>(&outgoing.body)) {
      SendAppend(outgoing.to, std::move(*append), outgoing.entry_count);
    } else {
      Send(outgoing.to, std::move(outgoing.body));
    }
  }
}

// The core asks for any number of entries in one message: it goes out in pieces of bounded size.
void GroupDriver::SendAppend(NodeId to, AppendEntries append, size_t entry_count) {
  append.matched_by_all = matched_by_all_;
  sent_[to] = {RaftIndex(append.prev_index.value() + entry_count), NowMs()};
  while (entry_count > 0) {
    absl::StatusOr<std::vector<EntryPtr>> entries =
        log_.Read(Next(append.prev_index), std::min(entry_count, kMaxEntriesPerAppend),
                  options_.max_append_bytes);
    if (!entries.ok()) return Fail(entries.status());
    AppendEntries piece = append;
    piece.entries = *std::move(entries);
    const size_t sent = piece.entries.size();
    append.prev_index = RaftIndex(append.prev_index.value() + sent);
    append.prev_term = piece.entries.back()->term;
    Send(to, std::move(piece));
    entry_count -= sent;
    if (entry_count == 0) return;
  }
  Send(to, std::move(append));
}

void GroupDriver::Send(NodeId to, MessageBody body) {
  if (stalled_ || !health_.ok()) return;
  // A pre-vote that asks nobody changes nothing. Who was asked to take over may.
  const auto* vote = std::get_if<RequestVote>(&body);
  if (vote != nullptr && !vote->disrupt_leader && !MayCampaign()) return;
  Message message{shard_, std::move(body)};
  if (hard_state_write_ > durable_write_ || !held_.empty()) {
    held_.push_back({std::max(hard_state_write_, durable_write_), to, std::move(message)});
  } else {
    effects_.messages.emplace_back(to, std::move(message));
  }
}

// --- Apply ---

void GroupDriver::AdvanceApply() {
  if (applying_ || !health_.ok()) return;
  // A follower's commit index runs ahead of its disk.
  const RaftIndex limit = std::min(core_.commit(), persisted_);
  if (dispatched_ >= limit) return;
  const size_t count =
      std::min<uint64_t>(limit.value() - dispatched_.value(), options_.max_apply_entries);
  absl::StatusOr<std::vector<EntryPtr>> entries =
      log_.Read(Next(dispatched_), count, options_.max_apply_bytes);
  if (!entries.ok()) return Fail(entries.status());
  Dispatch(*std::move(entries));
}

void GroupDriver::Dispatch(std::vector<EntryPtr> entries) {
  ApplyWork work;
  work.shard = shard_;
  work.first = Next(dispatched_);
  dispatched_ = RaftIndex(dispatched_.value() + entries.size());
  while (!proposers_.empty() && proposers_.front().index <= dispatched_) {
    work.proposers.push_back(std::move(proposers_.front()));
    proposers_.pop_front();
  }
  work.entries = std::move(entries);
  applying_ = true;
  effects_.applies.push_back(std::move(work));
}

void GroupDriver::NoteMatchedByAll() {
  if (!core_.leads()) return;
  RaftIndex lowest = persisted_;
  for (const Server& server : core_.configuration().servers) {
    if (server.id == node_) continue;
    lowest = std::min(lowest, core_.Match(server.id).value_or(RaftIndex(0)));
  }
  matched_by_all_ = std::max(matched_by_all_, lowest);
}

RaftIndex GroupDriver::CutLimit() const { return std::min(matched_by_all_, applied_.index); }

void GroupDriver::MaybeCutLog(uint64_t limit_bytes) {
  NoteMatchedByAll();
  if (log_.bytes() <= limit_bytes || flush_wanted_) return;
  if (CutLimit() <= log_.start().index) return;
  absl::StatusOr<replication::AppliedMark> flushed = flushed_mark_();
  if (!flushed.ok()) return Fail(flushed.status());
  const RaftIndex to = std::min(flushed->index, CutLimit());
  if (to > log_.start().index) {
    const LogStart start = log_.StartAt(to, applied_.log_time);
    effects_.log.DeleteRange(kv::kLogEntries, EntryKey(shard_, log_.first()),
                             EntryKey(shard_, Next(to)));
    const std::string key = LogStartKey(shard_);
    effects_.log.Put(kv::kLogMeta, key, EncodeLogStartRecord(key, start));
    Update update = core_.Cut(NowMs(), start);
    log_.Cut(start);
    Process(std::move(update));
  }
  if (log_.bytes() > options_.max_log_bytes && CutLimit() > log_.start().index) {
    flush_wanted_ = true;
    effects_.flush_state = true;
  }
}

// --- Reads ---

bool GroupDriver::OwnTermCommitted() const {
  return log_.TermAt(std::min(core_.commit(), log_.last())) == core_.term();
}

void GroupDriver::StartReadRound() {
  if (!OwnTermCommitted() || !reads_.StartRound(core_.commit())) return;
  SendReadRound();
  if (options_.test_faults.read_without_round) {
    for (NodeId voter : core_.configuration().Voters()) reads_.Confirm(voter, reads_.round());
  }
  AnswerReads(reads_.TakeConfirmed(core_.configuration().Voters()));
}

void GroupDriver::SendReadRound() {
  last_round_ms_ = NowMs();
  for (NodeId voter : core_.configuration().Voters()) {
    if (voter != node_) Send(voter, ReadRound{core_.term(), reads_.round()});
  }
}

void GroupDriver::TakeReader(NodeId from, uint64_t request) {
  if (core_.leads() && reads_.size() < options_.max_reads_waiting) {
    reads_.Add({from, request}, NowMs() + absl::ToInt64Milliseconds(options_.read_timeout));
  } else {
    AnswerReads({{{from, request}, std::nullopt}});
  }
}

void GroupDriver::AskForReads() {
  const std::optional<NodeId> leader = core_.leader();
  if (!waiting_reads_.unasked() || !leader.has_value() || NowMs() < ask_at_ms_) return;
  const uint64_t request = waiting_reads_.Ask(NowMs());
  if (*leader == node_) {
    TakeReader(node_, request);
  } else {
    Send(*leader, ReadIndexRequest{request});
  }
}

void GroupDriver::AnswerReads(const std::vector<ReadBarrier::Answer>& answers) {
  for (const ReadBarrier::Answer& answer : answers) {
    if (answer.reader.node == node_) {
      OnReadAnswer(answer.reader.request, answer.index);
      continue;
    }
    Send(answer.reader.node, ReadIndexResult{answer.reader.request, answer.index});
    if (!answer.index.has_value()) continue;
    RaftIndex& awaited = commit_awaited_[answer.reader.node];
    awaited = std::max(awaited, *answer.index);
  }
}

void GroupDriver::OnReadAnswer(uint64_t request, std::optional<RaftIndex> index) {
  if (!index.has_value()) {
    // Whoever was asked does not lead, or has too much to do.
    ask_at_ms_ = NowMs() + absl::ToInt64Milliseconds(options_.heartbeat) / 2;
    return waiting_reads_.Refused(request);
  }
  for (replication::ReadIndexCallback& done : waiting_reads_.Answered(request)) {
    Later([done = std::move(done), index = *index]() mutable { done(index); });
  }
}

void GroupDriver::FailReads(WaitingReads::Callbacks reads, const absl::Status& status) {
  for (replication::ReadIndexCallback& done : reads) {
    Later([done = std::move(done), status]() mutable { done(status); });
  }
}

void GroupDriver::ExpireReads() {
  const int64_t now = NowMs();
  AnswerReads(reads_.TakeExpired(now));
  // Question or answer was lost on the way.
  waiting_reads_.Unanswered(now - absl::ToInt64Milliseconds(options_.election_timeout));
  FailReads(waiting_reads_.TakeExpired(now),
            absl::UnavailableError("no leader was confirmed by a majority in time"));
}

// A reader applies what it may see only when it hears that this is committed: now, and not with the
// next heartbeat. An empty append behind what it has says so.
void GroupDriver::TellCommit() {
  for (auto it = commit_awaited_.begin(); it != commit_awaited_.end();) {
    const std::optional<RaftIndex> match = core_.Match(it->first);
    if (match.has_value() && *match < it->second) {
      ++it;  // its entries are on their way
      continue;
    }
    if (match.has_value()) SendEmptyAppend(it->first, *match);
    it = commit_awaited_.erase(it);
  }
}

// --- Ends ---

void GroupDriver::FailProposers(RaftIndex first, absl::string_view why) {
  while (!proposers_.empty() && proposers_.back().index >= first) {
    Later([proposer = std::move(proposers_.back()), status = absl::UnknownError(why)]() mutable {
      proposer.done(status);
    });
    proposers_.pop_back();
  }
}

void GroupDriver::FailWaiters(const absl::Status& status) {
  for (auto& [index, done] : waiters_) {
    Later([done = std::move(done), status]() mutable { done(status); });
  }
  waiters_.clear();
}

replication::GroupStatus GroupDriver::Status() const {
  replication::GroupStatus status;
  status.shard = shard_;
  status.term = core_.term();
  status.commit = std::max(core_.commit(), applied_.index);
  status.applied = applied_.index;
  status.log_time = applied_.log_time;
  status.voters = core_.configuration().Voters();
  status.health = health_;
  if (!health_.ok() || stalled_) return status;
  status.leader = core_.leader();
  switch (core_.role()) {
    case Core::Role::kLeader:
      status.role = replication::Role::kLeader;
      break;
    case Core::Role::kCandidate:
      status.role = replication::Role::kCandidate;
      break;
    case Core::Role::kFollower:
      status.role = replication::Role::kFollower;
      break;
  }
  return status;
}

}  // namespace packetboat::raft
