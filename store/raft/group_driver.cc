#include "store/raft/group_driver.h"

#include <algorithm>
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

absl::Time ToMicros(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

}  // namespace

GroupDriver::GroupDriver(ShardId shard, NodeId node, uint32_t seed, const Options& options,
                         EntryLog log, HardState hard_state, replication::AppliedMark applied,
                         std::function<absl::StatusOr<replication::AppliedMark>()> flushed_mark,
                         const Clock& clock, const PeerReports& reports, Effects& effects)
    : shard_(shard),
      node_(node),
      options_(options),
      clock_(clock),
      reports_(reports),
      effects_(effects),
      flushed_mark_(std::move(flushed_mark)),
      log_(std::move(log)),
      core_(CoreOptions(options, node, seed), log_),
      hard_state_(hard_state),
      persisted_(log_.last()),
      dispatched_(applied.index),
      applied_(applied),
      reads_(node) {}

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
  if (absl::Status admitted = Admit(proposal.command); !admitted.ok()) {
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
  } else if (reads_.size() + remote_reading_ + ask_leader_.size() >= options_.max_reads_waiting) {
    status = absl::ResourceExhaustedError("too many reads are waiting");
  } else if (core_.leads()) {
    return reads_.Add({std::move(done), NodeId(0)},
                      NowMs() + absl::ToInt64Milliseconds(options_.read_timeout));
  } else if (core_.leader().has_value()) {
    return ask_leader_.push_back(std::move(done));
  } else {
    status = absl::UnavailableError("no leader is known");
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
      return;
    }
  }
  Later([done = std::move(done), status = std::move(status)]() mutable { done(status); });
}

absl::Status GroupDriver::Transfer(NodeId to) {
  if (!TakesProposals()) return absl::UnavailableError("not the leader");
  if (reports_.Space(to, clock_.Monotonic()).value_or(SpaceLevel::kAmple) != SpaceLevel::kAmple) {
    return absl::UnavailableError("that store is short of disk space");
  }
  SubmitQueued();
  absl::StatusOr<Update> update = core_.Transfer(NowMs(), to);
  if (!update.ok()) return update.status();
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
  absl::StatusOr<Update> update = core_.Transfer(NowMs(), NodeId(0));
  if (update.ok()) Process(*std::move(update));
}

// --- From the world ---

void GroupDriver::Tick(bool beat) {
  if (!health_.ok()) return;
  const int64_t now = NowMs();
  if (core_.leader().has_value()) leaderless_since_ms_ = now;
  if (core_.leads() ? beat : now >= core_.next_timeout_ms()) Process(core_.Tick(now));
  ExpireReads();
  if (draining_ && idle()) HandOver();
  if (beat && core_.leads() && Unfit()) LeaveToAFitterOne();
  // A lost round is asked again; the majority's answers count all the same.
  if (core_.leads() && reads_.waiting() &&
      now - last_round_ms_ >= absl::ToInt64Milliseconds(options_.heartbeat)) {
    SendReadRound();
  }
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
          if (!core_.leads() || reads_.size() >= options_.max_reads_waiting) {
            return Send(from, ReadIndexResult{m.request, std::nullopt});
          }
          reads_.Add({nullptr, from, m.request},
                     NowMs() + absl::ToInt64Milliseconds(options_.read_timeout));
        } else if constexpr (std::is_same_v<M, ReadIndexResult>) {
          auto it = remote_reads_.find(m.request);
          if (it == remote_reads_.end()) return;
          absl::StatusOr<RaftIndex> index = absl::UnavailableError("the leader has changed");
          if (m.index.has_value()) index = *m.index;
          for (auto& done : it->second.done) {
            Later([done = std::move(done), index]() mutable { done(index); });
          }
          remote_reading_ -= it->second.done.size();
          remote_reads_.erase(it);
        } else {
          absl::StatusOr<Update> update = core_.Receive(NowMs(), from, m);
          if (!update.ok()) return Dropped(from, update.status());
          Process(*std::move(update));
        }
      },
      std::move(message.body));
}

void GroupDriver::ReceiveAppend(NodeId from, AppendEntries append) {
  const RaftIndex matched_by_all = append.matched_by_all;
  if (space_ == SpaceLevel::kNone) {
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
    const bool must_wait = core_.MustWait(piece);
    // What stands before it still tells that the one ahead of it is committed.
    if (must_wait) piece.entries.clear();
    absl::StatusOr<Update> update = core_.Receive(NowMs(), from, piece);
    if (!update.ok()) return Dropped(from, update.status());
    Process(*std::move(update));
    if (!health_.ok()) return;
    if (must_wait) break;
  }
  if (core_.leader() == from) matched_by_all_ = std::max(matched_by_all_, matched_by_all);
}

