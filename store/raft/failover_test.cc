// How long a shard is without a leader when its leader dies, over many deaths in virtual time.

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "store/raft/testing/sim_cluster.h"

namespace packetboat::raft {
namespace {

using testing::SimCluster;
using testing::SimNode;

constexpr ShardId kShard(0);

// From the leader's death to the next acknowledged proposal, for so many deaths; ascending.
std::vector<absl::Duration> Outages(int nodes, int deaths) {
  SimCluster cluster(static_cast<uint64_t>(nodes), nodes, 1, Options());
  std::vector<absl::Duration> outages;
  cluster.Run(absl::Seconds(2));
  for (int i = 0; i < deaths; ++i) {
    SimNode* leader = cluster.Leader(kShard);
    if (leader == nullptr) return {};
    cluster.Propose(kShard);
    cluster.Run(absl::Milliseconds(static_cast<int64_t>(cluster.random().Below(200))));
    const uint64_t acknowledged = cluster.acknowledged();
    const absl::Duration death = cluster.clock().Monotonic();
    leader->Crash();
    while (cluster.acknowledged() == acknowledged) {
      cluster.Propose(kShard);
      cluster.Run(absl::Milliseconds(5));
    }
    outages.push_back(cluster.clock().Monotonic() - death);
    EXPECT_TRUE(leader->Boot().ok());
    cluster.Run(absl::Milliseconds(300));
  }
  EXPECT_EQ(absl::StrJoin(cluster.violations(), "\n"), "");
  std::sort(outages.begin(), outages.end());
  return outages;
}

class FailoverTest : public ::testing::TestWithParam<int> {};

// Virtual time: the same in every run. More of them by hand: FAILOVER_DEATHS=500.
TEST_P(FailoverTest, TheSlowestElectionEndsInTime) {
  const char* asked = std::getenv("FAILOVER_DEATHS");
  const int deaths = asked == nullptr ? 100 : std::atoi(asked);
  const std::vector<absl::Duration> outages = Outages(GetParam(), deaths);
  ASSERT_EQ(outages.size(), static_cast<size_t>(deaths));
  const auto at = [&](size_t per_cent) { return outages[(outages.size() - 1) * per_cent / 100]; };
  std::cout << GetParam() << " voters, " << deaths << " deaths: p50 " << at(50) << ", p90 "
            << at(90) << ", p99 " << at(99) << ", longest " << outages.back() << "\n";
  EXPECT_LT(outages.back(), absl::Milliseconds(1500));
}

INSTANTIATE_TEST_SUITE_P(Voters, FailoverTest, ::testing::Values(3, 5));

}  // namespace
}  // namespace packetboat::raft
