#ifndef PACKETBOAT_STORE_RAFT_GROUP_DRIVER_H_
#define PACKETBOAT_STORE_RAFT_GROUP_DRIVER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/ids.h"
#include "store/raft/core.h"
#include "store/raft/effects.h"
#include "store/raft/entry_log.h"
#include "store/raft/fitness.h"
#include "store/raft/options.h"
#include "store/raft/peer_reports.h"
#include "store/raft/read_barrier.h"
#include "store/raft/types.h"
#include "store/raft/waiting_reads.h"
#include "store/replication/applier.h"
#include "store/replication/group.h"

namespace packetboat::raft {

// One group on one node, around its core: proposals, log, what is durable, what is applied, reads.
// Keeps the order that Raft's safety rests on:
//   - a message leaves after the term and vote that it follows from are durable;
//   - an entry is applied, and its proposer answered, after it is committed and durable here;
//   - what was said to be durable is forgotten from a truncation on.
//
// Deterministic: events come in as calls, what is to be done goes to `effects`. No thread, no disk
// writes, no waiting. Thread-compatible; one thread for all groups of a node.
class GroupDriver {
 public:
  // `flushed_mark` tells how far the flushed state of the shard is. `effects`, `clock`, `reports`
  // and what `log` reads from must outlive the driver. `log` has recovered, `hard_state` is durable
  // (raised if Core::MustRaiseTerm() says so), `applied` is what the state has now. `incarnation`
  // rises with every start of the node.
  GroupDriver(ShardId shard, NodeId node, uint64_t incarnation, uint32_t seed,
              const Options& options, EntryLog log, HardState hard_state,
              replication::AppliedMark applied,
              std::function<absl::StatusOr<replication::AppliedMark>()> flushed_mark,
              const Clock& clock, const PeerReports& reports, Effects& effects);
  GroupDriver(const GroupDriver&) = delete;
  GroupDriver& operator=(const GroupDriver&) = delete;

  // First, once.
  void Start();

  // --- From above. Callbacks go to `effects`, never come from within. ---

  void Propose(Proposal proposal);
  void ReadIndex(replication::ReadIndexCallback done);
  void WaitApplied(RaftIndex index, replication::WaitCallback done);
  // Hands leadership to another voter: kUnavailable, kInvalidArgument, or OK once it has begun. It
  // may still come to nothing; the status tells.
  absl::Status Transfer(NodeId to);
  // Puts another configuration into the log, one step from the present one. OK once it is there:
  // Status().voters shows it, core().configuration() too. Statuses: see Core::Configure().
  absl::Status Reconfigure(const Configuration& next);
  // No new proposals. What is in flight goes on; then leadership goes to another voter, if there is
  // one.
  void Drain();

  // --- From the world ---

  // `beat`: time for leaders to be heard. All groups have the same beat, so that what they say
  // shares frames.
  void Tick(bool beat);
  void Receive(NodeId from, Message message);
  // All log writes up to this number are durable.
  void OnDurable(uint64_t write_number);
  void OnApplied(const ApplyOutcome& outcome);
  // The state was flushed: perhaps the log can be cut.
  void OnFlushed();
  // The disk does not answer: send nothing, so that another node takes over; take no proposals.
  void SetStalled(bool stalled);
  // How much room this node's disk has.
  void SetSpace(SpaceLevel level);
  // The disk has failed, or the node stops: nothing goes on, every callback is made. For good.
  void Fail(const absl::Status& why);

  // Submits what has gathered since the last time. To be called after each turn of events.
  void Settle();

  replication::GroupStatus Status() const;
  ShardId shard() const { return shard_; }
  const EntryLog& log() const { return log_; }
  const Core& core() const { return core_; }
  bool failed() const { return !health_.ok(); }
  // Nothing of a proposer is on its way, and no other voter could lead instead.
  bool drained() const { return idle() && (!core_.leads() || lone()); }

 private:
  struct PendingAppend {
    uint64_t write_number;
    RaftIndex last;
  };
  struct HeldMessage {
    uint64_t write_number;
    NodeId to;
    Message message;
  };

  void TickCore(int64_t now, bool beat);
  int64_t NowMs() const { return absl::ToInt64Milliseconds(clock_.Monotonic()); }
  bool TakesProposals() const;
  bool idle() const { return small_.empty() && large_.empty() && proposers_.empty() && !applying_; }
  bool lone() const { return core_.configuration().Voters().size() < 2; }
  // Zero: to whom the library thinks fit.
  absl::Status BeginTransfer(NodeId to);
  void HandOver();

