#ifndef PACKETBOAT_TESTS_SIM_ORACLES_REPLICAS_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_REPLICAS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "store/kv/database.h"
#include "store/replication/state_machine.h"
#include "tests/sim/oracles/findings.h"

namespace packetboat::sim {

// Replicas are equal at equal index: each applies the same entry with the same result, also when it
// applies it again after a crash, and the checksums over their records agree. At most one store
// leads a shard in a term (Raft, s5.2: election safety).
class ReplicasOracle {
 public:
  explicit ReplicasOracle(Findings& findings) : findings_(findings) {}

  // True: nobody has applied this index before.
  bool OnApplied(const std::string& node, const replication::ApplyContext& context,
                 absl::string_view command, absl::string_view result);
  void OnLeader(const std::string& node, ShardId shard, Term term);

  // Reads the whole shard, and counts everything in it again.
  void CheckState(const std::string& node, ShardId shard, const kv::Database& state);

 private:
  struct Outcome {
    std::string node;
    uint32_t sum = 0;
  };

  Findings& findings_;
  std::map<std::pair<ShardId, RaftIndex>, Outcome> applied_;
  std::map<std::pair<ShardId, RaftIndex>, std::pair<std::string, std::string>> sums_;
  std::map<std::pair<ShardId, Term>, std::string> leaders_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_REPLICAS_H_
