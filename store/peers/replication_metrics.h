#ifndef PACKETBOAT_STORE_PEERS_REPLICATION_METRICS_H_
#define PACKETBOAT_STORE_PEERS_REPLICATION_METRICS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/metrics.h"
#include "store/peers/peers.h"
#include "store/shards/shards.h"

namespace packetboat::store {

// packetboat_store_shards_led, _shards_without_leader, _leader_changes_total, _apply_lag_entries,
// _peer_queue_bytes and _peer_dropped_frames (by peer's name): what this store's shards and its
// connections are at. Thread-safe.
class ReplicationMetrics {
 public:
  // All outlive this. `changed` is called when leader, role or health of a shard may have changed,
  // from threads of the groups; must not block.
  ReplicationMetrics(MetricsRegistry& metrics, Shards& shards, Peers& peers,
                     std::function<void()> changed);
  // When it returns `changed` is not running and will not run.
  ~ReplicationMetrics();

 private:
  class State;

  Shards& shards_;
  // The registry keeps it for good.
  const std::shared_ptr<State> state_;
  std::vector<uint64_t> observers_;  // by shard
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_REPLICATION_METRICS_H_
