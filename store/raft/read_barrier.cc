#include "store/raft/read_barrier.h"

#include <algorithm>
#include <utility>

namespace packetboat::raft {

void ReadBarrier::Add(Reader reader, int64_t deadline_ms) {
  reads_.push_back(Read{0, RaftIndex(0), deadline_ms, reader});
}

bool ReadBarrier::StartRound(RaftIndex commit) {
  if (reads_.empty() || reads_.back().round != 0) return false;
  ++round_;
  for (auto it = reads_.rbegin(); it != reads_.rend() && it->round == 0; ++it) {
    it->round = round_;
    it->index = commit;
  }
  return true;
}

void ReadBarrier::Confirm(NodeId from, uint64_t round) {
  uint64_t& highest = confirmed_[from];
  highest = std::max(highest, std::min(round, round_));
}

std::vector<ReadBarrier::Answer> ReadBarrier::TakeConfirmed(const std::vector<NodeId>& voters) {
  // The highest round that a majority has seen.
  std::vector<uint64_t> rounds;
  for (NodeId voter : voters) {
    rounds.push_back(voter == self_ ? round_ : confirmed_[voter]);
  }
  std::sort(rounds.begin(), rounds.end());
  const uint64_t reached = rounds.empty() ? 0 : rounds[(rounds.size() - 1) / 2];
  std::vector<Answer> answers;
  while (!reads_.empty() && reads_.front().round != 0 && reads_.front().round <= reached) {
    answers.push_back({reads_.front().reader, reads_.front().index});
    reads_.pop_front();
  }
  return answers;
}

std::vector<ReadBarrier::Answer> ReadBarrier::TakeExpired(int64_t now_ms) {
  std::vector<Answer> answers;
  while (!reads_.empty() && reads_.front().deadline_ms <= now_ms) {
    answers.push_back({reads_.front().reader, std::nullopt});
    reads_.pop_front();
  }
  return answers;
}

std::vector<ReadBarrier::Answer> ReadBarrier::TakeAll() {
  std::vector<Answer> answers;
  for (const Read& read : reads_) answers.push_back({read.reader, std::nullopt});
  reads_.clear();
  confirmed_.clear();
  return answers;
}

}  // namespace packetboat::raft
