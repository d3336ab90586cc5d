#ifndef PACKETBOAT_STORE_RAFT_ENTRY_LOG_H_
#define PACKETBOAT_STORE_RAFT_ENTRY_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "store/kv/database.h"
#include "store/raft/types.h"

namespace packetboat::raft {

// The log of one group as the core knows it: terms and sizes of all entries, and the entries
// themselves as long as they are young; older ones are read back from the database. What is not
// durable yet is always in memory: leaders send and apply it from here. Knows nothing of what is
// committed.
//
// Thread-compatible. Memory: four bytes for each entry, and `cache_bytes` of entries beyond those
// that are held.
class EntryLog {
 public:
  // `database` holds the log and must outlive this.
  EntryLog(ShardId shard, const kv::Reader& database, size_t cache_bytes)
      : shard_(shard), database_(database), cache_limit_bytes_(cache_bytes) {}

  // Reads the log back, verifying every entry and that none is missing. kDataLoss if not so.
  [[nodiscard]] absl::Status Recover();

  // Of the entry before the first; index and term are zero if the log begins at 1.
  const LogStart& start() const { return start_; }
  RaftIndex first() const { return Next(start_.index); }
  // Of the last entry, or start().index.
  RaftIndex last() const { return RaftIndex(start_.index.value() + sizes_.size()); }
  Term last_term() const { return *TermAt(last()); }
  // Nothing before start() and behind last(). Of index zero: term zero.
  std::optional<Term> TermAt(RaftIndex index) const;

  // Puts `entries` at `first`, which is in the log or right behind it, and forgets what was there
  // from `first` on. Their terms do not fall.
  void Append(RaftIndex first, const std::vector<EntryPtr>& entries);

  // From `first` on, which is in the log: at most `count` entries, and no more than `max_bytes` of
  // them except for the first. kDataLoss when an old one cannot be read back.
  absl::StatusOr<std::vector<EntryPtr>> Read(RaftIndex first, size_t count, size_t max_bytes) const;

  // Configurations in the log, and the one at its start, by index.
  const std::map<RaftIndex, Configuration>& configurations() const { return configurations_; }
  // The one in force at `index`: of the highest index that is not above.
  const Configuration& ConfigurationAt(RaftIndex index, RaftIndex* at) const;

  // What the log would begin with, if it were cut behind `index`.
  LogStart StartAt(RaftIndex index, absl::Time log_time) const;
  // Forgets everything up to `start.index`.
  void Cut(const LogStart& start);

  // Entries up to here are durable and need not be held in memory.
  void Release(RaftIndex index);

  // The highest log time that any entry ever had.
  absl::Time max_log_time() const { return max_log_time_; }

  // Keys and values that the log occupies in the database, about.
  uint64_t bytes() const { return bytes_; }
  size_t cached_bytes() const { return cached_bytes_; }

 private:
  void Truncate(RaftIndex from);
  void Evict();
  absl::StatusOr<std::vector<EntryPtr>> ReadBack(RaftIndex first, size_t count,
                                                 size_t max_bytes) const;

  const ShardId shard_;
  const kv::Reader& database_;
  const size_t cache_limit_bytes_;

  LogStart start_;
  std::deque<uint32_t> sizes_;       // of first(), ...
  std::map<RaftIndex, Term> terms_;  // first index of each run of equal terms
  std::map<RaftIndex, Configuration> configurations_;
  uint64_t bytes_ = 0;
  absl::Time max_log_time_ = absl::UnixEpoch();

  std::deque<EntryPtr> cache_;  // the last ones; the newest is last()
  size_t cached_bytes_ = 0;
  RaftIndex released_;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_ENTRY_LOG_H_
