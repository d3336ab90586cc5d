#include "store/shards/absent_group.h"

#include <memory>
#include <utility>

namespace packetboat::store {

template <typename Done>
void AbsentGroup::Refuse(Done done) {
  // Never from within the call; but a full queue must not lose it.
  auto shared = std::make_shared<Done>(std::move(done));
  const auto answer = [shared] {
    (*shared)(absl::UnavailableError("this store has no replica of the shard"));
  };
  if (!callbacks_.Submit(answer)) answer();
}

void AbsentGroup::Propose(std::string, replication::ProposeCallback done) {
  Refuse(std::move(done));
}

void AbsentGroup::ReadIndex(replication::ReadIndexCallback done) { Refuse(std::move(done)); }

void AbsentGroup::WaitApplied(RaftIndex, replication::WaitCallback done) {
  Refuse(std::move(done));
}

void AbsentGroup::TransferLeadership(NodeId, replication::WaitCallback done) {
  Refuse(std::move(done));
}

replication::GroupStatus AbsentGroup::status() const {
  replication::GroupStatus status;
  status.shard = shard_;
  return status;
}

}  // namespace packetboat::store
