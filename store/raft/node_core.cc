#include "store/raft/node_core.h"

#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status.h"
#include "store/raft/codec.h"

namespace packetboat::raft {
namespace {

// What one group has on disk.
struct Recovered {
  EntryLog log;
  HardState hard_state;
  replication::AppliedMark applied;
};

absl::Status Inconsistent(ShardId shard, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("shard ", shard.value(), ": ", why));
}

absl::StatusOr<Recovered> RecoverGroup(ShardId shard, const Options& options, kv::Database& log,
                                       kv::Database& state) {
  Recovered group{EntryLog(shard, log, options.entry_cache_bytes), {}, {}};
  RETURN_IF_ERROR(group.log.Recover());

  const std::string key = HardStateKey(shard);
  ASSIGN_OR_RETURN(const std::optional<std::string> record, log.Get(kv::kLogMeta, key));
  if (record.has_value()) {
    ASSIGN_OR_RETURN(group.hard_state, DecodeHardStateRecord(key, *record));
  }
  if (group.hard_state.term < group.log.last_term()) {
    return Inconsistent(shard, "the log is of a later term than the one on record");
  }

  ASSIGN_OR_RETURN(const std::optional<replication::AppliedMark> applied,
                   replication::Applier::ReadMark(state, shard));
  if (applied.has_value()) group.applied = *applied;
  if (group.applied.index < group.log.start().index) {
    return Inconsistent(shard, "the state ends before the log begins");
  }
  if (group.applied.index > group.log.last()) {
    return Inconsistent(shard, "the log has lost entries that were applied");
  }
  if (group.log.TermAt(group.applied.index) != group.applied.term) {
    return Inconsistent(shard, "the state was made from another log");
  }
  return group;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeCore>> NodeCore::Open(const Options& options, uint64_t seed,
                                                         kv::Database& log, kv::Database& state,
                                                         const Clock& clock) {
  ASSIGN_OR_RETURN(Identity identity, BeginLife(log, state));
  std::unique_ptr<NodeCore> node(new NodeCore(options, std::move(identity), clock));
  RETURN_IF_ERROR(node->Recover(seed, log, state));
  return node;
}

absl::Status NodeCore::Recover(uint64_t seed, kv::Database& log, kv::Database& state) {
  kv::WriteBatch raised;
  for (uint32_t i = 0; i < identity_.shards; ++i) {
    const ShardId shard(i);
    ASSIGN_OR_RETURN(Recovered group, RecoverGroup(shard, options_, log, state));
    RaftIndex at;
    const Configuration& configuration = group.log.ConfigurationAt(group.log.last(), &at);
    if (Core::MustRaiseTerm(configuration, identity_.node) &&
        !options_.test_faults.restart_in_old_term) {
      group.hard_state = {Term(group.hard_state.term.value() + 1), identity_.node};
      const std::string key = HardStateKey(shard);
      raised.Put(kv::kLogMeta, key, EncodeHardStateRecord(key, group.hard_state));
    }
    recovered_.push_back(group.applied);
    groups_.push_back(std::make_unique<GroupDriver>(
        shard, identity_.node, identity_.starts, static_cast<uint32_t>(seed + i), options_,
        std::move(group.log), group.hard_state, group.applied,
        [&state, shard]() -> absl::StatusOr<replication::AppliedMark> {
          ASSIGN_OR_RETURN(const std::optional<replication::AppliedMark> mark,
                           replication::Applier::ReadFlushedMark(state, shard));
          return mark.value_or(replication::AppliedMark());
        },
        clock_, reports_, effects_));
  }
  if (!raised.empty()) RETURN_IF_ERROR(log.Write(raised, kv::Durability::kSynced));
  for (const auto& group : groups_) group->Start();
  return absl::OkStatus();
}

// --- Events ---

void NodeCore::Tick() {
  WatchDisk();
  absl::Duration rest;
  const int64_t beat = absl::IDivDuration(clock_.Monotonic(), options_.heartbeat, &rest);
  const bool beats = std::exchange(last_beat_, beat) != beat;
  for (const auto& group : groups_) group->Tick(beats);
}

void NodeCore::OnSpace(const kv::DiskSpace& space) {
  free_bytes_ = space.free_bytes;
  const uint64_t free = space.free_bytes;
  const SpaceLevel level = free >= options_.disk_reserve_soft       ? SpaceLevel::kAmple
                           : free >= options_.disk_reserve_hard     ? SpaceLevel::kLow
                           : free >= options_.disk_reserve_hard / 2 ? SpaceLevel::kShort
                                                                    : SpaceLevel::kNone;
  if (level == space_) return;
  space_ = level;
  if (level == SpaceLevel::kAmple) {
    log::Info("the disk has room again", {{"free_bytes", free}});
  } else {
    log::Error("the disk is short of space", {{"free_bytes", free},
                                              {"reserve_soft", options_.disk_reserve_soft},
                                              {"reserve_hard", options_.disk_reserve_hard}});
  }
  for (const auto& group : groups_) group->SetSpace(level);
}

void NodeCore::WatchDisk() {
  const bool stalled =
      writing_.has_value() && clock_.Monotonic() - writing_since_ >= options_.disk_stall;
  if (stalled == stalled_ || !health_.ok()) return;
  stalled_ = stalled;
  if (stalled) {
    log::Error("the log's disk does not answer: leadership given up",
               {{"after", clock_.Monotonic() - writing_since_}});
  } else {
    log::Warning("the log's disk answers again");
  }
  for (const auto& group : groups_) group->SetStalled(stalled);
}

void NodeCore::Receive(NodeId from, absl::string_view bytes) {
  absl::StatusOr<Frame> frame = DecodeFrame(bytes);
  Peer& peer = peers_[from];
  // In order and once: what comes late is as good as lost.
  if (!frame.ok() ||
      std::tie(frame->incarnation, frame->sequence) <= std::tie(peer.incarnation, peer.sequence)) {
    ++dropped_frames_;
    return;
  }
  peer.incarnation = frame->incarnation;
  peer.sequence = frame->sequence;
  reports_.Heard(from, *frame, clock_.Monotonic());
  for (Message& message : frame->messages) {
    if (message.shard.value() >= groups_.size()) continue;
    groups_[message.shard.value()]->Receive(from, std::move(message));
  }
}

void NodeCore::OnLogWritten(uint64_t number, const absl::Status& status) {
  CHECK(writing_ == number);
  writing_.reset();
  if (!status.ok()) return Fail(Annotate(status, "the log could not be written"));
  WatchDisk();
  for (const auto& group : groups_) group->OnDurable(number);
}

void NodeCore::OnApplied(const ApplyOutcome& outcome) {
  groups_.at(outcome.shard.value())->OnApplied(outcome);
  if (!outcome.status.ok()) Fail(Annotate(outcome.status, "the state could not be written"));
}

void NodeCore::OnFlushed(const absl::Status& status) {
  flushing_ = false;
  flushed_bytes_ = flushing_bytes_;
  if (!status.ok()) return Fail(Annotate(status, "the state could not be flushed"));
  for (const auto& group : groups_) group->OnFlushed();
}

void NodeCore::Drain() {
  for (const auto& group : groups_) group->Drain();
}

void NodeCore::Fail(const absl::Status& why) {
  if (!health_.ok()) return;
  health_ = why;
  for (const auto& group : groups_) group->Fail(why);
}

// --- Effects ---

void NodeCore::Settle() {
  // Another group goes first after each write: what does not fit into one waits for the next.
  for (size_t i = 0; i < groups_.size(); ++i) groups_[(turn_ + i) % groups_.size()]->Settle();
  // A group that failed by itself (its log could not be read back) takes the node with it: one
  // disk.
  for (const auto& group : groups_) {
    if (group->failed()) return Fail(group->Status().health);
  }
}

std::optional<LogWrite> NodeCore::TakeLogWrite() {
  if (writing_.has_value() || effects_.log.empty() || !health_.ok()) return std::nullopt;
  LogWrite write{effects_.write_number, std::exchange(effects_.log, {})};
  ++effects_.write_number;
  ++turn_;
  writing_ = write.number;
  writing_since_ = clock_.Monotonic();
  return write;
}

std::vector<std::pair<NodeId, std::string>> NodeCore::TakeFrames() {
  std::map<NodeId, std::vector<Frame>> by_node;
  std::map<NodeId, size_t> bytes;
  for (auto& [to, message] : std::exchange(effects_.messages, {})) {
    std::vector<Frame>& frames = by_node[to];
    const size_t size = EncodedBytes(message);
    if (frames.empty() || bytes[to] + size > options_.max_frame_bytes ||
        frames.back().messages.size() >= kMaxMessagesPerFrame) {
      Frame& frame = frames.emplace_back();
      frame.incarnation = identity_.starts;
      frame.sequence = ++peers_[to].sent;
      frame.sent_at = clock_.Now();
      frame.space = space_;
      frame.free_bytes = free_bytes_;
      bytes[to] = 0;
    }
    bytes[to] += size;
    frames.back().messages.push_back(std::move(message));
  }
  std::vector<std::pair<NodeId, std::string>> encoded;
  for (const auto& [to, frames] : by_node) {
    for (const Frame& frame : frames) encoded.emplace_back(to, EncodeFrame(frame));
  }
  return encoded;
}

bool NodeCore::TakeFlush() {
  // A restart replays what is not flushed.
  const bool much = effects_.applied_bytes - flushed_bytes_ > options_.max_unflushed_log_bytes;
  if (!(effects_.flush_state || much) || flushing_ || !health_.ok()) return false;
  effects_.flush_state = false;
  flushing_ = true;
  flushing_bytes_ = effects_.applied_bytes;
  return true;
}

absl::Status CarryOut(const LogWrite& write, const Options& options, kv::Database& log) {
  return log.Write(write.batch, options.test_faults.skip_log_sync ? kv::Durability::kLazy
                                                                  : kv::Durability::kSynced);
}

bool NodeCore::drained() const {
  for (const auto& group : groups_) {
    if (!group->drained()) return false;
  }
  return true;
}

}  // namespace packetboat::raft
