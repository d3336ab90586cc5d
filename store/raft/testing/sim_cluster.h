#ifndef PACKETBOAT_STORE_RAFT_TESTING_SIM_CLUSTER_H_
#define PACKETBOAT_STORE_RAFT_TESTING_SIM_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "store/kv/fake_disk.h"
#include "store/raft/node_core.h"
#include "store/raft/options.h"
#include "store/replication/applier.h"
#include "store/replication/testing/counting_machine.h"

namespace packetboat::raft::testing {

// How bad the world is; rates are per cent.
struct SimFaults {
  int lose_percent = 0;
  int duplicate_percent = 0;  // delivered again, later
  int reorder_percent = 0;    // overtaken by later ones; else a pair keeps its order
  absl::Duration max_delay = absl::Milliseconds(5);
};

class SimCluster;

// The cluster's clock, with a wall clock that is off.
class ShiftedClock : public Clock {
 public:
  explicit ShiftedClock(const Clock& base) : base_(base) {}
  absl::Time Now() const override { return base_.Now() + ahead; }
  absl::Duration Monotonic() const override { return base_.Monotonic(); }

  absl::Duration ahead;

 private:
  const Clock& base_;
};

// One node in one thread: its two disks outlive its crashes. What its threads would do waits in
// queues, of which Step() advances one; between any two steps it may crash.
class SimNode {
 public:
  SimNode(SimCluster& cluster, NodeId id, const Options& options);

  // Opens what is on the disks. An error means that the node cannot start.
  absl::Status Boot();
  // Loses everything that is not synced, but for so many of the oldest writes.
  void Crash(uint64_t log_survivors = 0, uint64_t state_survivors = 0);
  bool up() const { return core_ != nullptr; }

  // Advances one of the queues, picked at random; false if all are empty.
  bool Step();
  // A stalled disk finishes no write of the log.
  void StallDisk(bool stalled) { disk_stalled_ = stalled; }
  void Tick();
  void Receive(NodeId from, const std::string& frame);

  NodeId id() const { return id_; }
  NodeCore& core() { return *core_; }
  kv::Database& state() { return *state_; }
  kv::Database& log() { return *log_; }
  // Its wall clock may be off, across crashes too.
  ShiftedClock& clock() { return clock_; }
  kv::FakeDisk& log_disk() { return log_disk_; }
  kv::FakeDisk& state_disk() { return state_disk_; }
  bool Leads(ShardId shard) {
    return up() && core_->group(shard).Status().role == replication::Role::kLeader;
  }

 private:
  friend class SimCluster;

  using Work = absl::AnyInvocable<void()>;

  void Collect();
  void QueueWrite(LogWrite write);
  void QueueApply(ApplyWork work);

  SimCluster& cluster_;
  const NodeId id_;
  const Options options_;
  ShiftedClock clock_;
  kv::FakeDisk log_disk_{kv::Profile::kLog};
  kv::FakeDisk state_disk_{kv::Profile::kState};
  std::unique_ptr<kv::Database> log_;
  std::unique_ptr<kv::Database> state_;
  std::vector<std::unique_ptr<replication::testing::CountingMachine>> machines_;
  std::vector<std::unique_ptr<replication::Applier>> appliers_;
  std::unique_ptr<NodeCore> core_;
  // What the log writer, the apply thread, the callbacks and the flusher have to do.
  std::deque<Work> queues_[4];
  bool disk_stalled_ = false;
};

// Nodes, a network between them, one virtual clock, one seed. Proposes counted commands and keeps
// what was promised, to compare with what is there. Everything that goes wrong is in violations().
class SimCluster {
 public:
  SimCluster(uint64_t seed, int nodes, uint32_t shards, const Options& options);

  // Virtual time passes in steps of one millisecond; in each, frames arrive, timers fire and up to
  // `steps_per_ms` queue steps are made on each node.
  void Run(absl::Duration time);
  // Advances whatever is in the queues until nothing is, without time.
  void RunQueues();

  // Proposes the next command to the leader of the shard, if somebody leads. False if nobody does.
  bool Propose(ShardId shard);
  // Asks a node for a read index, which must then cover everything that is acknowledged by now.
  void Read(int node, ShardId shard);

  // The only node that leads the shard in the highest term, if any.
  SimNode* Leader(ShardId shard);
  SimNode& node(int i) { return *nodes_[static_cast<size_t>(i)]; }
  int size() const { return static_cast<int>(nodes_.size()); }
  void CutOff(int node, bool cut_off);
  // A frozen node (SIGSTOP) does nothing and hears nothing; what callers ask meanwhile is the first
  // that it sees afterwards.
  void Freeze(int node, bool frozen);

  // Compares the state of every running node with what was promised; nodes must be at rest.
  void CheckStates();

  FakeClock& clock() { return clock_; }
  SeededRandom& random() { return random_; }
  SimFaults faults;
  int steps_per_ms = 3;

  const std::vector<std::string>& violations() const { return violations_; }
  uint64_t acknowledged() const { return acknowledged_count_; }
  uint64_t reads() const { return reads_; }
  // Sent so far, also those that were lost.
  uint64_t frames() const { return frames_; }
  void Violation(std::string what) { violations_.push_back(std::move(what)); }

 private:
  friend class SimNode;

  struct Flight {
    NodeId from;
    NodeId to;
    std::string frame;
  };
  struct Promise {
    std::string command;
    RaftIndex index;
    bool acknowledged = false;
    std::string result;
  };

  void Send(NodeId from, NodeId to, std::string frame);
  void Deliver();
  // Every entry that any node ever writes: equal index and term must mean equal content.
  void Witness(const kv::WriteBatch& batch);
  SimNode* Find(NodeId id);

  SeededRandom random_;
  FakeClock clock_;
  const uint32_t shards_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::multimap<absl::Duration, Flight> flights_;
  std::map<std::pair<NodeId, NodeId>, absl::Duration> last_arrival_;
  std::set<NodeId> cut_off_;
  std::set<NodeId> frozen_;

  std::vector<std::map<std::string, Promise>> promises_;  // by shard, then command
  std::vector<RaftIndex> acknowledged_;                   // highest index, by shard
  std::map<std::tuple<uint32_t, uint64_t, uint64_t>, std::string> witnessed_;
  uint64_t next_command_ = 1;
  uint64_t acknowledged_count_ = 0;
  uint64_t reads_ = 0;
  uint64_t frames_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace packetboat::raft::testing

#endif  // PACKETBOAT_STORE_RAFT_TESTING_SIM_CLUSTER_H_
