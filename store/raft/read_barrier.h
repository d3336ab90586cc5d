#ifndef PACKETBOAT_STORE_RAFT_READ_BARRIER_H_
#define PACKETBOAT_STORE_RAFT_READ_BARRIER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "store/raft/types.h"
#include "store/replication/group.h"

namespace packetboat::raft {

// A leader's reads that wait for a majority to confirm its term (SEMANTICS.md s4). All reads that
// are there when a round starts share it. The round's number goes out and comes back in messages;
// the index that a read gets is the commit index at the start of its round. Deterministic,
// thread-compatible.
class ReadBarrier {
 public:
  explicit ReadBarrier(NodeId self) : self_(self) {}

  // Who reads: a caller on this node, or a request of another one.
  struct Reader {
    replication::ReadIndexCallback done;
    NodeId remote;  // zero: this node
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
    absl::StatusOr<RaftIndex> index;
  };
  // Reads that a majority of `voters` has confirmed, with this node as a matter of course.
  std::vector<Answer> TakeConfirmed(const std::vector<NodeId>& voters);
  // Reads that are out of time.
  std::vector<Answer> TakeExpired(int64_t now_ms);
  // Everything, with this error; leadership is over.
  std::vector<Answer> TakeAll(const absl::Status& status);

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
