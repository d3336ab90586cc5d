#ifndef PACKETBOAT_STORE_RAFT_OPTIONS_H_
#define PACKETBOAT_STORE_RAFT_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "store/replication/state_machine.h"

namespace packetboat::raft {

// Planted bugs: each makes a promise fail, so that a test can show that it would be noticed. All
// off outside tests.
struct TestFaults {
  // A proposal is answered when it is appended, before it is durable or committed.
  bool acknowledge_before_commit = false;
  // The log is written without a sync.
  bool skip_log_sync = false;
  // The only voter of a group starts in the term that it last had.
  bool restart_in_old_term = false;
  // Reads do not ask a majority whether this node still leads.
  bool read_without_round = false;
  // A change of membership that is not the first entry of its append is handed to the core as it
  // comes: the core notes it at the wrong index and never counts it committed.
  bool count_change_at_wrong_index = false;
};

// For all groups of a node.
struct Options {
  // Half of it is above the round trip between two nodes.
  absl::Duration election_timeout = absl::Milliseconds(400);
  absl::Duration heartbeat = absl::Milliseconds(80);

  // Per group.
  size_t max_command_bytes = size_t{640} << 10;
  size_t max_in_flight_entries = 4096;
  size_t max_in_flight_bytes = size_t{64} << 20;
  // Commands of up to so many octets overtake larger ones, and have a bound of their own: bodies on
  // their way hold up nothing else.
  size_t small_command_bytes = size_t{64} << 10;
  size_t max_in_flight_small_bytes = size_t{16} << 20;
  size_t max_reads_waiting = 65536;
  size_t max_applies_waiting = 65536;  // callers of WaitApplied
  // Entries kept in memory for followers and apply once they are durable.
  size_t entry_cache_bytes = size_t{4} << 20;
  // Beyond this the log is cut, behind what is in flushed state and what every server has.
  uint64_t max_log_bytes = uint64_t{16} << 20;
  // The same once state was flushed: what is cut soon need not be moved from memory to tables.
  uint64_t max_log_bytes_after_flush = uint64_t{256} << 10;

  // A read that was not confirmed by then fails. Long enough for another leader to be found.
  absl::Duration read_timeout = absl::Seconds(10);
  // Without a sync for this long the node gives up its leaderships (SEMANTICS.md s5).
  absl::Duration disk_stall = absl::Seconds(3);
  // Free space below which a node leads nothing while another can, and below which its leaders take
  // only what frees space (SEMANTICS.md s5).
  uint64_t disk_reserve_soft = uint64_t{1} << 30;
  uint64_t disk_reserve_hard = uint64_t{256} << 20;
  // How far log time may be ahead of the median of the followers' clocks, and how far off a clock
  // may be that stamps it (SEMANTICS.md s3).
  absl::Duration clock_ahead_max = absl::Seconds(1);
  absl::Duration clock_skew_max = absl::Seconds(5);
  // Of all groups, what may be applied to state that is not flushed: a restart replays it. An entry
  // counts a kibibyte on top of its own octets.
  uint64_t max_unflushed_log_bytes = uint64_t{32} << 20;

  // Of all groups: larger commands join a write of the log while it holds less than this.
  size_t max_log_write_bytes = size_t{2} << 20;

  // One append to a follower, one frame between nodes, one batch of state; each holds at least one
  // entry, however large.
  size_t max_append_bytes = size_t{256} << 10;
  size_t max_frame_bytes = size_t{768} << 10;
  size_t max_apply_bytes = size_t{1} << 20;
  size_t max_apply_entries = 1024;
  uint32_t max_inflight_entries_per_follower = 256;

  // Tells what a command does to the disk, from any thread; null: all of them bring a body.
  std::function<replication::SpaceUse(absl::string_view command)> space_use;

  TestFaults test_faults;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_OPTIONS_H_
