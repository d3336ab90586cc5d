#include "store/shards/local_group.h"

#include <memory>
#include <utility>

namespace packetboat::store {

void LocalGroup::Attach(replication::Group& group) {
  absl::MutexLock lock(&mutex_);
  group_.store(&group, std::memory_order_release);
  for (auto& [id, observer] : waiting_) attached_[id] = group.AddObserver(std::move(observer));
  waiting_.clear();
}

template <typename Done>
void LocalGroup::Refuse(Done done) {
  auto shared = std::make_shared<Done>(std::move(done));
  const auto refuse = [shared] {
    (*shared)(absl::UnavailableError("this store has no replica of the shard"));
  };
  if (executor_ == nullptr || !executor_->Submit(refuse)) refuse();
}

void LocalGroup::Propose(std::string command, replication::ProposeCallback done) {
  if (group() == nullptr) return Refuse(std::move(done));
  group()->Propose(std::move(command), std::move(done));
}

void LocalGroup::ReadIndex(replication::ReadIndexCallback done) {
  if (group() == nullptr) return Refuse(std::move(done));
  group()->ReadIndex(std::move(done));
}

void LocalGroup::WaitApplied(RaftIndex index, replication::WaitCallback done) {
  if (group() == nullptr) return Refuse(std::move(done));
  group()->WaitApplied(index, std::move(done));
}

void LocalGroup::TransferLeadership(NodeId to, replication::WaitCallback done) {
  if (group() == nullptr) return Refuse(std::move(done));
  group()->TransferLeadership(to, std::move(done));
}

replication::GroupStatus LocalGroup::status() const {
  if (group() != nullptr) return group()->status();
  replication::GroupStatus status;
  status.shard = shard_;
  return status;
}

size_t LocalGroup::max_command_bytes() const {
  return group() == nullptr ? 0 : group()->max_command_bytes();
}

uint64_t LocalGroup::AddObserver(replication::StatusObserver observer) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = ++last_observer_;
  if (group() != nullptr) {
    attached_[id] = group()->AddObserver(std::move(observer));
    return id;
  }
  // There is nothing yet that could change meanwhile.
  observer(status());
  waiting_[id] = std::move(observer);
  return id;
}

void LocalGroup::RemoveObserver(uint64_t observer_id) {
  absl::MutexLock lock(&mutex_);
  waiting_.erase(observer_id);
  const auto attached = attached_.find(observer_id);
  if (attached == attached_.end()) return;
  group()->RemoveObserver(attached->second);
  attached_.erase(attached);
}

}  // namespace packetboat::store
