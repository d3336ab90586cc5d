#include "store/raft/waiting_reads.h"

#include <utility>

namespace packetboat::raft {

void WaitingReads::Add(replication::ReadIndexCallback done, int64_t deadline_ms) {
  unasked_.emplace(deadline_ms, std::move(done));
  ++size_;
}

uint64_t WaitingReads::Ask(int64_t now_ms) {
  asked_.emplace(++last_batch_, Batch{now_ms, std::exchange(unasked_, {})});
  return last_batch_;
}

WaitingReads::Callbacks WaitingReads::Answered(uint64_t batch) {
  Callbacks answered;
  const auto it = asked_.find(batch);
  if (it == asked_.end()) return answered;
  for (auto& [deadline, done] : it->second.callers) answered.push_back(std::move(done));
  size_ -= answered.size();
  asked_.erase(it);
  return answered;
}

void WaitingReads::Refused(uint64_t batch) {
  const auto it = asked_.find(batch);
  if (it == asked_.end()) return;
  unasked_.merge(it->second.callers);
  asked_.erase(it);
}

void WaitingReads::Unanswered(int64_t before_ms) {
  // Later batches were asked later.
  while (!asked_.empty() && asked_.begin()->second.asked_ms < before_ms) {
    unasked_.merge(asked_.begin()->second.callers);
    asked_.erase(asked_.begin());
  }
}

WaitingReads::Callbacks WaitingReads::TakeExpired(int64_t now_ms) {
  Callbacks expired;
  TakeExpired(now_ms, unasked_, expired);
  for (auto it = asked_.begin(); it != asked_.end();) {
    TakeExpired(now_ms, it->second.callers, expired);
    it = it->second.callers.empty() ? asked_.erase(it) : std::next(it);
  }
  size_ -= expired.size();
  return expired;
}

void WaitingReads::TakeExpired(int64_t now_ms, Callers& from, Callbacks& to) {
  while (!from.empty() && from.begin()->first <= now_ms) {
    to.push_back(std::move(from.begin()->second));
    from.erase(from.begin());
  }
}

}  // namespace packetboat::raft
