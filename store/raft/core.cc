#include "store/raft/core.h"

#include <errno.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "raft.h"
#include "store/raft/codec.h"

namespace packetboat::raft {
namespace {

// libraft wants an address for each server, all different; ours are found by id.
std::string AddressOf(raft_id id) { return absl::StrCat(id); }

// Stands for the memory of entries whose payload stays with us: the core only passes it on.
char kNoBatch;

int ToLibraft(ServerRole role) {
  switch (role) {
    case ServerRole::kStandby:
      return RAFT_STANDBY;
    case ServerRole::kVoter:
      return RAFT_VOTER;
    case ServerRole::kSpare:
      return RAFT_SPARE;
  }
  return RAFT_SPARE;
}

raft_entry_type ToLibraft(EntryType type) {
  switch (type) {
    case EntryType::kCommand:
      return RAFT_COMMAND;
    case EntryType::kBarrier:
      return RAFT_BARRIER;
    case EntryType::kConfiguration:
      return RAFT_CHANGE;
  }
  return RAFT_BARRIER;
}

// Its memory belongs to the caller, until the core takes it.
raft_configuration ToLibraft(const Configuration& configuration) {
  raft_configuration out;
  raft_configuration_init(&out);
  for (const Server& server : configuration.servers) {
    CHECK_EQ(raft_configuration_add(&out, server.id.value(), AddressOf(server.id.value()).c_str(),
                                    ToLibraft(server.role)),
             0);
  }
  return out;
}

// As libraft encodes it; raft_malloc'd.
raft_buffer EncodeForLibraft(const std::string& payload) {
  absl::StatusOr<Configuration> configuration = DecodeConfiguration(payload);
  CHECK_OK(configuration.status());
  raft_configuration converted = ToLibraft(*configuration);
  raft_buffer buffer;
  CHECK_EQ(raft_configuration_encode(&converted, &buffer), 0);
  raft_configuration_close(&converted);
  return buffer;
}

raft_entry ToLibraft(const Entry& entry) {
  raft_entry out;
  std::memset(&out, 0, sizeof out);
  out.term = entry.term.value();
  out.type = ToLibraft(entry.type);
  out.batch = &kNoBatch;
  return out;
}

raft_message MessageFrom(NodeId from, const std::string& address, raft_message_type type) {
  raft_message message;
  std::memset(&message, 0, sizeof message);
  message.type = type;
  message.server_id = from.value();
  message.server_address = address.c_str();
  return message;
}

absl::Status Wrong(absl::string_view why) { return absl::InvalidArgumentError(why); }

}  // namespace

struct Core::Raft {
  struct ::raft r {};
  // r.configuration as a value, after every step.
  Configuration configuration;
};

// One call of raft_step() with what goes in and what comes out.
struct Core::Step {
  explicit Step(raft_event_type type, int64_t now_ms) {
    std::memset(&event, 0, sizeof event);
    std::memset(&update, 0, sizeof update);
    event.type = type;
    event.time = static_cast<raft_time>(now_ms);
  }

