#ifndef PACKETBOAT_STORE_REPLICATION_GROUP_H_
#define PACKETBOAT_STORE_REPLICATION_GROUP_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/ids.h"

// One shard as seen from above: a log that a majority keeps, applied to a state machine. Commands
// go in at the leader, reads are local behind a barrier. Nothing here says how many replicas there
// are.
//
//   group.Propose(command, [](absl::StatusOr<ApplyResult> r) { ... });       // a write
//   group.ReadIndex([&](absl::StatusOr<RaftIndex> index) {                   // a linearizable read
//     group.WaitApplied(*index, [](absl::Status s) { /* read the database */ });
//   });

namespace packetboat::replication {

// What became of a command: committed by a majority, and applied to this node's state.
struct ApplyResult {
  RaftIndex index;
  absl::Time log_time;
  std::string result;  // of StateMachine::Apply
};

// Called exactly once, from a thread of the group (never from within the call that took it), and
// must not block. Statuses other than OK:
//   kUnavailable        This node does not lead or the group is stopping; the command was
//   definitely
//                       not proposed. status().leader may name who leads.
//   kUnknown            The command may or may not be, or become, committed. Propose again only
//   what
//                       recognises its own repetition.
//   kResourceExhausted  Too much in flight; definitely not proposed. Try later.
//   kInvalidArgument    Larger than max_command_bytes; definitely not proposed.
using ProposeCallback = absl::AnyInvocable<void(absl::StatusOr<ApplyResult>)>;
using ReadIndexCallback = absl::AnyInvocable<void(absl::StatusOr<RaftIndex>)>;
using WaitCallback = absl::AnyInvocable<void(absl::Status)>;

enum class Role { kFollower, kCandidate, kLeader };

struct GroupStatus {
  ShardId shard;
  Role role = Role::kFollower;
  Term term;
  // Who leads in `term`, if known. This node itself when role is kLeader.
  std::optional<NodeId> leader;
  RaftIndex commit;   // known to be committed
  RaftIndex applied;  // readable in the database
  // In log time of the last applied entry.
  absl::Time log_time;
  std::vector<NodeId> voters;
  // Not OK once the group can do no more than serve reads until the process is started again: its
  // log could not be written. Stays so.
  absl::Status health;
};

// Called after role, term, leader, voters or health have changed (not for every entry), from a
// thread of the group; must not block. Changes that follow one another closely may come as one.
using StatusObserver = std::function<void(const GroupStatus&)>;

// Thread-safe. Outlives every callback that it has taken: all of them are called before it stops.
class Group {
 public:
  virtual ~Group() = default;

  virtual ShardId shard() const = 0;

  // Appends a command to the shard's log. `command` holds at most max_command_bytes() octets.
  // Commands that are in flight at the same time may change places: small ones overtake bodies
  // (SEMANTICS.md s5). What must follow another is proposed after its answer.
  virtual void Propose(std::string command, ProposeCallback done) = 0;

  // Answers an index such that a state which has applied it shows every write that was acknowledged
  // before this call (SEMANTICS.md s4). Statuses: kUnavailable (no leader known, or it did not
  // confirm itself in time), kResourceExhausted (too many barriers waiting).
  virtual void ReadIndex(ReadIndexCallback done) = 0;

  // Waits until this node has applied `index`. Statuses: kUnavailable (stopping, or this node's
  // disk has failed), kResourceExhausted (too many waiting).
  virtual void WaitApplied(RaftIndex index, WaitCallback done) = 0;

  // Asks another voter to take over, once it has all that this leader has. OK once that has begun;
  // it may still come to nothing, which status() tells. Statuses: kUnavailable (not the leader, or
  // already handing over), kInvalidArgument (`to` is not another voter).
  virtual void TransferLeadership(NodeId to, WaitCallback done) = 0;

  virtual GroupStatus status() const = 0;
  virtual size_t max_command_bytes() const = 0;

  // The observer is first called with the present status, before this returns or soon after. It is
  // not called any more once RemoveObserver has returned, which must not be called from an
  // observer.
  virtual uint64_t AddObserver(StatusObserver observer) = 0;
  virtual void RemoveObserver(uint64_t observer_id) = 0;
};

// A barrier and a wait in one: `done` is called when this node's state can be read.
void ReadBarrier(Group& group, WaitCallback done);

}  // namespace packetboat::replication

#endif  // PACKETBOAT_STORE_REPLICATION_GROUP_H_
