#ifndef PACKETBOAT_STORE_RAFT_NODE_CORE_H_
#define PACKETBOAT_STORE_RAFT_NODE_CORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/ids.h"
#include "store/kv/database.h"
#include "store/raft/effects.h"
#include "store/raft/group_driver.h"
#include "store/raft/identity.h"
#include "store/raft/options.h"
#include "store/raft/peer_reports.h"

namespace packetboat::raft {

// All groups of one node, without threads: events in, effects out. `Node` runs it on threads; the
// simulator runs many of them in one.
//
//   after each turn of events:   Settle(), then take what is there:
//     TakeLogWrite()  -> write it to the log database, synced, and tell OnLogWritten()
//     TakeApplies()   -> RunApply() for each, in order per shard, and tell OnApplied()
//     TakeFrames()    -> send them; may be lost, repeated or late, but not altered
//     TakeCallbacks() -> make them, in order
//     TakeFlush()     -> flush the state database and tell OnFlushed()
//
// Deterministic for the same calls, clock and databases. Reads both databases (old entries, what is
// flushed), writes neither, except in Open(). Thread-compatible.
class NodeCore {
 public:
  // Recovers all groups and makes durable what must be before they run. `log`, `state` and `clock`
  // must outlive the node. Errors: kDataLoss (a damaged or missing record, state and log that do
  // not fit); kFailedPrecondition (identity.h); those of the databases.
  static absl::StatusOr<std::unique_ptr<NodeCore>> Open(const Options& options, uint64_t seed,
                                                        kv::Database& log, kv::Database& state,
                                                        const Clock& clock);

  NodeId id() const { return identity_.node; }
  uint32_t shards() const { return identity_.shards; }
  GroupDriver& group(ShardId shard) { return *groups_.at(shard.value()); }
  const GroupDriver& group(ShardId shard) const { return *groups_.at(shard.value()); }
  // What the state of the shard had applied at Open().
  const replication::AppliedMark& recovered(ShardId shard) const {
    return recovered_.at(shard.value());
  }

  // --- Events ---

  // Timers of all groups, and whether the disk answers. Every heartbeat / 4 or so.
  void Tick();
  // How much is free in the log's folder; to be told about every second. Before the first time
  // there is enough.
  void OnSpace(const kv::DiskSpace& space);
  // Bytes of `from`, which the transport has authenticated. Bad ones are dropped.
  void Receive(NodeId from, absl::string_view frame);
  // The write that was taken last. An error is for good: the disk is not asked again.
  void OnLogWritten(uint64_t number, const absl::Status& status);
  void OnApplied(const ApplyOutcome& outcome);
  void OnFlushed(const absl::Status& status);
  // No new proposals; what is in flight goes on, then leadership goes elsewhere.
  void Drain();
  // Ends everything; all callbacks become due.
  void Fail(const absl::Status& why);

  // --- Effects ---

  void Settle();
  // Nothing, while one is under way.
  std::optional<LogWrite> TakeLogWrite();
  std::vector<ApplyWork> TakeApplies() { return std::exchange(effects_.applies, {}); }
  std::vector<std::pair<NodeId, std::string>> TakeFrames();
  std::vector<Callback> TakeCallbacks() { return std::exchange(effects_.callbacks, {}); }
  // Groups whose status may have changed.
  std::set<ShardId> TakeChanged() { return std::exchange(effects_.changed, {}); }
  bool TakeFlush();

  // Not OK: this node can do no more than serve reads.
  const absl::Status& health() const { return health_; }
  bool stalled() const { return stalled_; }
  SpaceLevel space() const { return space_; }
  const PeerReports& reports() const { return reports_; }
  // After Drain(): nothing of a proposer is on its way, and other voters lead, where there are any.
  bool drained() const;
  uint64_t dropped_frames() const { return dropped_frames_; }

 private:
  struct Peer {
    uint64_t sent = 0;
    // Of the last frame that was taken from it.
    uint64_t incarnation = 0;
    uint64_t sequence = 0;
  };

  NodeCore(const Options& options, Identity identity, const Clock& clock)
      : options_(options), identity_(std::move(identity)), clock_(clock) {}

  absl::Status Recover(uint64_t seed, kv::Database& log, kv::Database& state);
  void WatchDisk();

  const Options options_;
  const Identity identity_;
  const Clock& clock_;
  Effects effects_;
  std::vector<std::unique_ptr<GroupDriver>> groups_;
  std::vector<replication::AppliedMark> recovered_;
  std::map<NodeId, Peer> peers_;
  PeerReports reports_;
  int64_t last_beat_ = -1;
  SpaceLevel space_ = SpaceLevel::kAmple;
  uint64_t free_bytes_ = UINT64_MAX;

  size_t turn_ = 0;
  std::optional<uint64_t> writing_;
  absl::Duration writing_since_;
  bool flushing_ = false;
  // Of effects_.applied_bytes, what the flush under way, and the last one, have made durable.
  uint64_t flushing_bytes_ = 0;
  uint64_t flushed_bytes_ = 0;
  bool stalled_ = false;
  absl::Status health_;
  uint64_t dropped_frames_ = 0;
};

// Writes to the log database what TakeLogWrite() gave.
absl::Status CarryOut(const LogWrite& write, const Options& options, kv::Database& log);

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_NODE_CORE_H_