  raft_event event;
  raft_update update;
  // What is in `entries`, with payload.
  const std::vector<EntryPtr>* sources = nullptr;
  std::vector<raft_entry> entries;
};

Core::Core(Options options, const EntryLog& log)
    : options_(options), log_(log), raft_(std::make_unique<Raft>()) {
  // The library behaves differently in programs of this name.
  CHECK(absl::string_view(program_invocation_short_name) != "unit-test");
  struct ::raft& r = raft_->r;
  CHECK_EQ(
      raft_init(&r, nullptr, nullptr, options_.id.value(), AddressOf(options_.id.value()).c_str()),
      0);
  // The default one formats every trace into one static buffer, for all threads.
  r.tracer = nullptr;
  raft_seed(&r, options_.seed);
  raft_set_election_timeout(&r, static_cast<unsigned>(options_.election_timeout_ms));
  raft_set_heartbeat_timeout(&r, static_cast<unsigned>(options_.heartbeat_ms));
  raft_set_pre_vote(&r, true);
  raft_set_max_inflight_entries(&r, options_.max_inflight_entries);
}

Core::~Core() { raft_close(&raft_->r, nullptr); }

bool Core::MustRaiseTerm(const Configuration& configuration, NodeId id) {
  return configuration.Voters() == std::vector<NodeId>{id};
}

int Core::Run(Step& step) {
  const auto now_ms = static_cast<int64_t>(step.event.time);
  CHECK_GE(now_ms, last_ms_) << "time goes back";
  last_ms_ = now_ms;
  return raft_step(&raft_->r, &step.event, &step.update);
}

Update Core::Start(int64_t now_ms, const HardState& state) {
  Step step(RAFT_START, now_ms);
  auto& start = step.event.start;
  start.term = state.term.value();
  start.voted_for = state.vote.value();
  start.start_index = log_.first().value();

  raft_snapshot_metadata metadata;
  if (log_.start().index > RaftIndex(0)) {
    metadata.index = log_.start().index.value();
    metadata.term = log_.start().term.value();
    metadata.configuration = ToLibraft(log_.start().configuration);  // the core takes it
    metadata.configuration_index = log_.start().configuration_index.value();
    start.metadata = &metadata;
  }
  std::vector<void*> configurations;
  for (RaftIndex index = log_.first(); index <= log_.last(); index = Next(index)) {
    raft_entry& entry = step.entries.emplace_back();
    std::memset(&entry, 0, sizeof entry);
    entry.term = log_.TermAt(index)->value();
    entry.type = RAFT_COMMAND;
    entry.batch = &kNoBatch;
    auto found = log_.configurations().find(index);
    if (found == log_.configurations().end()) continue;
    entry.type = RAFT_CHANGE;
    entry.buf = EncodeForLibraft(EncodeConfiguration(found->second));
    configurations.push_back(entry.buf.base);
  }
  start.entries = step.entries.empty() ? nullptr : step.entries.data();
  start.n_entries = static_cast<unsigned>(step.entries.size());
  CHECK_EQ(Run(step), 0);
  for (void* memory : configurations) raft_free(memory);
  return TakeUpdate(step);
}

Update Core::Tick(int64_t now_ms) {
  Step step(RAFT_TIMEOUT, now_ms);
  CHECK_EQ(Run(step), 0);
  return TakeUpdate(step);
}

int64_t Core::next_timeout_ms() const { return static_cast<int64_t>(raft_timeout(&raft_->r)); }

absl::StatusOr<Update> Core::Submit(int64_t now_ms, const std::vector<EntryPtr>& entries) {
  Step step(RAFT_SUBMIT, now_ms);
  step.sources = &entries;
  for (const EntryPtr& entry : entries) {
    CHECK(entry->type != EntryType::kConfiguration && entry->term == term());
    step.entries.push_back(ToLibraft(*entry));
  }
  step.event.submit.entries = step.entries.data();
  step.event.submit.n = static_cast<unsigned>(step.entries.size());
  const int rv = Run(step);
  if (rv == RAFT_NOTLEADER) return absl::UnavailableError("not the leader");
  CHECK_EQ(rv, 0);
  return TakeUpdate(step);
}

// One server, one step, and nobody in another's place: a newcomer there would inherit what the
// leader believes that the other one has.
absl::Status Core::CheckStep(const Configuration& next) const {
  if (!next.Valid() || next.servers.size() > kMaxServers) return Wrong("bad configuration");
  const std::vector<Server>& now = configuration().servers;
  std::vector<Server> kept;
  size_t steps = 0;
  for (const Server& server : now) {
    const Server* then = next.Find(server.id);
    if (then != nullptr) kept.push_back(*then);
    if (then == nullptr || then->role != server.role) ++steps;
  }
  if (!std::equal(kept.begin(), kept.end(), next.servers.begin())) {
    return Wrong("servers have changed places");
  }
  steps += next.servers.size() - kept.size();
  if (steps > 1) return Wrong("more than one step");
  return absl::OkStatus();
}

absl::StatusOr<Update> Core::Configure(int64_t now_ms, const Configuration& next) {
  if (!leads() || transferring()) return absl::UnavailableError("not the leader");
  if (log_.TermAt(std::min(commit_, log_.last())) != term()) {
    return absl::FailedPreconditionError("no entry of this term is committed yet");
  }
  if (absl::Status step = CheckStep(next); !step.ok()) return step;
  const std::vector<EntryPtr> entries = {std::make_shared<const Entry>(
      Entry{term(), EntryType::kConfiguration, absl::UnixEpoch(), EncodeConfiguration(next)})};
  Step step(RAFT_SUBMIT, now_ms);
  step.sources = &entries;
  step.entries.push_back(ToLibraft(*entries[0]));
  step.entries[0].buf = EncodeForLibraft(entries[0]->payload);
  step.event.submit.entries = step.entries.data();
  step.event.submit.n = 1;
  const int rv = Run(step);
  raft_free(step.entries[0].buf.base);
  if (rv == RAFT_CANTCHANGE) {
    return absl::FailedPreconditionError("another change is under way");
  }
  CHECK_EQ(rv, 0);
  return TakeUpdate(step);
}

Update Core::Persisted(int64_t now_ms, RaftIndex index) {
  Step step(RAFT_PERSISTED_ENTRIES, now_ms);
  step.event.persisted_entries.index = index.value();
  CHECK_EQ(Run(step), 0);
  return TakeUpdate(step);
}

Update Core::ConfigurationApplied(int64_t now_ms, RaftIndex index,
                                  const Configuration& configuration) {
  Step step(RAFT_CONFIGURATION, now_ms);
  step.event.configuration.index = index.value();
  step.event.configuration.conf = ToLibraft(configuration);  // the core takes it
  CHECK_EQ(Run(step), 0);
  return TakeUpdate(step);
}

Update Core::Cut(int64_t now_ms, const LogStart& start) {
  Step step(RAFT_SNAPSHOT, now_ms);
  raft_snapshot_metadata& metadata = step.event.snapshot.metadata;
  metadata.index = start.index.value();
  metadata.term = start.term.value();
  metadata.configuration = ToLibraft(start.configuration);  // the core takes it
  metadata.configuration_index = start.configuration_index.value();
  step.event.snapshot.trailing = 0;
  CHECK_EQ(Run(step), 0);
  return TakeUpdate(step);
}

absl::StatusOr<Update> Core::Transfer(int64_t now_ms, NodeId to) {
  Step step(RAFT_TRANSFER, now_ms);
  step.event.transfer.server_id = to.value();
  const int rv = Run(step);
  if (rv == RAFT_NOTLEADER) return absl::UnavailableError("not the leader, or handing over");
  if (rv == RAFT_BADID || rv == RAFT_NOTFOUND) return Wrong("not another voter of the group");
  CHECK_EQ(rv, 0);
  return TakeUpdate(step);
}

absl::StatusOr<Update> Core::Receive(int64_t now_ms, NodeId from, const MessageBody& body) {
  if (from == NodeId(0) || from == options_.id) return Wrong("impossible sender");
  const std::string address = AddressOf(from.value());
  absl::Status good = std::visit(
      [&](const auto& m) -> absl::Status {
        if constexpr (requires { Check(from, m); }) {
          return Check(from, m);
        } else {
          return Wrong("not for the core");
        }
      },
      body);
  if (!good.ok()) return good;
  if (const auto* m = std::get_if<AppendEntries>(&body)) return ReceiveAppend(now_ms, from, *m);

  Step step(RAFT_RECEIVE, now_ms);
  raft_message message = MessageFrom(from, address, RAFT_REQUEST_VOTE);
  step.event.receive.message = &message;
  if (const auto* m = std::get_if<AppendEntriesResult>(&body)) {
    message.type = RAFT_APPEND_ENTRIES_RESULT;
    message.append_entries_result.term = m->term.value();
    message.append_entries_result.rejected = m->rejected.value();
    message.append_entries_result.last_log_index = m->last_index.value();
  } else if (const auto* m = std::get_if<RequestVote>(&body)) {
    message.request_vote.term = m->term.value();
    message.request_vote.candidate_id = from.value();
    message.request_vote.last_log_index = m->last_index.value();
    message.request_vote.last_log_term = m->last_term.value();
    message.request_vote.disrupt_leader = m->disrupt_leader;
    message.request_vote.pre_vote = m->pre_vote;
  } else if (const auto* m = std::get_if<RequestVoteResult>(&body)) {
    message.type = RAFT_REQUEST_VOTE_RESULT;
    message.request_vote_result.version = 2;  // knows pre_vote
    message.request_vote_result.term = m->term.value();
    message.request_vote_result.vote_granted = m->granted;
    message.request_vote_result.pre_vote = m->pre_vote;
  } else if (const auto* m = std::get_if<TimeoutNow>(&body)) {
    message.type = RAFT_TIMEOUT_NOW;
    message.timeout_now.term = m->term.value();
    message.timeout_now.last_log_index = m->last_index.value();
    message.timeout_now.last_log_term = m->last_term.value();
  }
  CHECK_EQ(Run(step), 0);
  return TakeUpdate(step);
}

absl::StatusOr<Update> Core::ReceiveAppend(int64_t now_ms, NodeId from, AppendEntries m) {
  // What is cut is committed: the log matches there by all that Raft promises. The core would take
  // such entries for new ones.
  const LogStart& start = log_.start();
  if (m.prev_index < start.index) {
    const uint64_t gone = start.index.value() - m.prev_index.value();
    if (gone <= m.entries.size() && m.entries[gone - 1]->term != start.term) {
      return Wrong("conflicts with what is committed and cut");
    }
    m.entries.erase(m.entries.begin(),
                    m.entries.begin() + std::min<uint64_t>(gone, m.entries.size()));
    m.prev_index = start.index;
    m.prev_term = start.term;
  }
  // Else a late duplicate could lower the core's commit index.
  const RaftIndex end(m.prev_index.value() + m.entries.size());
  m.commit = std::min(m.commit, end);

  Step step(RAFT_RECEIVE, now_ms);
  step.sources = &m.entries;
  const std::string address = AddressOf(from.value());
  raft_message message = MessageFrom(from, address, RAFT_APPEND_ENTRIES);
  step.event.receive.message = &message;
  message.append_entries.term = m.term.value();
  message.append_entries.prev_log_index = m.prev_index.value();
  message.append_entries.prev_log_term = m.prev_term.value();
  message.append_entries.leader_commit = m.commit.value();
  message.append_entries.n_entries = static_cast<unsigned>(m.entries.size());

  // All of one append is one piece of memory, which the core frees if it has no use for it.
  void* batch = nullptr;
  for (const EntryPtr& entry : m.entries) {
    raft_entry& converted = step.entries.emplace_back(ToLibraft(*entry));
    if (entry->type == EntryType::kConfiguration) {
      CHECK(batch == nullptr || options_.take_configurations_anywhere)
          << "a configuration is not the first of its append";
      converted.buf = EncodeForLibraft(entry->payload);
      if (batch != nullptr) {  // planted bug: the memory is lost
        converted.batch = batch;
        continue;
      }
      batch = converted.buf.base;
    } else if (batch == nullptr) {
      batch = raft_malloc(1);
    }
    converted.batch = batch;
  }
  message.append_entries.entries = step.entries.data();
  CHECK_EQ(Run(step), 0);
  if (m.term == term()) leader_term_ = m.term;
  const bool ours = (step.update.flags & (RAFT_UPDATE_ENTRIES)) != 0;
  Update update = TakeUpdate(step);
  if (ours) raft_free(batch);
  return update;
}

std::vector<AppendEntries> Core::SplitAtConfigurations(AppendEntries append) {
  std::vector<AppendEntries> pieces;
  RaftIndex prev_index = append.prev_index;
  Term prev_term = append.prev_term;
  for (EntryPtr& entry : append.entries) {
    if (pieces.empty() || entry->type == EntryType::kConfiguration) {
      AppendEntries& piece = pieces.emplace_back();
      piece.term = append.term;
      piece.prev_index = prev_index;
      piece.prev_term = prev_term;
      piece.commit = append.commit;
      piece.matched_by_all = append.matched_by_all;
    }
    prev_index = Next(prev_index);
    prev_term = entry->term;
    pieces.back().entries.push_back(std::move(entry));
  }
  if (pieces.empty()) pieces.push_back(std::move(append));
  return pieces;
}

// Turns what came out of a step into values before anything else can happen to it.
Update Core::TakeUpdate(Step& step) {
  const raft_update& in = step.update;
  struct ::raft& r = raft_->r;
  CHECK((in.flags & (RAFT_UPDATE_SNAPSHOT)) == 0);
  Update out;
  if ((in.flags & (RAFT_UPDATE_CURRENT_TERM | RAFT_UPDATE_VOTED_FOR)) != 0) {
    out.hard_state = HardState{Term(r.current_term), NodeId(r.voted_for)};
  }
  if ((in.flags & (RAFT_UPDATE_ENTRIES)) != 0) {
    Update::Append& append = out.append.emplace();
    append.first = RaftIndex(in.entries.index);
    if (in.entries.batch == &r.barrier) {
      append.entries.push_back(std::make_shared<const Entry>(
          Entry{Term(r.barrier.term), EntryType::kBarrier, absl::UnixEpoch(), ""}));
      raft_free(r.barrier.batch);
    } else {
      CHECK(step.sources != nullptr);
      const size_t skipped = static_cast<size_t>(in.entries.batch - step.entries.data());
      append.entries.assign(step.sources->begin() + skipped,
                            step.sources->begin() + skipped + in.entries.n);
    }
  }
  for (unsigned i = 0; (in.flags & (RAFT_UPDATE_MESSAGES)) != 0 && i < in.messages.n; ++i) {
    const raft_message& m = in.messages.batch[i];
    Update::Outgoing& outgoing = out.messages.emplace_back();
    outgoing.to = NodeId(m.server_id);
    switch (m.type) {
      case RAFT_APPEND_ENTRIES:
        outgoing.body = AppendEntries{Term(m.append_entries.term),
                                      RaftIndex(m.append_entries.prev_log_index),
                                      Term(m.append_entries.prev_log_term),
                                      RaftIndex(m.append_entries.leader_commit),
                                      RaftIndex(0),
                                      {}};
        outgoing.entry_count = m.append_entries.n_entries;
        break;
      case RAFT_APPEND_ENTRIES_RESULT:
        outgoing.body = AppendEntriesResult{Term(m.append_entries_result.term),
                                            RaftIndex(m.append_entries_result.rejected),
                                            RaftIndex(m.append_entries_result.last_log_index)};
        break;
      case RAFT_REQUEST_VOTE:
        outgoing.body =
            RequestVote{Term(m.request_vote.term), RaftIndex(m.request_vote.last_log_index),
                        Term(m.request_vote.last_log_term), m.request_vote.disrupt_leader,
                        m.request_vote.pre_vote};
        break;
      case RAFT_REQUEST_VOTE_RESULT:
        outgoing.body =
            RequestVoteResult{Term(m.request_vote_result.term), m.request_vote_result.vote_granted,
                              m.request_vote_result.pre_vote};
        break;
      case RAFT_TIMEOUT_NOW:
        outgoing.body =
            TimeoutNow{Term(m.timeout_now.term), RaftIndex(m.timeout_now.last_log_index),
                       Term(m.timeout_now.last_log_term)};
        break;
      case RAFT_INSTALL_SNAPSHOT:
        // The log is never cut past what every server has, so nobody can be in need of one.
        out.messages.pop_back();
        break;
    }
  }
  out.role_changed = (in.flags & (RAFT_UPDATE_STATE)) != 0;
  commit_ = std::max(commit_, RaftIndex(raft_commit_index(&r)));

  Configuration& configuration = raft_->configuration;
  configuration.servers.clear();
  for (unsigned i = 0; i < r.configuration.n; ++i) {
    const raft_server& server = r.configuration.servers[i];
    const ServerRole role = server.role == RAFT_VOTER     ? ServerRole::kVoter
                            : server.role == RAFT_STANDBY ? ServerRole::kStandby
                                                          : ServerRole::kSpare;
    configuration.servers.push_back(Server{NodeId(server.id), role});
  }
  return out;
}

// --- What a peer may say ---

bool Core::IsBehindAnother(RaftIndex configuration) const {
  const RaftIndex pending(raft_->r.configuration_uncommitted_index);
  return pending > RaftIndex(0) && configuration > pending;
}

std::optional<RaftIndex> Core::MustWaitFor(const AppendEntries& append) const {
  if (append.entries.empty() || append.entries[0]->type != EntryType::kConfiguration ||
      !IsBehindAnother(Next(append.prev_index))) {
    return std::nullopt;
  }
  return RaftIndex(raft_->r.configuration_uncommitted_index);
}

absl::Status Core::CheckEntries(const AppendEntries& m) const {
  Term term = m.prev_term;
  RaftIndex index = m.prev_index;
  for (size_t i = 0; i < m.entries.size(); ++i) {
    const Entry& entry = *m.entries[i];
    index = Next(index);
    if (entry.term < term || entry.term > m.term || entry.term == Term(0)) {
      return Wrong("terms of entries fall, or rise above the leader's");
    }
    term = entry.term;
    const bool configures = entry.type == EntryType::kConfiguration;
    if (configures && i > 0 && !options_.take_configurations_anywhere) {
      return Wrong("a configuration is not the first of its append");
    }
    if (configures && !DecodeConfiguration(entry.payload).ok()) return Wrong("bad configuration");
    if (index == RaftIndex(1) && !configures) return Wrong("a log begins with a configuration");
    const std::optional<Term> known = log_.TermAt(index);
    if (known.has_value() && *known != entry.term && (index <= commit_ || index == RaftIndex(1))) {
      return Wrong("conflicts with what is committed");
    }
    if (configures && IsBehindAnother(index)) {
      return Wrong("a configuration before the one ahead of it is applied");
    }
  }
  return absl::OkStatus();
}

absl::Status Core::Check(NodeId from, const AppendEntries& m) const {
  if (m.term == Term(0)) return Wrong("term zero");
  if (m.term == term() && leads()) return Wrong("a second leader in this term");
  if (m.term == term() && leader().has_value() && *leader() != from) {
    return Wrong("a second leader in this term");
  }
  if ((m.prev_index == RaftIndex(0)) != (m.prev_term == Term(0))) return Wrong("half an entry");
  if (m.prev_term > m.term) return Wrong("an entry of a later term than the leader's");
  const std::optional<Term> known = log_.TermAt(m.prev_index);
  if (known.has_value() && *known != m.prev_term && m.prev_index <= commit_) {
    return Wrong("conflicts with what is committed");
  }
  return CheckEntries(m);
}

absl::Status Core::Check(NodeId from, const AppendEntriesResult& m) const {
  if (!leads()) return Wrong("not the leader");
  if (m.term <= Term(0)) return Wrong("term zero");
  if (m.term != term()) return absl::OkStatus();  // only the term counts
  const std::optional<RaftIndex> match = Match(from);
  if (!match.has_value()) return Wrong("not in the group");
  if (m.rejected > RaftIndex(0)) {
    if (m.rejected <= *match || m.last_index < *match) return Wrong("takes back what it has");
    if (m.last_index >= m.rejected) return Wrong("rejects what it has");
  } else if (m.last_index > log_.last()) {
    return Wrong("has more than there is");
  }
  return absl::OkStatus();
}

absl::Status Core::Check(NodeId, const RequestVote& m) const {
  if (m.term == Term(0)) return Wrong("term zero");
  if ((m.last_index == RaftIndex(0)) != (m.last_term == Term(0))) return Wrong("half an entry");
  if (m.last_term > m.term) return Wrong("an entry of a later term than the candidate's");
  return absl::OkStatus();
}

absl::Status Core::Check(NodeId, const RequestVoteResult& m) const {
  if (role() != Role::kCandidate) return Wrong("not a candidate");
  const bool pre_vote = raft_->r.candidate_state.in_pre_vote;
  if (pre_vote && m.granted && m.term.value() > term().value() + 1) {
    return Wrong("grants a term that was not asked for");
  }
  return absl::OkStatus();
}

absl::Status Core::Check(NodeId from, const TimeoutNow& m) const {
  if (m.term != term() || leader() != from) return Wrong("not from the leader of this term");
  return absl::OkStatus();
}

// --- What the core knows ---

Core::Role Core::role() const {
  switch (raft_->r.state) {
    case RAFT_LEADER:
      return Role::kLeader;
    case RAFT_CANDIDATE:
      return Role::kCandidate;
    default:
      return Role::kFollower;
  }
}

bool Core::transferring() const { return raft_transferee(&raft_->r) != 0; }

Term Core::term() const { return Term(raft_current_term(&raft_->r)); }

std::optional<NodeId> Core::leader() const {
  const struct ::raft& r = raft_->r;
  if (r.state == RAFT_LEADER) return options_.id;
  if (r.state != RAFT_FOLLOWER || r.follower_state.current_leader.id == 0) return std::nullopt;
  if (leader_term_ != term()) return std::nullopt;
  return NodeId(r.follower_state.current_leader.id);
}

const Configuration& Core::configuration() const { return raft_->configuration; }

std::optional<RaftIndex> Core::Match(NodeId server) const {
  raft_index index = 0;
  if (raft_match_index(&raft_->r, server.value(), &index) != 0) return std::nullopt;
  return RaftIndex(index);
}

}  // namespace packetboat::raft
