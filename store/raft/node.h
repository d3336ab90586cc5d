#ifndef PACKETBOAT_STORE_RAFT_NODE_H_
#define PACKETBOAT_STORE_RAFT_NODE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "store/kv/database.h"
#include "store/raft/options.h"
#include "store/raft/transport.h"
#include "store/replication/group.h"
#include "store/replication/state_machine.h"

namespace packetboat::raft {

struct NodeOptions {
  Options raft;
  // The folder belongs to this cluster for good.
  std::string cluster = "packetboat";

  // A folder that is not bootstrapped yet begins a cluster of one with so many shards, for good.
  // Zero: it is refused (identity.h makes identities and bootstraps larger clusters).
  uint32_t bootstrap_shards = 16;

  // Threads that apply; a shard always has the same one.
  int apply_threads = 1;
  // Frames of other nodes that wait to be taken up; beyond, they are dropped.
  size_t max_received_bytes = size_t{64} << 20;
  // How long Stop() waits for what is in flight.
  absl::Duration drain_timeout = absl::Seconds(5);
};

// All Raft groups of a store process: NodeCore on threads. One thread steps the groups and their
// timers; one writes the log, one synced write at a time for all groups; others apply, and make the
// callbacks; one flushes state.
//
//   auto log = kv::OpenRocksDb({.path = dir + "/log", .profile = kv::Profile::kLog, ...});
//   auto state = kv::OpenRocksDb({.path = dir + "/state", .profile = kv::Profile::kState, ...});
//   auto node = raft::Node::Start(options, **log, **state, factory, transport);
//   (*node)->group(shard).Propose(...);
//
// Thread-safe. Groups live as long as the node.
class Node {
 public:
  // Recovers every group from the databases and starts. All references must outlive the node.
  // `factory` is called once for each shard. Errors: see NodeCore::Open().
  static absl::StatusOr<std::unique_ptr<Node>> Start(
      const NodeOptions& options, kv::Database& log, kv::Database& state,
      const replication::StateMachineFactory& factory, Transport& transport,
      const Clock& clock = SystemClock(), Random& random = SystemRandom());

  // Stop(), if that was not done.
  virtual ~Node() = default;

  virtual NodeId id() const = 0;
  // Shards are numbered from 0.
  virtual uint32_t shards() const = 0;
  virtual replication::Group& group(ShardId shard) = 0;
  virtual replication::StateMachine& machine(ShardId shard) = 0;

  // OK, or why this node can do no more than serve reads: its log or state could not be written,
  // and only a restart tells what the disk holds (SEMANTICS.md s5). Stays so.
  virtual absl::Status health() const = 0;
  // Called once, from a thread of the node, when health() stops being OK; at once if it is not.
  virtual void OnUnhealthy(std::function<void(const absl::Status&)> observer) = 0;

  // Takes no more proposals, waits for what is in flight up to drain_timeout, hands leadership to
  // other voters, makes every callback, flushes the state, ends all threads. Once; blocks.
  virtual void Stop() = 0;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_NODE_H_
