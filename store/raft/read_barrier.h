#ifndef PACKETBOAT_STORE_RAFT_READ_BARRIER_H_
#define PACKETBOAT_STORE_RAFT_READ_BARRIER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "store/raft/types.h"

namespace packetboat::raft {

// What a leader is asked to read, until a majority has confirmed its term (SEMANTICS.md s4). All
// requests that are there when a round starts share it. The round's number goes out and comes back
// in messages; the index that a request gets is the commit index at the start of its round.
// Deterministic, thread-compatible.
class ReadBarrier {
 public:
  explicit ReadBarrier(NodeId self) : self_(self) {}

  // A request of a node, which may be the leader itself.
  struct Reader {
    NodeId node;
    uint64_t request = 0;
  };

  void Add(Reader reader, int64_t deadline_ms);

  // Starts a round for the reads that have none; false, if there are none.
  bool StartRound(RaftIndex commit);
  uint64_t round() const { return round_; }
  bool waiting() const { return !reads_.empty(); }
  size_t size() const { return reads_.size(); }

  // `from` was in the leader's term after it saw `round`.
  void Confirm(NodeId from, uint64_t round);

  struct Answer {
    Reader reader;
    std::optional<RaftIndex> index;  // none: not confirmed
  };
  // Reads that a majority of `voters` has confirmed, with this node as a matter of course.
  std::vector<Answer> TakeConfirmed(const std::vector<NodeId>& voters);
  // Reads that are out of time.
  std::vector<Answer> TakeExpired(int64_t now_ms);
  // Everything, unconfirmed: leadership is over.
  std::vector<Answer> TakeAll();

 private:
  struct Read {
    uint64_t round;  // zero: none yet
    RaftIndex index;
    int64_t deadline_ms;
    Reader reader;
  };

  const NodeId self_;
  uint64_t round_ = 0;
  std::deque<Read> reads_;  // in order of rounds, those without one last
  std::map<NodeId, uint64_t> confirmed_;
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_READ_BARRIER_H_
