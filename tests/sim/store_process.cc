#include "tests/sim/store_process.h"

#include <deque>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "store/raft/effects.h"

namespace packetboat::sim {
namespace {

// Tells the oracles what each entry did, and otherwise is the state machine that it wraps.
class WitnessedMachine : public replication::StateMachine {
 public:
  WitnessedMachine(std::unique_ptr<replication::StateMachine> machine, Oracles& oracles,
                   const std::string& node)
      : machine_(std::move(machine)), oracles_(oracles), node_(node) {}

  std::string Apply(const replication::ApplyContext& context, absl::string_view command,
                    kv::Overlay& state) override {
    std::string result = machine_->Apply(context, command, state);
    oracles_.OnApplied(node_, context, command, result);
    return result;
  }

  void OnApplied(RaftIndex index) override { machine_->OnApplied(index); }

 private:
  const std::unique_ptr<replication::StateMachine> machine_;
  Oracles& oracles_;
  const std::string node_;
};

}  // namespace

net::Endpoint ImapEndpoint() { return *net::Endpoint::Parse("192.0.2.10:143"); }

absl::StatusOr<std::unique_ptr<StoreProcess>> StoreProcess::Start(
    World& world, Oracles& oracles, const StoreOptions& options, store::Authenticator& users,
    const Neighbours& neighbours, StoreMachine& machine, FrameSender send) {
  std::unique_ptr<StoreProcess> process(
      new StoreProcess(world, oracles, options, machine, std::move(send)));
  RETURN_IF_ERROR(process->Open(users, neighbours));
  return process;
}

StoreProcess::StoreProcess(World& world, Oracles& oracles, const StoreOptions& options,
                           StoreMachine& machine, FrameSender send)
    : Process(world.clock(), world.ClientLink()),
      world_(world),
      life_(world.NewLife()),
      oracles_(oracles),
      options_(options),
      machine_(machine),
      send_(std::move(send)),
      readers_(loop()) {}

absl::Status StoreProcess::Open(store::Authenticator& users, const Neighbours& neighbours) {
  log_ = machine_.log_disk.Open();
  state_ = machine_.state_disk.Open();
  ASSIGN_OR_RETURN(core_, raft::NodeCore::Open(options_.raft, world_.random().Next(), *log_,
                                               *state_, machine_.clock));
  shards_ = std::make_unique<store::Shards>(*state_, core_->shards());
  shards_->SetAddressBook(neighbours.address_of);
  peers_.emplace(world_, *this, machine_.place, neighbours);
  forwarder_.emplace(store::Forwarder::Options(), *peers_, loop());
  shards_->SetForwarder(&*forwarder_);
  const replication::StateMachineFactory factory = shards_->machines(options_.bugs);
  std::vector<replication::Group*> groups;
  for (uint32_t i = 0; i < core_->shards(); ++i) {
    const ShardId shard(i);
    models_.push_back(std::make_unique<WitnessedMachine>(factory(shard), oracles_, machine_.name));
    appliers_.push_back(std::make_unique<replication::Applier>(shard, core_->recovered(shard),
                                                               *state_, *models_.back()));
    groups_.push_back(std::make_unique<Group>(
        shard, options_.raft, [this](Group::Event event) { Turn(std::move(event)); }));
    groups_.back()->Publish(core_->group(shard).Status());
    groups.push_back(groups_.back().get());
  }
  shards_->SetGroups(groups);
  StartImap(users);
  Collect();
  return absl::OkStatus();
}

void StoreProcess::StartImap(store::Authenticator& users) {
  auto context = std::make_shared<store::ImapContext>();
  context->services = {shards_.get(), &users, &readers_, &recent_};
  context->options.allow_plaintext_login = true;
  context->options.starttls = false;
  context->sessions = &metrics_.gauge("packetboat_sim_imap_sessions", "Open IMAP connections.");
  store::ImapListener listener;
  listener.context = std::move(context);
  listener.listen.name = "imap";
  listener.listen.endpoint = ImapEndpoint();
  std::vector<store::ImapListener> listeners;
  listeners.push_back(std::move(listener));
  imap_ = *store::ImapServer::Start(std::move(listeners), network());
}

StoreProcess::~StoreProcess() { TearDown(); }

void StoreProcess::Crash(uint64_t survivors, bool torn) {
  machine_.log_disk.Crash(survivors, torn);
  machine_.state_disk.Crash();
  TearDown();
}

// What refers to something goes before it: first the core with all that it has promised to call,
// then the sessions, then what they work with.
void StoreProcess::TearDown() {
  core_.reset();
  if (forwarder_.has_value()) forwarder_->Close();
  for (const auto& delivery : deliveries_) delivery->End();
  deliveries_.clear();
  watchers_.clear();
  imap_.reset();
  End();
  groups_.clear();
  appliers_.clear();
  models_.clear();
}

bool StoreProcess::Leads(ShardId shard) const {
  return core_ != nullptr && core_->group(shard).Status().role == replication::Role::kLeader &&
         core_->health().ok();
}

void StoreProcess::Turn(Group::Event event) {
  loop().Post([this, event = std::move(event)]() mutable {
    if (core_ == nullptr) return;
    event(*core_);
    Collect();
  });
}

std::shared_ptr<store::DeliverySession> StoreProcess::StartDelivery(
    store::DeliverySession::ReplyCallback reply) {
  if (core_ == nullptr) return nullptr;
  deliveries_.push_back(store::DeliverySession::Start(*shards_, {}, std::move(reply)));
  return deliveries_.back();
}

void StoreProcess::WatchShards(std::function<bool(rpc::delivery::ShardsReply)> tell) {
  if (core_ == nullptr) return;
  const uint64_t number = ++last_watcher_;
  watchers_[number].tell = std::move(tell);
  watchers_[number].watch = std::make_unique<store::LeadershipWatch>(
      *shards_, [this, number] { loop().Post([this, number] { TellWatcher(number); }); });
  TellWatcher(number);
}

void StoreProcess::TellWatcher(uint64_t number) {
  const auto found = watchers_.find(number);
  if (found == watchers_.end()) return;
  while (std::optional<rpc::delivery::ShardsReply> news = found->second.watch->Take()) {
    if (found->second.tell(*std::move(news))) continue;
    watchers_.erase(found);
    return;
  }
}

rpc::delivery::ShardsReply StoreProcess::DescribeShards() {
  return store::DescribeShards(*shards_);
}

void StoreProcess::ForgetKeys(const rpc::delivery::ForgetKeysRequest& request,
                              std::function<void(const absl::Status&)> done) {
  store::ForgetKeys(*shards_, request, std::move(done));
}

void StoreProcess::ProposeHere(ShardId shard, std::string command, ProposeCallback done) {
  loop().Post([this, shard, command = std::move(command), done = std::move(done)] {
    if (core_ == nullptr) return;
    shards_->Propose(
        shard, command,
        [this, shard, done](absl::StatusOr<replication::ApplyResult> applied) {
          done(std::move(applied), groups_[shard.value()]->status().leader);
        },
        store::Route::kHere);
  });
}

void StoreProcess::Tick() {
  if (core_ == nullptr) return;
  const int64_t now = absl::ToInt64Milliseconds(machine_.clock.Monotonic());
  if (write_.has_value() && !machine_.timing.stalled) WritePending();
  if (now < next_tick_ms_) return;
  next_tick_ms_ = now + absl::ToInt64Milliseconds(options_.raft.heartbeat / 4);
  core_->Tick();
  Collect();
}

void StoreProcess::GoOn() {
  const absl::Duration tick = options_.raft.heartbeat / 4;
  next_tick_ms_ = absl::ToInt64Milliseconds(machine_.clock.Monotonic() + world_.UpTo(tick));
}

void StoreProcess::Receive(NodeId from, const std::string& frame) {
  Turn([from, frame](raft::NodeCore& core) { core.Receive(from, frame); });
}

void StoreProcess::Drain() {
  Turn([](raft::NodeCore& core) { core.Drain(); });
}

void StoreProcess::Collect() {
  core_->Settle();
  for (const ShardId shard : core_->TakeChanged()) {
    const replication::GroupStatus status = core_->group(shard).Status();
    if (status.role == replication::Role::kLeader) {
      world_.Note(absl::StrCat(machine_.name, " leads shard ", shard.value(), " in term ",
                               status.term.value()));
      oracles_.OnLeader(machine_.name, shard, status.term);
    }
    groups_[shard.value()]->Publish(status);
  }
  if (std::optional<raft::LogWrite> write = core_->TakeLogWrite()) Write(*std::move(write));
  if (core_->TakeFlush()) Flush();
  for (auto& [to, frame] : core_->TakeFrames()) send_(to, std::move(frame));
  for (raft::ApplyWork& work : core_->TakeApplies()) {
    After(world_.UpTo(absl::Milliseconds(2)), [this, work = std::move(work)]() mutable {
      if (core_ != nullptr) Apply(std::move(work));
    });
  }
  for (raft::Callback& callback : core_->TakeCallbacks()) {
    loop().Post([this, callback = std::move(callback)]() mutable {
      if (core_ != nullptr) callback();
    });
  }
}

void StoreProcess::Write(raft::LogWrite write) {
  write_ = std::move(write);
  if (!machine_.timing.stalled) WritePending();
}

// Carried out in one step and reported in another: a crash may come between.
void StoreProcess::WritePending() {
  const DiskTiming& timing = machine_.timing;
  After(world_.Between(timing.least, timing.most),
        [this, write = *std::exchange(write_, std::nullopt)] {
          if (core_ == nullptr) return;
          raft::Options options = options_.raft;
          options.test_faults.skip_log_sync = world_.Chance(options_.skip_sync_percent);
          const absl::Status status = raft::CarryOut(write, options, *log_);
          oracles_.OnLogWritten(machine_.name, write.batch, status.ok(),
                                machine_.log_disk.unsynced_writes() == 0);
          After(world_.UpTo(absl::Milliseconds(1)), [this, number = write.number, status] {
            if (core_ == nullptr) return;
            core_->OnLogWritten(number, status);
            Collect();
          });
        });
}

void StoreProcess::Apply(raft::ApplyWork work) {
  const ShardId shard = work.shard;
  std::vector<raft::Callback> callbacks;
  const raft::ApplyOutcome outcome =
      raft::RunApply(std::move(work), *appliers_[shard.value()], &callbacks);
  if (outcome.status.ok()) groups_[shard.value()]->PublishApplied(outcome.mark);
  for (raft::Callback& callback : callbacks) {
    loop().Post([this, callback = std::move(callback)]() mutable {
      if (core_ != nullptr) callback();
    });
  }
  Turn([outcome](raft::NodeCore& core) { core.OnApplied(outcome); });
}

void StoreProcess::Flush() {
  After(world_.UpTo(absl::Milliseconds(20)), [this] {
    if (core_ == nullptr) return;
    const absl::Status status = state_->Flush();
    Turn([status](raft::NodeCore& core) { core.OnFlushed(status); });
  });
}

}  // namespace packetboat::sim
