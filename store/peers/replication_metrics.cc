#include "store/peers/replication_metrics.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace packetboat::store {

class ReplicationMetrics::State {
 public:
  State(MetricsRegistry& metrics, Shards& shards, Peers& peers)
      : metrics_(metrics),
        leader_changes_(metrics.counter("packetboat_store_leader_changes_total",
                                        "Times that a shard got another leader, as seen here.")),
        led_(metrics.gauge("packetboat_store_shards_led", "Shards that this store leads.")),
        leaderless_(metrics.gauge("packetboat_store_shards_without_leader",
                                  "Shards of which this store knows no leader.")),
        lag_(metrics.gauge("packetboat_store_apply_lag_entries",
                           "Entries known to be committed that cannot be read here yet; the most "
                           "of any shard. NaN while no shard has a leader that could tell.")),
        shards_(&shards),
        peers_(&peers) {}

  void Saw(const replication::GroupStatus& status) {
    if (!status.leader.has_value()) return;
    absl::MutexLock lock(&mutex_);
    const auto [known, is_new] = leaders_.emplace(status.shard, *status.leader);
    if (is_new || known->second == *status.leader) return;
    known->second = *status.leader;
    leader_changes_.Add();
  }

  void Collect() {
    absl::MutexLock lock(&mutex_);
    if (shards_ == nullptr) return;
    CollectShards();
    for (const PeerState& peer : peers_->States()) {
      const MetricLabels labels = {{"peer", peer.member.name}};
      metrics_
          .gauge("packetboat_store_peer_queue_bytes", "Frames that wait for the stream to a store.",
                 labels)
          .Set(static_cast<double>(peer.queued_bytes));
      metrics_
          .gauge("packetboat_store_peer_dropped_frames",
                 "Frames for a store that were dropped since this one started.", labels)
          .Set(static_cast<double>(peer.dropped_frames));
    }
  }

  void Detach() {
    absl::MutexLock lock(&mutex_);
    shards_ = nullptr;
    peers_ = nullptr;
  }

 private:
  void CollectShards() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    int led = 0;
    int leaderless = 0;
    uint64_t lag = 0;
    for (uint32_t i = 0; i < shards_->count(); ++i) {
      const replication::GroupStatus status = shards_->group(ShardId(i)).status();
      led += status.role == replication::Role::kLeader;
      leaderless += !status.leader.has_value();
      lag = std::max(lag, status.commit.value() - status.applied.value());
    }
    led_.Set(led);
    leaderless_.Set(leaderless);
    const bool told = leaderless < static_cast<int>(shards_->count());
    lag_.Set(told ? static_cast<double>(lag) : std::numeric_limits<double>::quiet_NaN());
  }

  MetricsRegistry& metrics_;
  Counter& leader_changes_;
  Gauge& led_;
  Gauge& leaderless_;
  Gauge& lag_;

  absl::Mutex mutex_;
  Shards* shards_ ABSL_GUARDED_BY(mutex_);
  Peers* peers_ ABSL_GUARDED_BY(mutex_);
  std::map<ShardId, NodeId> leaders_ ABSL_GUARDED_BY(mutex_);
};

ReplicationMetrics::ReplicationMetrics(MetricsRegistry& metrics, Shards& shards, Peers& peers,
                                       std::function<void()> changed)
    : shards_(shards), state_(std::make_shared<State>(metrics, shards, peers)) {
  metrics.OnCollect([state = state_] { state->Collect(); });
  for (uint32_t i = 0; i < shards_.count(); ++i) {
    observers_.push_back(
        shards_.group(ShardId(i))
            .AddObserver([state = state_.get(), changed](const replication::GroupStatus& status) {
              state->Saw(status);
              changed();
            }));
  }
}

ReplicationMetrics::~ReplicationMetrics() {
  for (uint32_t i = 0; i < observers_.size(); ++i) {
    shards_.group(ShardId(i)).RemoveObserver(observers_[i]);
  }
  state_->Detach();
}

}  // namespace packetboat::store
