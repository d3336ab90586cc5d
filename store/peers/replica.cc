#include "store/peers/replica.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "store/raft/identity.h"

namespace packetboat::store {
namespace {

Members Alone(NodeId id, const ReplicaOptions& options, uint32_t shards) {
  Members members;
  members.shards = shards;
  members.all.push_back(
      {id, options.name, options.stores.empty() ? "" : options.stores.front(), true});
  return members;
}

absl::Status CheckOwnFolder(const std::optional<Members>& members, NodeId id,
                            const std::string& name) {
  if (!members.has_value()) return absl::OkStatus();
  const Member* const own = members->Find(id);
  if (own == nullptr) return absl::DataLossError("the folder's list of members does not hold it");
  if (own->name == name) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("node.data is the folder of the store ",
                                                    own->name, ", and the certificate is that of ",
                                                    name, ": the others would refuse it"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Replica>> Replica::Open(ReplicaOptions options, kv::Database& log,
                                                       kv::Database& state, Peers& peers,
                                                       Shards& shards,
                                                       replication::StateMachineFactory machines,
                                                       const Clock& clock, Random& random) {
  ASSIGN_OR_RETURN(const raft::Identity identity,
                   raft::EnsureIdentity(log, options.cluster, random));
  ASSIGN_OR_RETURN(std::optional<Members> members, ReadMembers(log));
  if (!members.has_value() && identity.shards != 0) {
    // From before there were lists of members: a cluster of one.
    members = Alone(identity.node, options, identity.shards);
    RETURN_IF_ERROR(WriteMembers(log, *members));
  }
  // Nobody else has to know one that is alone.
  if (members.has_value() && members->all.size() == 1) members->all[0].name = options.name;
  RETURN_IF_ERROR(CheckOwnFolder(members, identity.node, options.name));
  auto replica =
      std::unique_ptr<Replica>(new Replica(std::move(options), identity.node, log, state, peers,
                                           shards, std::move(machines), clock, random));
  if (members.has_value()) {
    absl::MutexLock lock(&replica->mutex_);
    replica->members_ = std::move(members);
  }
  return replica;
}

Replica::Replica(ReplicaOptions options, NodeId id, kv::Database& log, kv::Database& state,
                 Peers& peers, Shards& shards, replication::StateMachineFactory machines,
                 const Clock& clock, Random& random)
    : options_(std::move(options)),
      id_(id),
      log_(log),
      state_(state),
      peers_(peers),
      shards_(shards),
      machines_(std::move(machines)),
      clock_(clock),
      random_(random) {}

Replica::~Replica() { Stop(); }

absl::StatusOr<uint32_t> Replica::ShardCount(const kv::Reader& log, uint32_t configured) {
  ASSIGN_OR_RETURN(const std::optional<Members> members, ReadMembers(log));
  if (members.has_value()) return members->shards;
  ASSIGN_OR_RETURN(const std::optional<raft::Identity> identity, raft::ReadIdentity(log));
  return identity.has_value() && identity->shards != 0 ? identity->shards : configured;
}

absl::Status Replica::Start() {
  const Introduction self = Introduce();
  if (self.members.has_value()) {
    RETURN_IF_ERROR(Run(*self.members));
    if (self.members->all.size() == 1) return absl::OkStatus();
    worker_ = std::thread([this] { SpreadLeaders(); });
    return absl::OkStatus();
  }
  if (alone()) return Adopt(Alone(id_, options_, options_.shards));
  worker_ = std::thread([this] {
    if (Form()) SpreadLeaders();
  });
  return absl::OkStatus();
}

bool Replica::Form() {
  absl::Status told;
  do {
    absl::StatusOr<Members> members =
        Decide(Introduce(), options_.max_voters, peers_.Introduce(options_.introduction_timeout));
    const absl::Status status = members.ok() ? Adopt(*members) : members.status();
    if (members.ok() && !status.ok()) log::Error("the store cannot run", {{"status", status}});
    if (status != told && !members.ok()) {
      const bool hopeless = status.code() != absl::StatusCode::kUnavailable;
      hopeless ? log::Error("the store is not part of a cluster", {{"status", status}})
               : log::Info("the cluster is being formed", {{"status", status}});
      told = status;
    }
    absl::MutexLock lock(&mutex_);
    status_ = status;
    if (members.ok()) return status.ok();
  } while (!Stopping(options_.introduction_pause));
  return false;
}

// What was decided is durable before anybody is told of it, and before the logs begin.
absl::Status Replica::Adopt(const Members& members) {
  RETURN_IF_ERROR(WriteMembers(log_, members));
  log::Info("member of a cluster", {{"cluster", options_.cluster},
                                    {"node_id", id_},
                                    {"members", members.all.size()},
                                    {"shards", members.shards}});
  {
    absl::MutexLock lock(&mutex_);
    members_ = members;
  }
  return Run(members);
}

absl::Status Replica::Run(const Members& members) {
  peers_.Begin(id_, members);
  if (members.Find(id_)->voter) {
    ASSIGN_OR_RETURN(const std::optional<raft::Identity> identity, raft::ReadIdentity(log_));
    if (identity->shards == 0) {
      RETURN_IF_ERROR(raft::Bootstrap(log_, members.shards, members.Voters()));
    }
    raft::NodeOptions node_options = options_.node;
    node_options.cluster = options_.cluster;
    node_options.bootstrap_shards = 0;
    ASSIGN_OR_RETURN(
        std::unique_ptr<raft::Node> node,
        raft::Node::Start(node_options, log_, state_, machines_, peers_, clock_, random_));
    node->OnUnhealthy([](const absl::Status& status) {
      log::Error("the store can only be read until it is restarted", {{"status", status}});
    });
    std::vector<replication::Group*> groups;
    for (uint32_t i = 0; i < node->shards(); ++i) groups.push_back(&node->group(ShardId(i)));
    {
      absl::MutexLock lock(&mutex_);
      node_ = std::move(node);
      status_ = absl::OkStatus();
    }
    // Observers of the groups are called from now on, and look at the status.
    shards_.SetGroups(groups);
    return absl::OkStatus();
  }
  absl::MutexLock lock(&mutex_);
  status_ = absl::OkStatus();
  return absl::OkStatus();
}

void Replica::SpreadLeaders() {
  LeaderMoves moves(id_, options_.spread);
  while (!Stopping(options_.spread.interval)) {
    if (shards_.HasReplica()) MoveOne(moves);
  }
}

void Replica::MoveOne(LeaderMoves& moves) {
  std::vector<replication::GroupStatus> groups;
  for (uint32_t i = 0; i < shards_.count(); ++i) {
    groups.push_back(shards_.group(ShardId(i)).status());
  }
  const std::optional<LeaderMove> move =
      moves.Next(groups, peers_.ReachableVoters(), clock_.Monotonic());
  if (!move.has_value()) return;
  const absl::Status fit = CanLead(*move, groups[move->shard.value()].applied);
  if (!fit.ok()) {
    log::Debug("leadership stays", {{"shard", move->shard}, {"status", fit}});
    return moves.Failed(move->to, clock_.Monotonic());
  }
  log::Info("leadership moves", {{"shard", move->shard}, {"to", move->to}});
  moves.Begun(*move);
  shards_.group(move->shard).TransferLeadership(move->to, [](const absl::Status&) {});
}

// Whether the other store is as far as this one, and has room.
absl::Status Replica::CanLead(const LeaderMove& move, RaftIndex applied) {
  ASSIGN_OR_RETURN(const PeerProgress progress,
                   peers_.AskProgress(move.to, move.shard, options_.spread.progress_timeout));
  return CheckFit(progress, applied, options_.node.raft.disk_reserve_soft, options_.spread);
}

Introduction Replica::Introduce() const {
  Introduction self;
  self.id = id_;
  self.name = options_.name;
  self.cluster = options_.cluster;
  self.shards = options_.shards;
  self.stores = options_.stores;
  absl::MutexLock lock(&mutex_);
  self.members = members_;
  return self;
}

absl::Status Replica::status() const {
  absl::MutexLock lock(&mutex_);
  if (!status_.ok()) return status_;
  return node_ == nullptr ? absl::OkStatus() : node_->health();
}

bool Replica::Stopping(absl::Duration wait) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait);
}

void Replica::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (worker_.joinable()) worker_.join();
  raft::Node* node;
  {
    absl::MutexLock lock(&mutex_);
    node = node_.get();
  }
  if (node != nullptr) node->Stop();
}

}  // namespace packetboat::store
