#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "tests/sim/options.h"
#include "tests/sim/simulation.h"

namespace packetboat::sim {
namespace {

// A bug that is planted, and the first seed that shows it: found by hand, so that the test is
// short.
struct Planted {
  const char* name;
  uint64_t first_seed;
  Scenario scenario = Scenario::kVoters;
  // Per virtual minute, where the defaults show it too seldom; zero: the defaults.
  double reconfigurations = 0;
  double partitions = 0;
};

constexpr uint64_t kWithin = 100;

class PlantedBugTest : public ::testing::TestWithParam<Planted> {};

TEST_P(PlantedBugTest, IsFoundWithinAHundredSeeds) {
  Options options;
  ASSERT_TRUE(ParsePlant(GetParam().name, &options.plant));
  options.scenario = GetParam().scenario;
  if (GetParam().reconfigurations > 0) {
    options.faults.reconfigurations = GetParam().reconfigurations;
    options.faults.partitions = GetParam().partitions;
  }
  // From the known seed on, then from the start: the load may have changed since.
  for (uint64_t tried = 0; tried < kWithin; ++tried) {
    options.seed = 1 + (GetParam().first_seed - 1 + tried) % kWithin;
    const Report report = sim::Run(options);
    if (report.findings.empty()) continue;
    RecordProperty("seed", static_cast<int>(options.seed));
    RecordProperty("finding", report.findings[0]);
    return;
  }
  FAIL() << "not found";
}

INSTANTIATE_TEST_SUITE_P(
    All, PlantedBugTest,
    ::testing::Values(Planted{"acknowledge_before_commit", 1}, Planted{"skip_one_sync", 1},
                      Planted{"reuse_uid", 1}, Planted{"read_without_index", 2},
                      Planted{"count_change_at_wrong_index", 3, Scenario::kVoters, 12, 6},
                      Planted{"restart_in_old_term", 1, Scenario::kLoneVoter},
                      Planted{"drop_delivery_key", 1}),
    [](const auto& info) { return std::string(info.param.name); });

// The same scenario without the bug: what is found is the bug.
TEST(LoneVoterTest, KeepsItsPromisesWithStandbys) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Options options;
    options.seed = seed;
    options.scenario = Scenario::kLoneVoter;
    const Report report = sim::Run(options);
    EXPECT_TRUE(report.findings.empty()) << seed << ": " << report.findings[0];
  }
}

}  // namespace
}  // namespace packetboat::sim
