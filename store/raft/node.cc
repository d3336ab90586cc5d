#include "store/raft/node.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status.h"
#include "store/raft/effects.h"
#include "store/raft/identity.h"
#include "store/raft/in_flight.h"
#include "store/raft/mailbox.h"
#include "store/raft/node_core.h"
#include "store/replication/applier.h"

namespace packetboat::raft {
namespace {

using replication::GroupStatus;

// Runs on the core thread; or, once the node has stopped, with null on the thread that came too
// late.
using Event = absl::AnyInvocable<void(NodeCore*)>;
using Events = Mailbox<Event>;
using Callbacks = Mailbox<Callback>;

// One group as callers see it. Thread-safe.
class GroupHandle : public replication::Group {
 public:
  GroupHandle(ShardId shard, const Options& options, Events& events, Callbacks& callbacks)
      : shard_(shard),
        max_command_bytes_(options.max_command_bytes),
        small_command_bytes_(options.small_command_bytes),
        small_in_flight_(options.max_in_flight_entries, options.max_in_flight_small_bytes),
        in_flight_(options.max_in_flight_entries, options.max_in_flight_bytes),
        events_(events),
        callbacks_(callbacks) {}

  ShardId shard() const override { return shard_; }
  size_t max_command_bytes() const override { return max_command_bytes_; }

  void Propose(std::string command, replication::ProposeCallback done) override {
    if (command.size() > max_command_bytes_) {
      return Refuse(std::move(done), absl::InvalidArgumentError("command too large"));
    }
    InFlight& bound = command.size() <= small_command_bytes_ ? small_in_flight_ : in_flight_;
    std::optional<InFlight::Place> place = bound.Take(command.size());
    if (!place.has_value()) {
      return Refuse(std::move(done), absl::ResourceExhaustedError("too much in flight"));
    }
    Ask([shard = shard_, proposal = Proposal{std::move(command), std::move(done),
                                             *std::move(place)}](NodeCore* core) mutable {
      if (core == nullptr) return proposal.done(Stopped());
      core->group(shard).Propose(std::move(proposal));
    });
  }

  void ReadIndex(replication::ReadIndexCallback done) override {
    Ask([shard = shard_, done = std::move(done)](NodeCore* core) mutable {
      if (core == nullptr) return done(Stopped());
      core->group(shard).ReadIndex(std::move(done));
    });
  }

  void WaitApplied(RaftIndex index, replication::WaitCallback done) override {
    Ask([shard = shard_, index, done = std::move(done)](NodeCore* core) mutable {
      if (core == nullptr) return done(Stopped());
      core->group(shard).WaitApplied(index, std::move(done));
    });
  }

  void TransferLeadership(NodeId to, replication::WaitCallback done) override {
    Ask([this, to, done = std::move(done)](NodeCore* core) mutable {
      if (core == nullptr) return done(Stopped());
      absl::Status status = to == NodeId(0) ? absl::InvalidArgumentError("no such voter")
                                            : core->group(shard_).Transfer(to);
      callbacks_.Put([done = std::move(done), status = std::move(status)]() mutable {
        done(std::move(status));
      });
    });
  }

  GroupStatus status() const override {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

  uint64_t AddObserver(replication::StatusObserver observer) override {
    absl::MutexLock lock(&mutex_);
    const uint64_t id = next_observer_++;
    observers_.emplace(id, std::move(observer));
    callbacks_.Put([this] { CallObservers(); });
    return id;
  }

  void RemoveObserver(uint64_t observer_id) override {
    absl::MutexLock calling(&calling_mutex_);
    absl::MutexLock lock(&mutex_);
    observers_.erase(observer_id);
  }

  // --- From the node's threads ---

  // The core thread: everything but how far apply has come, which the apply thread knows better.
  void Publish(GroupStatus status) {
    absl::MutexLock lock(&mutex_);
    if (status.applied < status_.applied) {
      status.applied = status_.applied;
      status.log_time = status_.log_time;
    }
    status.commit = std::max({status.commit, status_.commit, status.applied});
    status_ = std::move(status);
    if (!observers_.empty()) callbacks_.Put([this] { CallObservers(); });
  }

  // The apply thread, before anybody is told.
  void PublishApplied(const replication::AppliedMark& mark) {
    absl::MutexLock lock(&mutex_);
    status_.applied = mark.index;
    status_.log_time = mark.log_time;
    status_.commit = std::max(status_.commit, mark.index);
  }

 private:
  static absl::Status Stopped() { return absl::UnavailableError("the node has stopped"); }

  void Ask(Event event) {
    if (!events_.Offer(event)) event(nullptr);
  }

  void Refuse(replication::ProposeCallback done, absl::Status status) {
    Callback callback = [done = std::move(done), status = std::move(status)]() mutable {
      done(std::move(status));
    };
    if (!callbacks_.Offer(callback)) callback();
  }

  void CallObservers() {
    absl::MutexLock calling(&calling_mutex_);
    std::vector<replication::StatusObserver> observers;
    GroupStatus status;
    {
      absl::MutexLock lock(&mutex_);
      for (const auto& [id, observer] : observers_) observers.push_back(observer);
      status = status_;
    }
    for (const auto& observer : observers) observer(status);
  }

  const ShardId shard_;
  const size_t max_command_bytes_;
  const size_t small_command_bytes_;
  InFlight small_in_flight_;
  InFlight in_flight_;
  Events& events_;
  Callbacks& callbacks_;

  absl::Mutex calling_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // held while observers are called
  mutable absl::Mutex mutex_;
  GroupStatus status_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, replication::StatusObserver> observers_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_observer_ ABSL_GUARDED_BY(mutex_) = 1;
};

// How often free space is looked at.
constexpr absl::Duration kSpaceInterval = absl::Seconds(1);

class ThreadedNode : public Node {
 public:
  ThreadedNode(const NodeOptions& options, std::unique_ptr<NodeCore> core, kv::Database& log,
               kv::Database& state, const replication::StateMachineFactory& factory,
               Transport& transport)
      : options_(options),
        id_(core->id()),
        shards_(core->shards()),
        core_(std::move(core)),
        log_(log),
        state_(state),
        transport_(transport),
        workers_(static_cast<size_t>(std::max(options.apply_threads, 1))) {
    for (uint32_t i = 0; i < shards_; ++i) {
      const ShardId shard(i);
      machines_.push_back(factory(shard));
      appliers_.emplace_back(shard, core_->recovered(shard), state_, *machines_.back());
      groups_.push_back(
          std::make_unique<GroupHandle>(shard, options_.raft, events_, WorkerOf(shard)));
      groups_.back()->Publish(core_->group(shard).Status());
    }
  }