void GroupDriver::Dropped(NodeId from, const absl::Status& why) const {
  log::Debug("raft message dropped", {{"shard", shard_}, {"from", from}, {"why", why}});
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
  AnswerReads(reads_.TakeAll(absl::UnavailableError("the disk does not answer")));
}

void GroupDriver::SetSpace(SpaceLevel level) { space_ = level; }

// --- Who should lead, and what a leader may take ---

std::vector<absl::Duration> GroupDriver::ClocksAhead() const {
  std::vector<absl::Duration> ahead;
  const absl::Time now = clock_.Now();
  const absl::Duration monotonic = clock_.Monotonic();
  for (const Server& server : core_.configuration().servers) {
    if (server.role != ServerRole::kVoter || server.id == node_) continue;
    if (auto known = reports_.ClockAhead(server.id, now, monotonic)) ahead.push_back(*known);
  }
  std::sort(ahead.begin(), ahead.end());
  return ahead;
}

absl::Time GroupDriver::LogTimeLimit() const {
  if (lone()) return absl::InfiniteFuture();
  const std::vector<absl::Duration> ahead = ClocksAhead();
  // Nobody has been heard of, so nothing is committed now.
  if (ahead.empty()) return absl::InfinitePast();
  return clock_.Now() + ahead[ahead.size() / 2] + options_.clock_ahead_max;
}

bool GroupDriver::ClockIsOff() const {
  if (lone()) return false;
  size_t off = 0;
  for (absl::Duration ahead : ClocksAhead()) {
    if (absl::AbsDuration(ahead) > options_.clock_skew_max) ++off;
  }
  return off > core_.configuration().Voters().size() / 2;
}

bool GroupDriver::MayCampaign() const {
  if (lone() || !Unfit()) return true;
  // The majority that this clock is off from is there. For want of space alone it steps in at last:
  // somebody has to lead for anything to be deleted.
  const int64_t patience = 4 * absl::ToInt64Milliseconds(options_.election_timeout);
  return !ClockIsOff() && NowMs() - leaderless_since_ms_ >= patience;
}

bool GroupDriver::FitterThanThis(NodeId voter) const {
  const absl::Duration monotonic = clock_.Monotonic();
  const std::optional<SpaceLevel> space = reports_.Space(voter, monotonic);
  const auto ahead = reports_.ClockAhead(voter, clock_.Now(), monotonic);
  if (voter == node_ || !space.has_value() || !ahead.has_value()) return false;
  if (ClockIsOff()) return absl::AbsDuration(*ahead) > options_.clock_skew_max;
  return *space == SpaceLevel::kAmple;
}

void GroupDriver::LeaveToAFitterOne() {
  // Nothing is taken meanwhile, so not again and again, and not to one that has to catch up first.
  const int64_t pause = 5 * absl::ToInt64Milliseconds(options_.election_timeout);
  if (core_.transferring() || lone() || NowMs() < left_at_ms_ + pause) return;
  NodeId best(0);
  RaftIndex best_match;
  for (NodeId voter : core_.configuration().Voters()) {
    const RaftIndex match = core_.Match(voter).value_or(RaftIndex(0));
    if (!FitterThanThis(voter) || match < core_.commit()) continue;
    if (best != NodeId(0) && match <= best_match) continue;
    best = voter;
    best_match = match;
  }
  if (best == NodeId(0)) return;
  left_at_ms_ = NowMs();
  log::Warning("leadership left to another store",
               {{"shard", shard_},
                {"to", best},
                {"why", ClockIsOff() ? "this clock is off" : "little space is left here"}});
  SubmitQueued();
  absl::StatusOr<Update> update = core_.Transfer(NowMs(), best);
  if (update.ok()) Process(*std::move(update));
}

SpaceLevel GroupDriver::RoomForEntries() const {
  const std::vector<NodeId> voters = core_.configuration().Voters();
  std::vector<SpaceLevel> levels = {space_};
  for (NodeId voter : voters) {
    if (voter == node_) continue;
    if (auto known = reports_.Space(voter, clock_.Monotonic())) levels.push_back(*known);
  }
  // Silence alone is no want of space.
  if (*std::max_element(levels.begin(), levels.end()) == SpaceLevel::kAmple) return levels[0];
  // But who is silent is no help either.
  levels.resize(std::max(voters.size(), levels.size()), SpaceLevel::kNone);
  std::sort(levels.begin(), levels.end());
  const SpaceLevel majority = levels[levels.size() / 2];
  return space_ < SpaceLevel::kShort ? majority : std::max(majority, space_);
}

