#include "store/replication/group.h"

#include <utility>

namespace packetboat::replication {

void ReadBarrier(Group& group, WaitCallback done) {
  group.ReadIndex([&group, done = std::move(done)](absl::StatusOr<RaftIndex> index) mutable {
    if (!index.ok()) {
      done(index.status());
    } else {
      group.WaitApplied(*index, std::move(done));
    }
  });
}

}  // namespace packetboat::replication
