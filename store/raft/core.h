#ifndef PACKETBOAT_STORE_RAFT_CORE_H_
#define PACKETBOAT_STORE_RAFT_CORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "store/raft/entry_log.h"
#include "store/raft/types.h"

namespace packetboat::raft {

// What one step asks for. Values: nothing points into the core.
struct Update {
  struct Append {
    // In the log or right behind it; what is there from here on goes.
    RaftIndex first;
    std::vector<EntryPtr> entries;
  };
  struct Outgoing {
    NodeId to;
    // An AppendEntries has no entries yet: `entry_count` of them follow its prev_index.
    MessageBody body;
    size_t entry_count = 0;
  };

  // To be durable before any of `messages` leaves.
  std::optional<HardState> hard_state;
  std::optional<Append> append;
  std::vector<Outgoing> messages;
  bool role_changed = false;
};

// One group's consensus: libraft's raft_step() with the rules of its use built in. The only code
// that knows libraft. Deterministic; owns no thread, clock, disk or socket. Thread-compatible.
//
// After every call that returns an update, its append must be in `log` before the next call. Times
// are in milliseconds since some start and never go back.
class Core {
 public:
  struct Options {
    NodeId id;
    int64_t election_timeout_ms = 400;
    // A leader's ticks are further apart than a round trip: each takes every server for lost that
    // was not heard since the last one.
    int64_t heartbeat_ms = 80;
    uint32_t seed = 1;
    // Entries on the way to one follower; their bytes are bounded by how appends are split.
    uint32_t max_inflight_entries = 256;
    // Planted bug: a configuration may stand anywhere in an append.
    bool take_configurations_anywhere = false;
  };

  // `log` is read, never written, and must outlive the core.
  Core(Options options, const EntryLog& log);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // First, once: takes up what is durable, as it is in `log`. If this node is the only voter it
  // leads at once, so `state` must then be of a term that it never led in, with its own vote: see
  // MustRaiseTerm().
  Update Start(int64_t now_ms, const HardState& state);

  // Whether a node that starts with this configuration would lead without an election. It must
  // first make durable the next term and its own vote, or two entries could differ at one index and
  // term.
  static bool MustRaiseTerm(const Configuration& configuration, NodeId id);

  // To be called at next_timeout_ms() or soon after.
  Update Tick(int64_t now_ms);
  int64_t next_timeout_ms() const;

  // Takes a message of `from`, which the transport vouches for. kInvalidArgument: it says what no
  // correct node says, or what this core could not survive, and was dropped; nothing has changed.
  // Configurations among the entries are allowed in first place only: see SplitAtConfigurations().
  absl::StatusOr<Update> Receive(int64_t now_ms, NodeId from, const MessageBody& body);

  // The configuration that has to be applied here before an append that begins with another one can
  // be taken; the leader says it again. That one is committed: nobody who leads appends a
  // configuration behind one that it has not applied. The leader may have forgotten so in a
  // restart, and then cannot find out before this server has taken entries of its term.
  std::optional<RaftIndex> MustWaitFor(const AppendEntries& append) const;

  // Pieces of an append such that a configuration is the first entry of its piece.
  static std::vector<AppendEntries> SplitAtConfigurations(AppendEntries append);

  // Appends entries of the present term as the leader. kUnavailable: not leader, or about to hand
  // over.
  absl::StatusOr<Update> Submit(int64_t now_ms, const std::vector<EntryPtr>& entries);

  // Appends a configuration as the leader, alone: the core refuses one behind another that is not
  // applied yet, and this one until an entry of its own term is committed. At most one server is
  // added behind the others, removed, or given another role. kUnavailable, kInvalidArgument;
  // kFailedPrecondition: not yet.
  absl::StatusOr<Update> Configure(int64_t now_ms, const Configuration& next);

  // The log is durable up to `index`, which is above what was said before, if not truncated since.
  Update Persisted(int64_t now_ms, RaftIndex index);
  // The configuration at `index` was applied.
  Update ConfigurationApplied(int64_t now_ms, RaftIndex index, const Configuration& configuration);
  // The log is about to be cut behind `start.index`, which is applied and in the log.
  Update Cut(int64_t now_ms, const LogStart& start);

  // Begins to hand leadership to another voter; zero: to the best one. kUnavailable,
  // kInvalidArgument.
  absl::StatusOr<Update> Transfer(int64_t now_ms, NodeId to);

  enum class Role { kFollower, kCandidate, kLeader };
  Role role() const;
  bool leads() const { return role() == Role::kLeader; }
  // Another server is about to take over: nothing can be submitted.
  bool transferring() const;
  Term term() const;
  // Of this term, as far as it was heard of.
  std::optional<NodeId> leader() const;
  // Never falls.
  RaftIndex commit() const { return commit_; }
  // In use, committed or not.
  const Configuration& configuration() const;
  // Of a leader: up to where the log of `server` is known to match; nothing, if not in the group.
  std::optional<RaftIndex> Match(NodeId server) const;

 private:
  struct Raft;
  struct Step;

  absl::Status Check(NodeId from, const AppendEntries& m) const;
  absl::Status Check(NodeId from, const AppendEntriesResult& m) const;
  absl::Status Check(NodeId from, const RequestVote& m) const;
  absl::Status Check(NodeId from, const RequestVoteResult& m) const;
  absl::Status Check(NodeId from, const TimeoutNow& m) const;
  absl::Status CheckEntries(const AppendEntries& m) const;
  bool IsBehindAnother(RaftIndex configuration) const;

  absl::Status CheckStep(const Configuration& next) const;
  absl::StatusOr<Update> ReceiveAppend(int64_t now_ms, NodeId from, AppendEntries m);
  int Run(Step& step);
  Update TakeUpdate(Step& step);

  const Options options_;
  const EntryLog& log_;
  std::unique_ptr<Raft> raft_;
  RaftIndex commit_;
  // Of the last append that was taken. The library goes on naming the leader of an earlier term
  // when a vote has raised the term.
  Term leader_term_;
  int64_t last_ms_ = 0;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_CORE_H_
