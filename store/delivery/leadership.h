#ifndef PACKETBOAT_STORE_DELIVERY_LEADERSHIP_H_
#define PACKETBOAT_STORE_DELIVERY_LEADERSHIP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "proto/delivery/delivery.pb.h"
#include "store/shards/shards.h"

namespace packetboat::store {

// It leads and can commit.
bool Leads(const replication::GroupStatus& status);

// What this store knows of the leadership of every shard, as of now.
rpc::delivery::ShardsReply DescribeShards(Shards& shards);

// News of leaderships for one watcher: first of every shard, then of those that changed. It is
// about the groups that the shards had when it was made: on a store that has no replica yet there
// is nothing to watch.
class LeadershipWatch {
 public:
  // `news` is called when Take has something to give, from threads of the groups or from here; it
  // must not block. `shards` outlives this.
  LeadershipWatch(Shards& shards, std::function<void()> news);
  // When this returns `news` is not running and will not run. Not from within it.
  ~LeadershipWatch();
  LeadershipWatch(const LeadershipWatch&) = delete;
  LeadershipWatch& operator=(const LeadershipWatch&) = delete;

  // What changed since the last time; nothing if nothing did. From any thread.
  std::optional<rpc::delivery::ShardsReply> Take();

 private:
  void Changed(const replication::GroupStatus& status);

  Shards& shards_;
  const std::function<void()> news_;
  std::vector<uint64_t> observers_;  // by shard

  absl::Mutex mutex_;
  std::map<ShardId, rpc::delivery::ShardsReply::Shard> changed_ ABSL_GUARDED_BY(mutex_);
};

// Lets delivery keys go early. `done` as Shards::Propose, except that kFailedPrecondition stands
// for everything that is certain not to have been proposed: over gRPC kUnavailable may mean a lost
// answer.
void ForgetKeys(Shards& shards, const rpc::delivery::ForgetKeysRequest& request,
                absl::AnyInvocable<void(absl::Status)> done);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_DELIVERY_LEADERSHIP_H_
