#ifndef PACKETBOAT_STORE_SHARDS_LOCAL_GROUP_H_
#define PACKETBOAT_STORE_SHARDS_LOCAL_GROUP_H_

#include <atomic>
#include <cstdint>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/executor.h"
#include "store/replication/group.h"

namespace packetboat::store {

// This node's replica of a shard, whether there is one yet or not: a store answers calls before its
// cluster is formed, and one that is no voter never has replicas. Until then everything is refused
// as kUnavailable; observers that were added stay, and are told of what comes.
class LocalGroup : public replication::Group {
 public:
  // Refusals are made by `executor`, which outlives this; if it is null or full, from within the
  // call.
  LocalGroup(ShardId shard, Executor* executor) : shard_(shard), executor_(executor) {}

  // Once. `group` outlives this.
  void Attach(replication::Group& group);

  ShardId shard() const override { return shard_; }
  void Propose(std::string command, replication::ProposeCallback done) override;
  void ReadIndex(replication::ReadIndexCallback done) override;
  void WaitApplied(RaftIndex index, replication::WaitCallback done) override;
  void TransferLeadership(NodeId to, replication::WaitCallback done) override;
  replication::GroupStatus status() const override;
  size_t max_command_bytes() const override;
  uint64_t AddObserver(replication::StatusObserver observer) override;
  void RemoveObserver(uint64_t observer_id) override;

 private:
  replication::Group* group() const { return group_.load(std::memory_order_acquire); }
  template <typename Done>
  void Refuse(Done done);

  const ShardId shard_;
  Executor* const executor_;
  std::atomic<replication::Group*> group_{nullptr};

  absl::Mutex mutex_;
  uint64_t last_observer_ ABSL_GUARDED_BY(mutex_) = 0;
  // Until there is a group, and what they are called there.
  std::map<uint64_t, replication::StatusObserver> waiting_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, uint64_t> attached_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_SHARDS_LOCAL_GROUP_H_
