#ifndef PACKETBOAT_STORE_RAFT_TYPES_H_
#define PACKETBOAT_STORE_RAFT_TYPES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "base/ids.h"

// The words of Raft as the adapter, the log and the transport use them; plain values, without
// libraft.

namespace packetboat::raft {

inline RaftIndex Next(RaftIndex index) { return RaftIndex(index.value() + 1); }
inline RaftIndex Previous(RaftIndex index) { return RaftIndex(index.value() - 1); }

enum class EntryType : uint8_t {
  kCommand = 1,
  // Commits what earlier terms left; changes nothing.
  kBarrier = 2,
  // A whole new configuration.
  kConfiguration = 3,
};

struct Entry {
  Term term;
  EntryType type = EntryType::kCommand;
  // Stamped by the leader on commands; the epoch on the others.
  absl::Time log_time = absl::UnixEpoch();
  // The command, or an encoded Configuration.
  std::string payload;
};

// Entries are shared between log, messages and apply, and never change.
using EntryPtr = std::shared_ptr<const Entry>;

enum class ServerRole : uint8_t { kStandby = 0, kVoter = 1, kSpare = 2 };

struct Server {
  NodeId id;
  ServerRole role = ServerRole::kVoter;

  friend bool operator==(const Server&, const Server&) = default;
};

// Who takes part in a group. The order of servers is kept over changes.
struct Configuration {
  std::vector<Server> servers;

  std::vector<NodeId> Voters() const;
  const Server* Find(NodeId id) const;
  // Not empty, ids distinct and not zero, at least one voter.
  bool Valid() const;

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

// What must be durable before a message that follows from it leaves (Raft, figure 2).
struct HardState {
  Term term;
  // Zero: nobody.
  NodeId vote;

  friend bool operator==(const HardState&, const HardState&) = default;
};

// Where a cut log begins: the last entry that is gone, and what must be known of it.
struct LogStart {
  RaftIndex index;
  Term term;
  absl::Time log_time = absl::UnixEpoch();
  // In force at `index`.
  Configuration configuration;
  RaftIndex configuration_index;
};

// --- Messages between the nodes of one group ---

struct AppendEntries {
  Term term;
  RaftIndex prev_index;
  Term prev_term;
  RaftIndex commit;
  // Up to here every server has the log: none will ask for it again.
  RaftIndex matched_by_all;
  std::vector<EntryPtr> entries;
};

struct AppendEntriesResult {
  Term term;
  // Zero: accepted; else the index at which the logs do not match.
  RaftIndex rejected;
  RaftIndex last_index;
};

struct RequestVote {
  Term term;
  RaftIndex last_index;
  Term last_term;
  bool disrupt_leader = false;
  bool pre_vote = false;
};

struct RequestVoteResult {
  Term term;
  bool granted = false;
  bool pre_vote = false;
};

struct TimeoutNow {
  Term term;
  RaftIndex last_index;
  Term last_term;
};

// A leader asks whether it still leads; one round serves all reads that arrived before it
// (SEMANTICS.md s4).
struct ReadRound {
  Term term;
  uint64_t round = 0;
};

// The sender was in `term` after it got this round.
struct ReadRoundResult {
  Term term;
  uint64_t round = 0;
};

// Another replica asks the leader for its read index.
struct ReadIndexRequest {
  uint64_t request = 0;
};

struct ReadIndexResult {
  uint64_t request = 0;
  // Nothing: the receiver does not lead, or could not confirm that it does.
  std::optional<RaftIndex> index;
};

using MessageBody =
    std::variant<AppendEntries, AppendEntriesResult, RequestVote, RequestVoteResult, TimeoutNow,
                 ReadRound, ReadRoundResult, ReadIndexRequest, ReadIndexResult>;

struct Message {
  ShardId shard;
  MessageBody body;
};

// How much room a node's disk has, by its own limits (SEMANTICS.md s5).
enum class SpaceLevel : uint8_t {
  kAmple = 0,
  // Below disk_reserve_soft: it leads nothing while another can.
  kLow = 1,
  // Below disk_reserve_hard: only what frees space passes.
  kShort = 2,
  // Below half of that: its log takes nothing.
  kNone = 3,
};

// Everything that one node sends another at one time.
struct Frame {
  // Rises with every start of the sender.
  uint64_t incarnation = 0;
  // Rises with every frame to this receiver.
  uint64_t sequence = 0;
  // The sender's wall clock.
  absl::Time sent_at = absl::UnixEpoch();
  // Of the sender's disk.
  SpaceLevel space = SpaceLevel::kAmple;
  uint64_t free_bytes = 0;
  std::vector<Message> messages;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_TYPES_H_