  bool MayCampaign() const;
  void LeaveToAFitterOne();
  // Of the voters that suit and have all that is committed, the one that has most.
  std::optional<NodeId> Successor(absl::FunctionRef<bool(NodeId)> suits) const;

  // Carries out what a step asked for, in the order that it needs.
  void Process(Update update);
  void KeepHardState(const HardState& state);
  void AppendToLog(const Update::Append& append);
  void OnRoleChanged();
  void SubmitQueued();
  // All small ones, then large ones as far as the write of the log has room.
  std::vector<Proposal> TakeQueued();
  void RefuseQueued(absl::string_view why);
  void SubmitBarrier();
  void AcknowledgeTooEarly();  // planted bug

  void SendHeartbeats();
  void SendEmptyAppend(NodeId to, RaftIndex behind);
  void SendAll(std::vector<Update::Outgoing> messages);
  void SendAppend(NodeId to, AppendEntries append, size_t entry_count);
  void Send(NodeId to, MessageBody body);
  void ReceiveAppend(NodeId from, AppendEntries append);
  // False if it was dropped.
  bool ReceiveByCore(NodeId from, const MessageBody& body);

  void AdvanceApply();
  void Dispatch(std::vector<EntryPtr> entries);
  void MaybeCutLog(uint64_t limit_bytes);
  RaftIndex CutLimit() const;
  void NoteMatchedByAll();

  bool OwnTermCommitted() const;
  void StartReadRound();
  void SendReadRound();
  void TakeReader(NodeId from, uint64_t request);
  void AskForReads();
  void AnswerReads(const std::vector<ReadBarrier::Answer>& answers);
  void OnReadAnswer(uint64_t request, std::optional<RaftIndex> index);
  void FailReads(WaitingReads::Callbacks reads, const absl::Status& status);
  void ExpireReads();
  void TellCommit();

  void Later(Callback callback) { effects_.callbacks.push_back(std::move(callback)); }
  void Changed() { effects_.changed.insert(shard_); }
  // Those of entries from `first` on: their outcome is unknown.
  void FailProposers(RaftIndex first, absl::string_view why);
  void FailWaiters(const absl::Status& status);

  const ShardId shard_;
  const NodeId node_;
  const Options options_;
  const Clock& clock_;
  Effects& effects_;
  const std::function<absl::StatusOr<replication::AppliedMark>()> flushed_mark_;

  Fitness fitness_;
  EntryLog log_;
  Core core_;

  HardState hard_state_;
  uint64_t hard_state_write_ = 0;  // the log write that carries it
  uint64_t durable_write_ = 0;
  std::deque<PendingAppend> pending_appends_;
  RaftIndex persisted_;
  std::deque<HeldMessage> held_;  // for their hard state
  // An order to take over: the library sends it with entries still on their way to this log, and
  // passes over it then.
  std::optional<std::pair<NodeId, TimeoutNow>> take_over_;

  // Not in the log yet.
  std::vector<Proposal> small_;
  std::deque<Proposal> large_;
  std::deque<Proposer> proposers_;  // of entries that are not handed to apply yet
  // After leadership was handed over, what was proposed before is answered when the next leader
  // commits it; who still waits then is told that the outcome is unknown.
  int64_t answer_until_ms_ = 0;

  RaftIndex dispatched_;
  bool applying_ = false;
  replication::AppliedMark applied_;
  RaftIndex configuration_told_;  // of the last one that the core knows to be applied

  RaftIndex matched_by_all_;
  bool flush_wanted_ = false;

  ReadBarrier reads_;
  int64_t last_round_ms_ = 0;
  WaitingReads waiting_reads_;
  int64_t ask_at_ms_ = 0;  // not before
  // What a leader has sent to each server of its group.
  struct Sent {
    RaftIndex last;
    int64_t at_ms;
  };
  std::map<NodeId, Sent> sent_;
  int64_t core_ticked_ms_ = 0;
  // How far the readers on other nodes must hear that this leader has committed.
  std::map<NodeId, RaftIndex> commit_awaited_;
  std::multimap<RaftIndex, replication::WaitCallback> waiters_;

  std::optional<NodeId> leader_told_;
  int64_t leaderless_since_ms_ = 0;
  int64_t left_at_ms_ = 0;  // when this leader last asked a fitter one to take over

  bool draining_ = false;
  bool stalled_ = false;
  absl::Status health_;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_GROUP_DRIVER_H_
