#ifndef PACKETBOAT_STORE_RAFT_WAITING_READS_H_
#define PACKETBOAT_STORE_RAFT_WAITING_READS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "store/replication/group.h"

namespace packetboat::raft {

// Reads of this node's callers until whoever leads has answered, be it this node. They go to the
// leader in batches, each one numbered; a batch without an answer goes to the next leader: callers
// see a pause, not an error (SEMANTICS.md s4). Deterministic, thread-compatible.
class WaitingReads {
 public:
  using Callbacks = std::vector<replication::ReadIndexCallback>;

  // `incarnation` rises with every start of the node: no batch gets an answer to one of an earlier
  // life, which knew of less.
  explicit WaitingReads(uint64_t incarnation) : last_batch_(incarnation << 40) {}

  void Add(replication::ReadIndexCallback done, int64_t deadline_ms);

  // Callers, asked for or not.
  size_t size() const { return size_; }
  bool unasked() const { return !unasked_.empty(); }

  // Makes one batch of all that are not asked for and returns its number, never zero.
  uint64_t Ask(int64_t now_ms);
  // The callers of a batch that was answered; none if it is not known any more.
  Callbacks Answered(uint64_t batch);

  // What was refused, or asked before `before_ms`, is to be asked for again.
  void Refused(uint64_t batch);
  void Unanswered(int64_t before_ms);

  Callbacks TakeExpired(int64_t now_ms);
  Callbacks TakeAll() { return TakeExpired(std::numeric_limits<int64_t>::max()); }

 private:
  using Callers = std::multimap<int64_t, replication::ReadIndexCallback>;  // by deadline
  struct Batch {
    int64_t asked_ms;
    Callers callers;
  };

  static void TakeExpired(int64_t now_ms, Callers& from, Callbacks& to);

  size_t size_ = 0;
  Callers unasked_;
  uint64_t last_batch_;
  std::map<uint64_t, Batch> asked_;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_WAITING_READS_H_
