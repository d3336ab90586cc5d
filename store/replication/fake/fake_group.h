#ifndef PACKETBOAT_STORE_REPLICATION_FAKE_FAKE_GROUP_H_
#define PACKETBOAT_STORE_REPLICATION_FAKE_FAKE_GROUP_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "store/kv/database.h"
#include "store/replication/applier.h"
#include "store/replication/group.h"
#include "store/replication/state_machine.h"

namespace packetboat::replication {

// A group without a log or peers: what is proposed is committed in the order of the calls and
// applied to a real state machine over a real (or fake) database. For tests of what stands above;
// held to the same contract as the Raft one (group_contract.h).
//
// kThreaded commits at once, on a thread of its own. kManual commits when the test says so, on the
// test's thread, so that what happens between proposal and commit can be arranged. Thread-safe.
class FakeGroup : public Group {
 public:
  enum class Mode { kThreaded, kManual };

  struct Options {
    ShardId shard;
    NodeId node{1};
    Mode mode = Mode::kThreaded;
    size_t max_command_bytes = size_t{1} << 20;
    size_t max_in_flight_entries = 4096;
    size_t max_in_flight_bytes = size_t{64} << 20;
    size_t max_waiters = 65536;
  };

  // Goes on behind what `state` has applied. `state`, `machine` and `clock` must outlive the group.
  FakeGroup(Options options, kv::Database& state, StateMachine& machine, const Clock& clock);
  // Fails what is in flight with kUnknown or kUnavailable.
  ~FakeGroup() override;

  ShardId shard() const override { return options_.shard; }
  void Propose(std::string command, ProposeCallback done) override;
  void ReadIndex(ReadIndexCallback done) override;
  void WaitApplied(RaftIndex index, WaitCallback done) override;
  // There is no other voter: kInvalidArgument or kUnavailable. For losing leadership see below.
  void TransferLeadership(NodeId to, WaitCallback done) override;
  GroupStatus status() const override;
  size_t max_command_bytes() const override { return options_.max_command_bytes; }
  uint64_t AddObserver(StatusObserver observer) override;
  void RemoveObserver(uint64_t observer_id) override;

  // --- kThreaded ---

  // Between true and false nothing is committed.
  void HoldCommits(bool hold);

  // --- kManual ---

  // Commits and applies up to `count` of the oldest proposals as one batch, and makes all callbacks
  // that are due. Returns how many it committed.
  size_t Commit(size_t count = SIZE_MAX);
  // Proposals that wait to be committed.
  size_t pending() const;

  // --- Faults ---

  // The next proposal ends so: kUnknown may have been committed (`committed`) or not; kUnavailable
  // and kResourceExhausted are not. Several add up, in order.
  void FailNextProposal(absl::Status status, bool committed = false);
  // The next barriers fail so.
  void FailReadIndex(absl::Status status);
  // Nothing: somebody unknown leads; another node: that one. What is in flight ends as kUnknown.
  void LoseLeadership(std::optional<NodeId> to);
  void GainLeadership();
  // From now on the group is unhealthy for good.
  void FailDisk(absl::Status status);

 private:
  struct Proposal {
    std::string command;
    ProposeCallback done;
  };
  struct Fault {
    absl::Status status;
    bool committed;
  };
  using Callback = absl::AnyInvocable<void()>;

  bool LeadsLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  GroupStatus StatusLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Admit(const std::string& command) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FailAll(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Announce() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeWaiters() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Adds a call that is made outside of the mutex, by the thread or by Commit().
  void Later(Callback callback) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    callbacks_.push_back(std::move(callback));
  }
  size_t CommitSome(size_t count);
  void MakeCallbacks();
  void Run();

  const Options options_;
  const Clock& clock_;

  // Held while applying and while observers are called; always taken before mutex_.
  absl::Mutex apply_mutex_;
  Applier applier_ ABSL_GUARDED_BY(apply_mutex_);

  mutable absl::Mutex mutex_;
  std::deque<Proposal> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  AppliedMark applied_ ABSL_GUARDED_BY(mutex_);
  Term term_ ABSL_GUARDED_BY(mutex_){1};
  std::optional<NodeId> leader_ ABSL_GUARDED_BY(mutex_);
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  absl::Status read_fault_ ABSL_GUARDED_BY(mutex_);
  std::deque<Fault> faults_ ABSL_GUARDED_BY(mutex_);
  std::multimap<RaftIndex, WaitCallback> waiters_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, StatusObserver> observers_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_observer_ ABSL_GUARDED_BY(mutex_) = 1;
  std::deque<Callback> callbacks_ ABSL_GUARDED_BY(mutex_);
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace packetboat::replication

#endif  // PACKETBOAT_STORE_REPLICATION_FAKE_FAKE_GROUP_H_
