#ifndef PACKETBOAT_TESTS_SIM_STORE_PROCESS_H_
#define PACKETBOAT_TESTS_SIM_STORE_PROCESS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/executor.h"
#include "base/metrics.h"
#include "proto/delivery/delivery.pb.h"
#include "store/delivery/delivery_session.h"
#include "store/delivery/leadership.h"
#include "store/imap/authenticator.h"
#include "store/imap/recent.h"
#include "store/imap/server.h"
#include "store/kv/fake_disk.h"
#include "store/model/planted_bugs.h"
#include "store/raft/node_core.h"
#include "store/raft/options.h"
#include "store/replication/applier.h"
#include "store/shards/forwarder.h"
#include "store/shards/shards.h"
#include "tests/sim/group.h"
#include "tests/sim/oracles/oracles.h"
#include "tests/sim/peer_proposals.h"
#include "tests/sim/world.h"

namespace packetboat::sim {

class StoreProcess;

// Where frames to other stores go.
using FrameSender = std::function<void(NodeId to, std::string frame)>;

// How the log's disk behaves; changed by faults while it is in use.
struct DiskTiming {
  absl::Duration least = absl::Microseconds(200);
  absl::Duration most = absl::Milliseconds(2);
  bool stalled = false;
};

// What a store's machine keeps over crashes.
struct StoreMachine {
  StoreMachine(const Clock& world, double clock_rate) : clock(world, clock_rate) {}

  std::string name;
  Place place = 0;
  NodeId id;
  MachineClock clock;
  kv::FakeDisk log_disk{kv::Profile::kLog};
  kv::FakeDisk state_disk{kv::Profile::kState};
  DiskTiming timing;
  // A bit of its log was inverted: it may refuse to start, and is not repaired.
  bool damaged = false;
};

struct StoreOptions {
  raft::Options raft;
  model::PlantedBugs bugs;
  // Planted bug: of writes to the log that are not synced.
  double skip_sync_percent = 0;
};

// A store as it runs: the consensus of all groups, apply, the model, and IMAP, with the real code
// of each, on one loop. What its threads would do are tasks on the loop; a crash may come between
// any two of them.
class StoreProcess : public Process {
 public:
  // Opens what is on the machine's disks. Statuses as of NodeCore::Open().
  static absl::StatusOr<std::unique_ptr<StoreProcess>> Start(
      World& world, Oracles& oracles, const StoreOptions& options, store::Authenticator& users,
      const Neighbours& neighbours, StoreMachine& machine, FrameSender send);
  // Orderly where nothing else was called before: the state is flushed.
  ~StoreProcess() override;

  // A power cut: of what is not synced `survivors` writes stay.
  void Crash(uint64_t survivors, bool torn);

  void Tick() override;
  void Receive(NodeId from, const std::string& frame);
  // No new proposals; leadership goes elsewhere.
  void Drain();
  // Runs again after it was frozen; whether timers or callers come first is chance.
  void GoOn();

  raft::NodeCore& core() { return *core_; }
  const kv::Database& state() const { return *state_; }
  kv::Database& log() { return *log_; }
  store::Shards& shards() { return *shards_; }
  bool Leads(ShardId shard) const;
  // Of all processes of the run, no two have the same.
  uint64_t life() const { return life_; }

  // ---- What MXes ask, on the loop. While the process ends nothing new is begun: nullptr.
  std::shared_ptr<store::DeliverySession> StartDelivery(
      store::DeliverySession::ReplyCallback reply);
  // `tell` answers whether there is still somebody who listens.
  void WatchShards(std::function<bool(rpc::delivery::ShardsReply)> tell);
  rpc::delivery::ShardsReply DescribeShards();
  // `done` may never come: a crash takes it.
  void ForgetKeys(const rpc::delivery::ForgetKeysRequest& request,
                  std::function<void(const absl::Status&)> done);

  // ---- What other stores ask.
  using ProposeCallback = std::function<void(absl::StatusOr<replication::ApplyResult> applied,
                                             std::optional<NodeId> leader)>;
  // `done` may never come: a crash takes it.
  void ProposeHere(ShardId shard, std::string command, ProposeCallback done);

  // Runs `event` on the core soon.
  void Turn(Group::Event event);

 private:
  // Reads run on the loop.
  class LoopExecutor : public Executor {
   public:
    explicit LoopExecutor(net::EventLoop& loop) : loop_(loop) {}
    bool Submit(absl::AnyInvocable<void()> task) override {
      loop_.Post(std::move(task));
      return true;
    }

   private:
    net::EventLoop& loop_;
  };

  struct Watcher {
    std::function<bool(rpc::delivery::ShardsReply)> tell;
    std::unique_ptr<store::LeadershipWatch> watch;
  };

  StoreProcess(World& world, Oracles& oracles, const StoreOptions& options, StoreMachine& machine,
               FrameSender send);

  absl::Status Open(store::Authenticator& users, const Neighbours& neighbours);
  void StartImap(store::Authenticator& users);
  void Collect();
  void Write(raft::LogWrite write);
  void WritePending();
  void Apply(raft::ApplyWork work);
  void Flush();
  void TearDown();
  void TellWatcher(uint64_t number);

  World& world_;
  const uint64_t life_;
  Oracles& oracles_;
  const StoreOptions options_;
  StoreMachine& machine_;
  const FrameSender send_;
  LoopExecutor readers_;
  MetricsRegistry metrics_;

  std::unique_ptr<kv::Database> log_;
  std::unique_ptr<kv::Database> state_;
  std::unique_ptr<store::Shards> shards_;
  std::vector<std::unique_ptr<replication::StateMachine>> models_;
  std::vector<std::unique_ptr<replication::Applier>> appliers_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::unique_ptr<raft::NodeCore> core_;
  std::optional<PeerProposals> peers_;
  std::optional<store::Forwarder> forwarder_;
  store::RecentMarks recent_;
  std::unique_ptr<store::ImapServer> imap_;
  std::vector<std::shared_ptr<store::DeliverySession>> deliveries_;
  std::map<uint64_t, Watcher> watchers_;
  uint64_t last_watcher_ = 0;

  bool collecting_ = false;
  std::optional<raft::LogWrite> write_;  // waits for a stalled disk
  int64_t next_tick_ms_ = 0;
};

// Where IMAP listens on every store.
net::Endpoint ImapEndpoint();

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_STORE_PROCESS_H_
