#ifndef PACKETBOAT_TESTS_SIM_CLUSTER_H_
#define PACKETBOAT_TESTS_SIM_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/api/connection.h"
#include "store/raft/options.h"
#include "tests/sim/mx_process.h"
#include "tests/sim/options.h"
#include "tests/sim/oracles/oracles.h"
#include "tests/sim/store_process.h"
#include "tests/sim/users.h"
#include "tests/sim/world.h"

namespace packetboat::sim {

// The machines of a cluster and what runs on them. Stores have what their disks keep; MXes have
// nothing.
class Cluster {
 public:
  Cluster(World& world, Oracles& oracles, const Options& options);
  ~Cluster();

  const Users& users() const { return users_; }
  int stores() const { return static_cast<int>(machines_.size()); }
  int mxes() const { return static_cast<int>(mx_places_.size()); }
  uint32_t shards() const { return options_.shards; }

  // ---- Stores.
  StoreMachine& machine(int store) { return *machines_[store]; }
  // nullptr while it is down.
  StoreProcess* store(int store) { return stores_[store].get(); }
  // False: it cannot start, as its disk is damaged.
  bool StartStore(int store);
  void CrashStore(int store, uint64_t survivors, bool torn);
  // As after SIGTERM, without the drain.
  void StopStore(int store);
  // Whose log could not be written: it can do no more until it is started again.
  bool HasFailed(int store);
  // -1: nobody that can be told from here.
  int LeaderOf(ShardId shard);
  // One step towards a cluster in which the first store alone votes on everything; true once there.
  bool MakeLoneVoter();

  // ---- MXes.
  MxProcess* mx(int mx) { return mxes_[mx].get(); }
  Place mx_place(int mx) const { return mx_places_[mx]; }
  void StartMx(int mx);
  void CrashMx(int mx);

  // A connection to one that is picked at random; false if that one is down.
  bool DialMx(std::shared_ptr<net::ConnectionHandler> handler);
  bool DialStore(int store, std::shared_ptr<net::ConnectionHandler> handler);

 private:
  // -1: nobody's.
  int StoreOf(NodeId id) const;
  void SendFrame(int from, NodeId to, std::string frame);

  World& world_;
  Oracles& oracles_;
  const Options options_;
  const StoreOptions store_options_;
  Users users_;
  Neighbours neighbours_;
  std::vector<std::unique_ptr<StoreMachine>> machines_;
  std::vector<std::unique_ptr<StoreProcess>> stores_;
  std::vector<Place> mx_places_;
  std::vector<std::unique_ptr<MachineClock>> mx_clocks_;
  std::vector<std::unique_ptr<MxProcess>> mxes_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_CLUSTER_H_
