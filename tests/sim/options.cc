#include "tests/sim/options.h"

#include <map>

namespace packetboat::sim {

Faults Faults::None() {
  return {.loss_percent = 0,
          .duplicate_percent = 0,
          .reorder_percent = 0,
          .max_delay = absl::Milliseconds(2),
          .partitions = 0,
          .one_way_partitions = 0,
          .cut_percent = 0,
          .crashes = 0,
          .restarts = 0,
          .freezes = 0,
          .transfers = 0,
          .mx_crashes = 0,
          .torn_percent = 0,
          .bit_flips = 0,
          .write_errors = 0,
          .full_disks = 0,
          .slow_disks = 0,
          .stalled_disks = 0,
          .clock_jumps = 0,
          .drift_ppm = 0,
          .reconfigurations = 0};
}

bool ParsePlant(const std::string& name, Plant* plant) {
  static const std::map<std::string, Plant> kNames = {
      {"none", Plant::kNone},
      {"acknowledge_before_commit", Plant::kAcknowledgeBeforeCommit},
      {"skip_one_sync", Plant::kSkipOneSync},
      {"reuse_uid", Plant::kReuseUid},
      {"read_without_index", Plant::kReadWithoutIndex},
      {"count_change_at_wrong_index", Plant::kCountChangeAtWrongIndex},
      {"restart_in_old_term", Plant::kRestartInOldTerm},
      {"drop_delivery_key", Plant::kDropDeliveryKey}};
  const auto found = kNames.find(name);
  if (found != kNames.end()) *plant = found->second;
  return found != kNames.end();
}

bool ParseScenario(const std::string& name, Scenario* scenario) {
  if (name == "voters") {
    *scenario = Scenario::kVoters;
  } else if (name == "lone_voter") {
    *scenario = Scenario::kLoneVoter;
  } else {
    return false;
  }
  return true;
}

}  // namespace packetboat::sim
