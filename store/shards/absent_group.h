#ifndef PACKETBOAT_STORE_SHARDS_ABSENT_GROUP_H_
#define PACKETBOAT_STORE_SHARDS_ABSENT_GROUP_H_

#include "base/thread_pool.h"
#include "store/replication/group.h"

namespace packetboat::store {

// A shard of which this node has no replica, for good or not yet: everything is kUnavailable.
class AbsentGroup : public replication::Group {
 public:
  // `callbacks` is where answers are given; outlives this.
  AbsentGroup(ShardId shard, ThreadPool& callbacks) : shard_(shard), callbacks_(callbacks) {}

  ShardId shard() const override { return shard_; }
  void Propose(std::string command, replication::ProposeCallback done) override;
  void ReadIndex(replication::ReadIndexCallback done) override;
  void WaitApplied(RaftIndex index, replication::WaitCallback done) override;
  void TransferLeadership(NodeId to, replication::WaitCallback done) override;
  replication::GroupStatus status() const override;
  size_t max_command_bytes() const override { return 0; }
  // It has no changes to tell.
  uint64_t AddObserver(replication::StatusObserver) override { return 0; }
  void RemoveObserver(uint64_t) override {}

 private:
  template <typename Done>
  void Refuse(Done done);

  const ShardId shard_;
  ThreadPool& callbacks_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_SHARDS_ABSENT_GROUP_H_
