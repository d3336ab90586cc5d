#ifndef PACKETBOAT_STORE_RAFT_EFFECTS_H_
#define PACKETBOAT_STORE_RAFT_EFFECTS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/ids.h"
#include "store/kv/write_batch.h"
#include "store/raft/in_flight.h"
#include "store/raft/types.h"
#include "store/replication/applier.h"
#include "store/replication/group.h"

// What the deterministic part asks of the world, as values, and what the world answers.

namespace packetboat::raft {

using Callback = absl::AnyInvocable<void()>;

// A command on its way, with its place in the bound.
struct Proposal {
  std::string command;
  replication::ProposeCallback done;
  InFlight::Place place;
};

// The proposer of an entry that is in the log.
struct Proposer {
  RaftIndex index;
  replication::ProposeCallback done;
  InFlight::Place place;
};

// To be applied in order, shard by shard; each group has one at a time under way.
struct ApplyWork {
  ShardId shard;
  RaftIndex first;
  std::vector<EntryPtr> entries;
  std::vector<Proposer> proposers;  // of some of them, in order
};

struct ApplyOutcome {
  ShardId shard;
  absl::Status status;
  replication::AppliedMark mark;
  uint64_t bytes = 0;  // of the entries, small ones as if larger: what a replay takes
};

// Carries out `work`. `callbacks` gets what is to be called once the outcome is visible to readers
// of the group's status.
ApplyOutcome RunApply(ApplyWork work, replication::Applier& applier,
                      std::vector<Callback>* callbacks);

// One write of the log, of all groups of the node; synced as a whole.
struct LogWrite {
  uint64_t number = 0;
  kv::WriteBatch batch;
};

// Gathered while groups step; the node takes it from here.
struct Effects {
  // The number of the log write that `log` will be part of.
  uint64_t write_number = 1;
  kv::WriteBatch log;
  std::vector<std::pair<NodeId, Message>> messages;
  std::vector<ApplyWork> applies;
  std::vector<Callback> callbacks;
  // Groups whose status has changed.
  std::set<ShardId> changed;
  // The state must be flushed before a log can be cut.
  bool flush_state = false;
  // Of all entries that have been applied since the start; see ApplyOutcome.
  uint64_t applied_bytes = 0;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_EFFECTS_H_