absl::Status GroupDriver::Admit(absl::string_view command) const {
  const SpaceLevel room = RoomForEntries();
  if (room == SpaceLevel::kAmple) return absl::OkStatus();
  const replication::SpaceUse use =
      options_.space_use ? options_.space_use(command) : replication::SpaceUse::kBody;
  const bool fits = room == SpaceLevel::kLow     ? use != replication::SpaceUse::kBody
                    : room == SpaceLevel::kShort ? use == replication::SpaceUse::kFrees
                                                 : false;
  if (fits) return absl::OkStatus();
  return absl::ResourceExhaustedError("the stores are short of disk space");
}

void GroupDriver::Fail(const absl::Status& why) {
  if (!health_.ok()) return;
  health_ = why;
  FailProposers(absl::UnknownError(absl::StrCat("given up: ", why.message())));
  const absl::Status unavailable =
      absl::UnavailableError(absl::StrCat("given up: ", why.message()));
  AnswerReads(reads_.TakeAll(unavailable));
  for (auto& done : ask_leader_) {
    Later([done = std::move(done), unavailable]() mutable { done(unavailable); });
  }
  ask_leader_.clear();
  for (auto& [request, read] : remote_reads_) {
    for (auto& done : read.done) {
      Later([done = std::move(done), unavailable]() mutable { done(unavailable); });
    }
  }
  remote_reads_.clear();
  remote_reading_ = 0;
  FailWaiters(unavailable);
  held_.clear();
  Changed();
}

void GroupDriver::Settle() {
  if (!health_.ok()) return;
  SubmitQueued();
  if (core_.leads()) StartReadRound();
  if (!ask_leader_.empty()) AskLeaderForReadIndex();
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
    matched_by_all_ = std::max(matched_by_all_, log_.start().index);
    // Nothing is read before an entry of this term is committed, so there must be one.
    if (log_.last_term() != core_.term()) SubmitBarrier();
    return;
  }
  FailProposers(absl::UnknownError("leadership was lost"));
  AnswerReads(reads_.TakeAll(absl::UnavailableError("leadership was lost")));
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
  const absl::Time now = ToMicros(std::min(clock_.Now(), LogTimeLimit()));
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

void GroupDriver::AskLeaderForReadIndex() {
  std::vector<replication::ReadIndexCallback> asking = std::exchange(ask_leader_, {});
  const std::optional<NodeId> leader = core_.leader();
  if (!leader.has_value() || *leader == node_) {
    for (auto& done : asking) {
      Later([done = std::move(done)]() mutable {
        done(absl::UnavailableError("the leader has changed"));
      });
    }
    return;
  }
  const uint64_t request = next_remote_read_++;
  Send(*leader, ReadIndexRequest{request});
  remote_reading_ += asking.size();
  remote_reads_.emplace(
      request,
      RemoteRead{NowMs() + absl::ToInt64Milliseconds(options_.read_timeout), std::move(asking)});
}

void GroupDriver::AnswerReads(std::vector<ReadBarrier::Answer> answers) {
  for (ReadBarrier::Answer& answer : answers) {
    if (answer.reader.remote != NodeId(0)) {
      ReadIndexResult result{answer.reader.request, std::nullopt};
      if (answer.index.ok()) result.index = *answer.index;
      Send(answer.reader.remote, result);
      continue;
    }
    Later([answer = std::move(answer)]() mutable { answer.reader.done(std::move(answer.index)); });
  }
}

void GroupDriver::ExpireReads() {
  const int64_t now = NowMs();
  AnswerReads(reads_.TakeExpired(now));
  while (!remote_reads_.empty() && remote_reads_.begin()->second.deadline_ms <= now) {
    for (auto& done : remote_reads_.begin()->second.done) {
      Later([done = std::move(done)]() mutable {
        done(absl::UnavailableError("the leader did not answer in time"));
      });
    }
    remote_reading_ -= remote_reads_.begin()->second.done.size();
    remote_reads_.erase(remote_reads_.begin());
  }
}

// --- Ends ---

void GroupDriver::FailProposers(const absl::Status& status) {
  RefuseQueued("not the leader");
  for (Proposer& proposer : proposers_) {
    Later([proposer = std::move(proposer), status]() mutable { proposer.done(status); });
  }
  proposers_.clear();
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
