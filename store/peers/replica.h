#ifndef PACKETBOAT_STORE_PEERS_REPLICA_H_
#define PACKETBOAT_STORE_PEERS_REPLICA_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "base/random.h"
#include "store/kv/database.h"
#include "store/peers/formation.h"
#include "store/peers/leader_spread.h"
#include "store/peers/peers.h"
#include "store/raft/node.h"
#include "store/shards/shards.h"

namespace packetboat::store {

struct ReplicaOptions {
  std::string name;  // of the certificate
  std::string cluster;
  std::vector<std::string> stores;  // cluster.stores
  uint32_t shards = 16;
  uint32_t max_voters = 5;
  // While the cluster is formed: how long the stores have to answer, and the pause before they are
  // asked again.
  absl::Duration introduction_timeout = absl::Seconds(1);
  absl::Duration introduction_pause = absl::Milliseconds(100);
  LeaderSpreadOptions spread;
  raft::NodeOptions node;
};

// This store's part in its cluster. A new data folder becomes that of a member when the cluster is
// formed (formation.h); from then on it runs a replica of every shard, or, if the store is no
// voter, none. Thread-safe.
class Replica {
 public:
  // References outlive it. `shards` gets the groups once they run. An error: the folder cannot be
  // what the configuration says.
  static absl::StatusOr<std::unique_ptr<Replica>> Open(ReplicaOptions options, kv::Database& log,
                                                       kv::Database& state, Peers& peers,
                                                       Shards& shards,
                                                       replication::StateMachineFactory machines,
                                                       const Clock& clock, Random& random);
  ~Replica();

  // How many shards the cluster of this folder has, or would have.
  static absl::StatusOr<uint32_t> ShardCount(const kv::Reader& log, uint32_t configured);

  // Once the peer service answers. A folder that has been started before, and a store that is
  // alone, run when it returns; else a thread waits for the cluster to be formed.
  absl::Status Start();

  // What this store says of itself.
  Introduction Introduce() const;
  // OK once its part runs: before, what is waited for; afterwards, raft::Node::health().
  absl::Status status() const;

  // Moves leadership away and ends the groups. Once; blocks.
  void Stop();

 private:
  Replica(ReplicaOptions options, NodeId id, kv::Database& log, kv::Database& state, Peers& peers,
          Shards& shards, replication::StateMachineFactory machines, const Clock& clock,
          Random& random);

  bool alone() const { return options_.stores.size() <= 1; }
  // Until it is part of a cluster; false: stopped or failed before.
  bool Form();
  // From then on.
  void SpreadLeaders();
  void MoveOne(LeaderMoves& moves);
  absl::Status CanLead(const LeaderMove& move, RaftIndex applied);
  absl::Status Adopt(const Members& members);
  absl::Status Run(const Members& members);
  bool Stopping(absl::Duration wait);

  const ReplicaOptions options_;
  const NodeId id_;
  kv::Database& log_;
  kv::Database& state_;
  Peers& peers_;
  Shards& shards_;
  const replication::StateMachineFactory machines_;
  const Clock& clock_;
  Random& random_;

  mutable absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_) = absl::UnavailableError("starting");
  std::optional<Members> members_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<raft::Node> node_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread worker_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_REPLICA_H_