  ~ThreadedNode() override { Stop(); }

  void Run() {
    for (Callbacks& worker : workers_) {
      threads_.emplace_back([&worker] {
        for (;;) {
          std::vector<Callback> work = worker.Take();
          if (work.empty()) return;
          for (Callback& callback : work) callback();
        }
      });
    }
    threads_.emplace_back([this] { WriteLog(); });
    threads_.emplace_back([this] { FlushState(); });
    core_thread_ = std::thread([this] { RunCore(); });
    transport_.Start(id_, [this](NodeId from, absl::string_view frame) { Receive(from, frame); });
  }

  NodeId id() const override { return id_; }
  uint32_t shards() const override { return shards_; }
  replication::Group& group(ShardId shard) override { return *groups_.at(shard.value()); }
  replication::StateMachine& machine(ShardId shard) override {
    return *machines_.at(shard.value());
  }

  absl::Status health() const override {
    absl::MutexLock lock(&mutex_);
    return health_;
  }

  void OnUnhealthy(std::function<void(const absl::Status&)> observer) override {
    absl::MutexLock lock(&mutex_);
    if (!health_.ok()) {
      workers_[0].Put([observer, health = health_] { observer(health); });
    } else {
      unhealthy_observers_.push_back(std::move(observer));
    }
  }

  void Stop() override {
    {
      absl::MutexLock lock(&mutex_);
      if (stopped_) return;
      stopped_ = true;
    }
    events_.Put([](NodeCore* core) { core->Drain(); });
    WaitUntilDrained();
    transport_.Stop();
    events_.Put([this](NodeCore* core) {
      core->Fail(absl::UnavailableError("the node is stopping"));
      stop_core_ = true;
    });
    core_thread_.join();
    // The core has said all it will; now everybody finishes what is queued.
    log_writes_.Close();
    flushes_.Close();
    for (Callbacks& worker : workers_) worker.Close();
    for (std::thread& thread : threads_) thread.join();
    if (state_.health().ok()) (void)state_.Flush();
  }

 private:
  Callbacks& WorkerOf(ShardId shard) { return workers_[shard.value() % workers_.size()]; }

  absl::Duration TickInterval() const { return options_.raft.heartbeat / 4; }

  void Receive(NodeId from, absl::string_view frame) {
    // What is dropped here is as if lost on the way.
    const size_t size = frame.size();
    if (received_bytes_.fetch_add(size) + size > options_.max_received_bytes) {
      received_bytes_.fetch_sub(size);
      return;
    }
    events_.Put([this, from, frame = std::string(frame)](NodeCore* core) {
      received_bytes_.fetch_sub(frame.size());
      core->Receive(from, frame);
    });
  }

  void WaitUntilDrained() {
    const absl::Time deadline = absl::Now() + options_.drain_timeout;
    for (bool drained = false; !drained && absl::Now() < deadline;) {
      absl::Notification answered;
      events_.Put([&](NodeCore* core) {
        drained = core->drained() || !core->health().ok();
        answered.Notify();
      });
      answered.WaitForNotification();
      if (!drained) absl::SleepFor(absl::Milliseconds(5));
    }
  }

  // --- The core thread ---

