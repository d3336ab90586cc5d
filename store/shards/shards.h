#ifndef PACKETBOAT_STORE_SHARDS_SHARDS_H_
#define PACKETBOAT_STORE_SHARDS_SHARDS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/executor.h"
#include "base/ids.h"
#include "store/kv/database.h"
#include "store/model/changes.h"
#include "store/model/planted_bugs.h"
#include "store/replication/group.h"
#include "store/replication/state_machine.h"
#include "store/shards/forwarder.h"
#include "store/shards/local_group.h"

namespace packetboat::entry {
class Entry;
class Result;
}  // namespace packetboat::entry

namespace packetboat::store {

// Where a proposal goes.
enum class Route {
  // To this node's replica: kUnavailable unless it leads. For callers who find leaders themselves.
  kHere,
  // To whoever leads, and it is applied here before it is answered.
  kLeader,
};

// The shards of this node as everything above them sees them: propose an entry, read behind a
// barrier, be woken by changes. Thread-safe.
class Shards {
 public:
  // What became of an entry. Statuses as of replication::Group::Propose; an outcome that is not OK
  // is a result.
  using ResultCallback = absl::AnyInvocable<void(absl::StatusOr<entry::Result>)>;

  // `state` outlives this. `count` is that of the whole cluster; 0: as many as SetGroups() brings.
  // `refusals`, if any, is where a node without replicas refuses; outlives this.
  explicit Shards(kv::Database& state, uint32_t count = 0, Executor* refusals = nullptr);
  ~Shards();

  // The state machines to run the groups with: they wake the watchers here.
  replication::StateMachineFactory machines(const model::PlantedBugs& bugs = {});

  // When the groups run; until then, and on a node without replicas for good, every shard is
  // unavailable here. By shard number; they outlive this.
  void SetGroups(const std::vector<replication::Group*>& groups);
  // Where a store answers; empty if that is not known. Before the shards are used.
  void SetAddressBook(std::function<std::string(NodeId)> address_of);
  // Takes what is proposed with Route::kLeader; nullptr: that is the same as kHere. Before the
  // shards are used; outlives their use.
  void SetForwarder(Forwarder* forwarder) { forwarder_ = forwarder; }

  uint32_t count() const { return static_cast<uint32_t>(groups_.size()); }
  replication::Group& group(ShardId shard) const { return *groups_[shard.value()]; }
  // Whether this node has the shard's state.
  bool HasReplica() const { return present_.load(std::memory_order_acquire); }
  // `host:port` of the store that probably leads the shard, as cluster.stores names it; empty if
  // that is not known.
  std::string LeaderAddress(ShardId shard) const;

  // Callbacks come from threads of the group and must not block.
  void Propose(ShardId shard, const entry::Entry& entry, ResultCallback done,
               Route route = Route::kHere);
  // The same for a serialised entry.
  void Propose(ShardId shard, std::string command, replication::ProposeCallback done, Route route);

  // After `done` got OK, a new snapshot shows every write of the shard that was acknowledged before
  // this call.
  void ReadBarrier(ShardId shard, replication::WaitCallback done);

  std::shared_ptr<const kv::Snapshot> Snapshot() const { return state_.NewSnapshot(); }

  // --- Changes, as this node applies them; called from the threads that apply, and must not block.

  using WatchId = uint64_t;
  // Something happened in the mailbox, or with its account (MailboxChange with mailbox zero).
  WatchId WatchMailbox(model::MailboxChange which, std::function<void()> wake);
  WatchId WatchDirectory(std::function<void()> wake);
  // When this returns `wake` is not running and will not run. Not from a wake.
  void Unwatch(WatchId id);

 private:
  void Notify(const model::Changes& changes);

  kv::Database& state_;
  Executor* const refusals_;
  std::vector<std::unique_ptr<LocalGroup>> groups_;
  std::atomic<bool> present_{false};
  Forwarder* forwarder_ = nullptr;
  std::function<std::string(NodeId)> address_of_;

  // Held while wakes run.
  absl::Mutex watch_mutex_;
  WatchId last_watch_ ABSL_GUARDED_BY(watch_mutex_) = 0;
  std::map<model::MailboxChange, std::map<WatchId, std::function<void()>>> mailbox_watches_
      ABSL_GUARDED_BY(watch_mutex_);
  std::map<WatchId, std::function<void()>> directory_watches_ ABSL_GUARDED_BY(watch_mutex_);
  std::map<WatchId, model::MailboxChange> watched_ ABSL_GUARDED_BY(watch_mutex_);
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_SHARDS_SHARDS_H_
