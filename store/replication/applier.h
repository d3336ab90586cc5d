#ifndef PACKETBOAT_STORE_REPLICATION_APPLIER_H_
#define PACKETBOAT_STORE_REPLICATION_APPLIER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/ids.h"
#include "store/kv/database.h"
#include "store/replication/state_machine.h"

namespace packetboat::replication {

// How far the state of a shard has come: written in the same batch as what the entries did, so that
// the two never differ, whatever crash comes between.
struct AppliedMark {
  RaftIndex index;
  Term term;
  absl::Time log_time = absl::UnixEpoch();  // of the last command
};

// One entry that is committed and durable.
struct CommittedEntry {
  RaftIndex index;
  Term term;
  // Not a command: it only moves the mark.
  bool is_command = true;
  absl::Time log_time;
  absl::string_view command;
};

// Carries out committed entries of one shard, in order, one batch of state for each call. Owned by
// the thread that applies the shard; `state` and `machine` must outlive it.
class Applier {
 public:
  // Nothing, if the shard has no state yet. kDataLoss if the record makes no sense.
  static absl::StatusOr<std::optional<AppliedMark>> ReadMark(const kv::Reader& state,
                                                             ShardId shard);
  // What a power cut would leave.
  static absl::StatusOr<std::optional<AppliedMark>> ReadFlushedMark(const kv::Database& state,
                                                                    ShardId shard);

  Applier(ShardId shard, AppliedMark mark, kv::Database& state, StateMachine& machine)
      : shard_(shard), mark_(mark), state_(state), machine_(machine) {}

  // Applies `entries`, the first of which follows mark().index, and writes what they did together
  // with the new mark; then tells the state machine. `results` gets one string for each entry,
  // empty for what is not a command. On an error nothing of it is to be relied on until the
  // database was opened again.
  [[nodiscard]] absl::Status Apply(absl::Span<const CommittedEntry> entries,
                                   std::vector<std::string>* results);

  const AppliedMark& mark() const { return mark_; }

 private:
  const ShardId shard_;
  AppliedMark mark_;
  kv::Database& state_;
  StateMachine& machine_;
};

}  // namespace packetboat::replication

#endif  // PACKETBOAT_STORE_REPLICATION_APPLIER_H_