  void RunCore() {
    absl::Time next_tick = absl::Now();
    while (!stop_core_) {
      for (Event& event : events_.Take(next_tick - absl::Now())) event(core_.get());
      if (absl::Now() >= next_tick) {
        core_->Tick();
        next_tick = absl::Now() + TickInterval();
      }
      core_->Settle();
      HandOut();
    }
    events_.Close();
    for (Event& event : events_.Take()) event(core_.get());
    HandOut();
  }

  void HandOut() {
    for (const ShardId shard : core_->TakeChanged()) {
      groups_[shard.value()]->Publish(core_->group(shard).Status());
    }
    ReportHealth();
    if (std::optional<LogWrite> write = core_->TakeLogWrite()) log_writes_.Put(*std::move(write));
    if (core_->TakeFlush()) flushes_.Put(0);
    for (auto& [to, frame] : core_->TakeFrames()) transport_.Send(to, std::move(frame));
    for (ApplyWork& work : core_->TakeApplies()) {
      WorkerOf(work.shard).Put([this, work = std::move(work)]() mutable {
        Apply(std::move(work));
      });
    }
    for (Callback& callback : core_->TakeCallbacks()) workers_[0].Put(std::move(callback));
  }

  void ReportHealth() {
    absl::MutexLock lock(&mutex_);
    if (stopped_ || core_->health().ok() || !health_.ok()) return;
    health_ = core_->health();
    log::Error("raft node gave up its groups", {{"why", health_}});
    for (auto& observer : unhealthy_observers_) {
      workers_[0].Put([observer = std::move(observer), health = health_] { observer(health); });
    }
    unhealthy_observers_.clear();
  }

  // --- The other threads ---

  void WriteLog() {
    for (;;) {
      std::vector<LogWrite> writes = log_writes_.Take();
      if (writes.empty()) return;
      for (LogWrite& write : writes) {
        absl::Status status = CarryOut(write, options_.raft, log_);
        events_.Put([number = write.number, status = std::move(status)](NodeCore* core) {
          core->OnLogWritten(number, status);
        });
      }
    }
  }

  // Also looks how much room there is: a disk that does not answer holds up nothing else here.
  void FlushState() {
    while (!flushes_.closed()) {
      if (absl::StatusOr<kv::DiskSpace> space = log_.Space(); space.ok()) {
        events_.Put([space = *space](NodeCore* core) { core->OnSpace(space); });
      }
      if (flushes_.Take(kSpaceInterval).empty()) continue;
      events_.Put([status = state_.Flush()](NodeCore* core) { core->OnFlushed(status); });
    }
  }

  void Apply(ApplyWork work) {
    const ShardId shard = work.shard;
    std::vector<Callback> callbacks;
    ApplyOutcome outcome = RunApply(std::move(work), appliers_[shard.value()], &callbacks);
    if (outcome.status.ok()) groups_[shard.value()]->PublishApplied(outcome.mark);
    events_.Put([outcome = std::move(outcome)](NodeCore* core) { core->OnApplied(outcome); });
    for (Callback& callback : callbacks) callback();
  }

  const NodeOptions options_;
  const NodeId id_;
  const uint32_t shards_;
  std::unique_ptr<NodeCore> core_;  // the core thread's
  bool stop_core_ = false;          // the core thread's
  kv::Database& log_;
  kv::Database& state_;
  Transport& transport_;

  Events events_;
  Mailbox<LogWrite> log_writes_;
  Mailbox<int> flushes_;
  std::vector<Callbacks> workers_;
  std::atomic<size_t> received_bytes_{0};

  std::vector<std::unique_ptr<replication::StateMachine>> machines_;
  std::deque<replication::Applier> appliers_;  // each its worker's
  std::vector<std::unique_ptr<GroupHandle>> groups_;

  mutable absl::Mutex mutex_;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void(const absl::Status&)>> unhealthy_observers_
      ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread core_thread_;
  std::vector<std::thread> threads_;
};

absl::Status PrepareFolder(const NodeOptions& options, kv::Database& log, Random& random) {
  ASSIGN_OR_RETURN(const Identity identity, EnsureIdentity(log, options.cluster, random));
  if (identity.shards != 0 || options.bootstrap_shards == 0) return absl::OkStatus();
  log::Info("new data folder", {{"cluster", options.cluster},
                                {"node_id", identity.node},
                                {"shards", options.bootstrap_shards}});
  return Bootstrap(log, options.bootstrap_shards, {identity.node});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const NodeOptions& options, kv::Database& log,
                                                  kv::Database& state,
                                                  const replication::StateMachineFactory& factory,
                                                  Transport& transport, const Clock& clock,
                                                  Random& random) {
  RETURN_IF_ERROR(PrepareFolder(options, log, random));
  ASSIGN_OR_RETURN(std::unique_ptr<NodeCore> core,
                   NodeCore::Open(options.raft, random.Next(), log, state, clock));
  auto node =
      std::make_unique<ThreadedNode>(options, std::move(core), log, state, factory, transport);
  node->Run();
  return node;
}

}  // namespace packetboat::raft
