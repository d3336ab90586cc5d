#include "store/raft/testing/sim_cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "store/kv/bytes.h"
#include "store/raft/codec.h"
#include "store/raft/identity.h"

namespace packetboat::raft::testing {

using replication::testing::CountingMachine;

namespace {

enum Queue { kWrites, kApplies, kCallbacks, kFlushes };

}  // namespace

SimNode::SimNode(SimCluster& cluster, NodeId id, const Options& options)
    : cluster_(cluster), id_(id), options_(options), clock_(cluster.clock()) {}

absl::Status SimNode::Boot() {
  CHECK(!up());
  log_ = log_disk_.Open();
  state_ = state_disk_.Open();
  absl::StatusOr<std::unique_ptr<NodeCore>> core =
      NodeCore::Open(options_, cluster_.random_.Next(), *log_, *state_, clock_);
  if (!core.ok()) return core.status();
  core_ = *std::move(core);
  machines_.clear();
  appliers_.clear();
  for (uint32_t i = 0; i < core_->shards(); ++i) {
    machines_.push_back(std::make_unique<CountingMachine>(ShardId(i)));
    appliers_.push_back(std::make_unique<replication::Applier>(
        ShardId(i), core_->recovered(ShardId(i)), *state_, *machines_.back()));
  }
  Collect();
  return absl::OkStatus();
}

void SimNode::Crash(uint64_t log_survivors, uint64_t state_survivors) {
  for (auto& queue : queues_) queue.clear();
  disk_stalled_ = false;
  core_.reset();
  log_disk_.Crash(log_survivors);
  state_disk_.Crash(state_survivors);
  log_.reset();
  state_.reset();
}

bool SimNode::Step() {
  std::vector<int> ready;
  for (int i = 0; i < 4; ++i) {
    if (!queues_[i].empty() && !(i == kWrites && disk_stalled_)) ready.push_back(i);
  }
  if (ready.empty()) return false;
  std::deque<Work>& queue =
      queues_[static_cast<size_t>(ready[cluster_.random_.Below(ready.size())])];
  Work work = std::move(queue.front());
  queue.pop_front();
  work();
  Collect();
  return true;
}

void SimNode::Tick() {
  core_->OnSpace(*log_->Space());
  core_->Tick();
  Collect();
}

void SimNode::Receive(NodeId from, const std::string& frame) {
  core_->Receive(from, frame);
  Collect();
}

void SimNode::Collect() {
  core_->Settle();
  (void)core_->TakeChanged();
  if (std::optional<LogWrite> write = core_->TakeLogWrite()) QueueWrite(*std::move(write));
  for (ApplyWork& work : core_->TakeApplies()) QueueApply(std::move(work));
  for (Callback& callback : core_->TakeCallbacks()) {
    queues_[kCallbacks].push_back(std::move(callback));
  }
  if (core_->TakeFlush()) {
    queues_[kFlushes].push_back([this] {
      const absl::Status status = state_->Flush();
      queues_[kFlushes].push_back([this, status] { core_->OnFlushed(status); });
    });
  }
  for (auto& [to, frame] : core_->TakeFrames()) cluster_.Send(id_, to, std::move(frame));
}

// Carried out in one step and reported in another: a crash may come between.
void SimNode::QueueWrite(LogWrite write) {
  cluster_.Witness(write.batch);
  queues_[kWrites].push_back([this, write = std::move(write)] {
    const absl::Status status = CarryOut(write, options_, *log_);
    queues_[kWrites].push_back(
        [this, number = write.number, status] { core_->OnLogWritten(number, status); });
  });
}

void SimNode::QueueApply(ApplyWork work) {
  queues_[kApplies].push_back([this, work = std::move(work)]() mutable {
    std::vector<Callback> callbacks;
    ApplyOutcome outcome = RunApply(std::move(work), *appliers_[work.shard.value()], &callbacks);
    for (Callback& callback : callbacks) queues_[kApplies].push_front(std::move(callback));
    queues_[kApplies].push_back([this, outcome] { core_->OnApplied(outcome); });
  });
}

SimCluster::SimCluster(uint64_t seed, int nodes, uint32_t shards, const Options& options)
    : random_(seed), shards_(shards), promises_(shards), acknowledged_(shards) {
  std::vector<NodeId> ids;
  for (int i = 0; i < nodes; ++i) {
    SeededRandom identity(seed * 1000 + static_cast<uint64_t>(i));
    std::unique_ptr<SimNode> node;
    kv::FakeDisk probe(kv::Profile::kLog);
    // The identity is made twice alike: the first time to learn the number.
    ids.push_back(EnsureIdentity(*probe.Open(), "sim", identity)->node);
    nodes_.push_back(std::make_unique<SimNode>(*this, ids.back(), options));
  }
  for (int i = 0; i < nodes; ++i) {
    SeededRandom identity(seed * 1000 + static_cast<uint64_t>(i));
    auto log = node(i).log_disk_.Open();
    CHECK_OK(EnsureIdentity(*log, "sim", identity).status());
    CHECK_OK(Bootstrap(*log, shards, ids));
  }
  for (int i = 0; i < nodes; ++i) CHECK_OK(node(i).Boot());
}

void SimCluster::Run(absl::Duration time) {
  const absl::Duration end = clock_.Monotonic() + time;
  while (clock_.Monotonic() < end) {
    clock_.Advance(absl::Milliseconds(1));
    Deliver();
    for (auto& node : nodes_) {
      if (frozen_.contains(node->id())) continue;
      if (node->up() && absl::ToInt64Milliseconds(clock_.Monotonic()) % 10 == 0) node->Tick();
      for (int i = 0; i < steps_per_ms && node->up(); ++i) {
        if (!node->Step()) break;
      }
    }
  }
}

void SimCluster::RunQueues() {
  for (bool any = true; any;) {
    any = false;
    for (auto& node : nodes_) any = (node->up() && node->Step()) || any;
  }
}

SimNode* SimCluster::Find(NodeId id) {
  for (auto& node : nodes_) {
    if (node->id() == id) return node.get();
  }
  return nullptr;
}

SimNode* SimCluster::Leader(ShardId shard) {
  SimNode* leader = nullptr;
  for (auto& node : nodes_) {
    if (!node->Leads(shard)) continue;
    if (leader == nullptr ||
        node->core().group(shard).core().term() > leader->core().group(shard).core().term()) {
      leader = node.get();
    }
  }
  return leader;
}

bool SimCluster::Propose(ShardId shard) {
  SimNode* leader = Leader(shard);
  if (leader == nullptr) return false;
  std::string command = absl::StrCat("c", next_command_++);
  promises_[shard.value()][command].command = command;
  static InFlight unbounded(SIZE_MAX, SIZE_MAX);
  leader->core().group(shard).Propose(
      Proposal{command,
               [this, shard, command](absl::StatusOr<replication::ApplyResult> result) {
                 if (!result.ok()) return;
                 Promise& promise = promises_[shard.value()][command];
                 promise.acknowledged = true;
                 promise.index = result->index;
                 promise.result = result->result;
                 ++acknowledged_count_;
                 RaftIndex& highest = acknowledged_[shard.value()];
                 highest = std::max(highest, result->index);
               },
               *unbounded.Take(command.size())});
  leader->Collect();
  return true;
}

void SimCluster::Read(int i, ShardId shard) {
  SimNode& reader = node(i);
  if (!reader.up()) return;
  const RaftIndex before = acknowledged_[shard.value()];
  reader.core().group(shard).ReadIndex([this, shard, before](absl::StatusOr<RaftIndex> index) {
    if (!index.ok()) return;
    ++reads_;
    if (*index < before) {
      Violation(absl::StrCat("a read of shard ", shard.value(), " at ", index->value(),
                             " misses the acknowledged ", before.value()));
    }
  });
  reader.Collect();
}

void SimCluster::CutOff(int i, bool cut_off) {
  if (cut_off) {
    cut_off_.insert(node(i).id());
  } else {
    cut_off_.erase(node(i).id());
  }
}

void SimCluster::Freeze(int i, bool frozen) {
  if (frozen) {
    frozen_.insert(node(i).id());
  } else {
    frozen_.erase(node(i).id());
  }
}

void SimCluster::Send(NodeId from, NodeId to, std::string frame) {
  ++frames_;
  const auto delay = [this] {
    return absl::Milliseconds(
        1 + random_.Below(static_cast<uint64_t>(absl::ToInt64Milliseconds(faults.max_delay))));
  };
  if (static_cast<int>(random_.Below(100)) < faults.lose_percent) return;
  if (static_cast<int>(random_.Below(100)) < faults.duplicate_percent) {
    flights_.emplace(clock_.Monotonic() + 20 * delay(), Flight{from, to, frame});
  }
  absl::Duration arrival = clock_.Monotonic() + delay();
  if (static_cast<int>(random_.Below(100)) >= faults.reorder_percent) {
    absl::Duration& last = last_arrival_[{from, to}];
    arrival = last = std::max(arrival, last);
  }
  flights_.emplace(arrival, Flight{from, to, std::move(frame)});
}

void SimCluster::Deliver() {
  while (!flights_.empty() && flights_.begin()->first <= clock_.Monotonic()) {
    const Flight flight = std::move(flights_.begin()->second);
    flights_.erase(flights_.begin());
    if (cut_off_.contains(flight.from) || cut_off_.contains(flight.to)) continue;
    if (frozen_.contains(flight.to)) continue;
    SimNode* to = Find(flight.to);
    if (to != nullptr && to->up()) to->Receive(flight.from, flight.frame);
  }
}

void SimCluster::Witness(const kv::WriteBatch& batch) {
  for (const kv::WriteBatch::Op& op : batch.ops()) {
    if (op.keyspace != kv::kLogEntries || op.kind != kv::WriteBatch::Kind::kPut) continue;
    kv::ByteReader key(op.key);
    const uint32_t shard = key.Integer<uint32_t>();
    const uint64_t index = key.Integer<uint64_t>();
    auto entry = DecodeEntryRecord(op.key, op.value);
    CHECK_OK(entry.status());
    const std::string content = absl::StrCat(static_cast<int>(entry->type), entry->payload);
    auto [it, added] = witnessed_.try_emplace({shard, index, entry->term.value()}, content);
    if (!added && it->second != content) {
      Violation(absl::StrCat("two entries at index ", index, " of term ", entry->term.value()));
    }
  }
}

void SimCluster::CheckStates() {
  for (uint32_t s = 0; s < shards_; ++s) {
    const ShardId shard(s);
    std::map<RaftIndex, std::map<uint64_t, std::string>> by_index;
    for (auto& node : nodes_) {
      if (!node->up()) continue;
      const RaftIndex applied = node->core().group(shard).Status().applied;
      const auto commands = CountingMachine::Read(node->state(), shard);
      std::set<std::string> seen;
      uint64_t expected = 1;
      for (const auto& [number, command] : commands) {
        if (number != expected++) Violation(absl::StrCat("number ", number, " after a gap"));
        if (!seen.insert(command).second) Violation(absl::StrCat(command, " was applied twice"));
      }
      auto [it, added] = by_index.try_emplace(applied, commands);
      if (!added && it->second != commands) {
        Violation(absl::StrCat("replicas differ at index ", applied.value()));
      }
      for (const auto& [command, promise] : promises_[s]) {
        if (!promise.acknowledged || promise.index > applied) continue;
        uint64_t number = 0;
        for (const auto& [n, c] : commands) {
          if (c == command) number = n;
        }
        if (number == 0) {
          Violation(absl::StrCat("acknowledged ", command, " is lost"));
        } else if (absl::StrCat(number) != promise.result) {
          Violation(absl::StrCat(command, " was promised ", promise.result, ", is ", number));
        }
      }
    }
    // Somebody must have come as far as what was acknowledged.
    const RaftIndex reached = by_index.empty() ? RaftIndex(0) : by_index.rbegin()->first;
    if (reached < acknowledged_[s]) {
      Violation(absl::StrCat("shard ", s, " ends at ", reached.value(), ", but ",
                             acknowledged_[s].value(), " was acknowledged"));
    }
  }
}

}  // namespace packetboat::raft::testing
