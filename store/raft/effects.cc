#include "store/raft/effects.h"

#include <memory>

#include "absl/strings/str_cat.h"

namespace packetboat::raft {
namespace {

// To replay an entry takes time however small it is: as much as so many octets, about.
constexpr uint64_t kReplayOverheadBytes = 1024;

}  // namespace

ApplyOutcome RunApply(ApplyWork work, replication::Applier& applier,
                      std::vector<Callback>* callbacks) {
  std::vector<replication::CommittedEntry> entries;
  entries.reserve(work.entries.size());
  RaftIndex index = work.first;
  uint64_t bytes = 0;
  for (const EntryPtr& entry : work.entries) {
    entries.push_back(
        {index, entry->term, entry->type == EntryType::kCommand, entry->log_time, entry->payload});
    index = Next(index);
    bytes += entry->payload.size() + kReplayOverheadBytes;
  }
  std::vector<std::string> results;
  const absl::Status status = applier.Apply(entries, &results);
  for (Proposer& proposer : work.proposers) {
    absl::StatusOr<replication::ApplyResult> outcome;
    if (status.ok()) {
      const size_t i = proposer.index.value() - work.first.value();
      outcome =
          replication::ApplyResult{proposer.index, entries[i].log_time, std::move(results[i])};
    } else {
      // Committed, but the state machine's answer is not known until it is applied again.
      outcome = absl::UnknownError(absl::StrCat("not applied: ", status.message()));
    }
    callbacks->push_back([proposer = std::move(proposer), outcome = std::move(outcome)]() mutable {
      // Out of the bound before the caller goes on.
      { InFlight::Place gone = std::move(proposer.place); }
      proposer.done(std::move(outcome));
    });
  }
  return ApplyOutcome{work.shard, status, applier.mark(), bytes};
}

}  // namespace packetboat::raft
