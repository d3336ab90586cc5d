#include "tests/sim/cluster.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "store/raft/identity.h"
#include "tests/sim/store_links.h"

namespace packetboat::sim {
namespace {

raft::Options RaftOptions(const Options& options) {
  raft::Options raft;
  // Small, so that logs are cut and appends are split in a short run.
  raft.max_log_bytes = uint64_t{256} << 10;
  raft.entry_cache_bytes = size_t{64} << 10;
  raft.max_append_bytes = size_t{32} << 10;
  raft::TestFaults& bugs = raft.test_faults;
  bugs.acknowledge_before_commit = options.plant == Plant::kAcknowledgeBeforeCommit;
  bugs.read_without_round = options.plant == Plant::kReadWithoutIndex;
  bugs.count_change_at_wrong_index = options.plant == Plant::kCountChangeAtWrongIndex;
  bugs.restart_in_old_term = options.plant == Plant::kRestartInOldTerm;
  return raft;
}

model::PlantedBugs ModelBugs(Plant plant) {
  model::PlantedBugs bugs;
  bugs.reuse_uid_after_restart = plant == Plant::kReuseUid;
  bugs.drop_delivery_key = plant == Plant::kDropDeliveryKey;
  return bugs;
}

double ClockRate(World& world, double drift_ppm) {
  const double share = static_cast<double>(world.Pick(2001)) / 1000 - 1;
  return 1 + share * drift_ppm / 1e6;
}

}  // namespace

Cluster::Cluster(World& world, Oracles& oracles, const Options& options)
    : world_(world),
      oracles_(oracles),
      options_(options),
      store_options_{.raft = RaftOptions(options),
                     .bugs = ModelBugs(options.plant),
                     .skip_sync_percent = options.plant == Plant::kSkipOneSync ? 10.0 : 0.0},
      users_(options.accounts, options.shards) {
  const double drift = options.faults.drift_ppm;
  std::vector<NodeId> ids;
  for (int i = 0; i < options.stores; ++i) {
    auto machine = std::make_unique<StoreMachine>(world.clock(), ClockRate(world, drift));
    machine->name = absl::StrCat("store", i + 1);
    machine->place = world.AddPlace();
    const auto log = machine->log_disk.Open();
    const auto identity = raft::EnsureIdentity(*log, "sim", world.random());
    CHECK_OK(identity.status());
    machine->id = identity->node;
    ids.push_back(machine->id);
    machines_.push_back(std::move(machine));
    stores_.push_back(nullptr);
  }
  for (const auto& machine : machines_) {
    const auto log = machine->log_disk.Open();
    CHECK_OK(raft::Bootstrap(*log, options.shards, ids));
  }
  neighbours_ = {.ids = ids,
                 .address_of =
                     [this](NodeId id) {
                       const int at = StoreOf(id);
                       return at < 0 ? std::string() : machines_[at]->name;
                     },
                 .place_of = [this](NodeId id) { return machines_[StoreOf(id)]->place; },
                 .process_of = [this](NodeId id) { return stores_[StoreOf(id)].get(); }};
  for (int i = 0; i < options.mxes; ++i) {
    mx_places_.push_back(world.AddPlace());
    mx_clocks_.push_back(std::make_unique<MachineClock>(world.clock(), ClockRate(world, drift)));
    mxes_.push_back(nullptr);
  }
  for (int i = 0; i < stores(); ++i) CHECK(StartStore(i));
  for (int i = 0; i < mxes(); ++i) StartMx(i);
}

Cluster::~Cluster() {
  for (int i = 0; i < mxes(); ++i) CrashMx(i);
  for (int i = 0; i < stores(); ++i) CrashStore(i, 0, false);
}

bool Cluster::StartStore(int store) {
  StoreMachine& machine = *machines_[store];
  machine.timing = {};
  absl::StatusOr<std::unique_ptr<StoreProcess>> started = StoreProcess::Start(
      world_, oracles_, store_options_, users_, neighbours_, machine,
      [this, store](NodeId to, std::string frame) { SendFrame(store, to, std::move(frame)); });
  if (!started.ok()) {
    world_.Note(absl::StrCat(machine.name, " cannot start: ", started.status().ToString()));
    // A fault of the disk may come while it starts; but what is on a good disk is readable.
    if (absl::IsDataLoss(started.status()) && !machine.damaged) {
      oracles_.findings.Add(machine.name, ": ", started.status().ToString());
    }
    return false;
  }
  world_.Note(absl::StrCat(machine.name, " started"));
  stores_[store] = *std::move(started);
  world_.Start(machine.place, stores_[store].get());
  return true;
}

void Cluster::CrashStore(int store, uint64_t survivors, bool torn) {
  if (stores_[store] == nullptr) return;
  world_.Note(absl::StrCat(machines_[store]->name, " crashes"));
  world_.Stop(machines_[store]->place);
  stores_[store]->Crash(survivors, torn);
  stores_[store] = nullptr;
  oracles_.quorum.OnCrash(machines_[store]->name);
}

void Cluster::StopStore(int store) {
  if (stores_[store] == nullptr) return;
  world_.Note(absl::StrCat(machines_[store]->name, " stops"));
  world_.Stop(machines_[store]->place);
  stores_[store] = nullptr;
}

bool Cluster::HasFailed(int store) {
  return stores_[store] != nullptr && !stores_[store]->core().health().ok();
}

int Cluster::LeaderOf(ShardId shard) {
  int leader = -1;
  Term term;
  for (int i = 0; i < stores(); ++i) {
    if (stores_[i] == nullptr || !stores_[i]->Leads(shard)) continue;
    const Term its = stores_[i]->core().group(shard).Status().term;
    if (leader >= 0 && its < term) continue;
    leader = i;
    term = its;
  }
  return leader;
}

bool Cluster::MakeLoneVoter() {
  bool there = true;
  for (uint32_t i = 0; i < shards(); ++i) {
    const ShardId shard(i);
    const int leader = LeaderOf(shard);
    if (leader < 0) return false;
    raft::GroupDriver& group = stores_[leader]->core().group(shard);
    raft::Configuration next = group.core().configuration();
    if (next.Voters().size() == 1) continue;
    there = false;
    for (raft::Server& server : next.servers) {
      if (server.id == machines_[0]->id || server.role != raft::ServerRole::kVoter) continue;
      server.role = raft::ServerRole::kStandby;
      break;
    }
    stores_[leader]->Turn([shard, next, first = machines_[0]->id,
                           lead = leader == 0](raft::NodeCore& core) {
      lead ? (void)core.group(shard).Reconfigure(next) : (void)core.group(shard).Transfer(first);
    });
  }
  return there;
}

void Cluster::StartMx(int mx) {
  if (mxes_[mx] != nullptr) return;
  mxes_[mx] = std::make_unique<MxProcess>(world_, users_, *mx_clocks_[mx]);
  mxes_[mx]->Serve(std::make_unique<StoreLinks>(world_, *this, mx_places_[mx], *mxes_[mx]));
  world_.Start(mx_places_[mx], mxes_[mx].get());
}

void Cluster::CrashMx(int mx) {
  world_.Stop(mx_places_[mx]);
  mxes_[mx] = nullptr;
}

bool Cluster::DialMx(std::shared_ptr<net::ConnectionHandler> handler) {
  MxProcess* const mx = mxes_[world_.Pick(mxes())].get();
  if (mx == nullptr) return false;
  mx->network().Dial(mx->loop(), {.endpoint = SmtpEndpoint()}, std::move(handler));
  return true;
}

bool Cluster::DialStore(int store, std::shared_ptr<net::ConnectionHandler> handler) {
  StoreProcess* const process = stores_[store].get();
  if (process == nullptr) return false;
  process->network().Dial(process->loop(), {.endpoint = ImapEndpoint()}, std::move(handler));
  return true;
}

int Cluster::StoreOf(NodeId id) const {
  for (int i = 0; i < stores(); ++i) {
    if (machines_[i]->id == id) return i;
  }
  return -1;
}

void Cluster::SendFrame(int from, NodeId to, std::string frame) {
  const int at = StoreOf(to);
  if (at < 0) return;
  world_.SendFrame(machines_[from]->place, machines_[at]->place, std::move(frame),
                   [this, at, sender = machines_[from]->id](const std::string& arrived) {
                     if (stores_[at] != nullptr) stores_[at]->Receive(sender, arrived);
                   });
}

}  // namespace packetboat::sim
