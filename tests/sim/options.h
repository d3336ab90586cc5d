#ifndef PACKETBOAT_TESTS_SIM_OPTIONS_H_
#define PACKETBOAT_TESTS_SIM_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

// What one run of the simulator is: its size, its load, and how bad its world is. A value; the seed
// and these together decide everything that happens.

namespace packetboat::sim {

// Each fault has a rate of its own; zero turns it off. Rates of messages are per cent of frames
// between stores, of everything else events per virtual minute of the whole cluster. The defaults
// are all on.
struct Faults {
  // ---- Network: frames between stores.
  double loss_percent = 2;
  double duplicate_percent = 1;
  double reorder_percent = 2;
  absl::Duration max_delay = absl::Milliseconds(8);

  // ---- Network: who can reach whom. Stores, and MXes with stores.
  double partitions = 3;          // symmetric: both directions are cut
  double one_way_partitions = 3;  // one direction is cut
  // Connections cut: SMTP and IMAP clients lose theirs at any point, replies with it.
  double cut_percent = 6;  // of transactions and of IMAP commands

  // ---- Stores.
  double crashes = 6;   // forgets unsynced writes, sometimes all of them, and restarts
  double restarts = 2;  // stops in order
  double freezes = 3;   // SIGSTOP, and goes on
  double transfers = 4;
  double mx_crashes = 2;
  double torn_percent = 50;  // of crashes that tear the last write

  // ---- Disks.
  double bit_flips = 0.5;  // at rest in the log, on at most a minority's disks
  double write_errors = 1;
  double full_disks = 1;
  double slow_disks = 2;
  double stalled_disks = 1.5;

  // ---- Clocks.
  double clock_jumps = 2;
  double drift_ppm = 500;  // each clock runs so much too fast or too slow, at most

  // ---- Membership, within the rules: the configuration in force is proposed again.
  double reconfigurations = 3;

  static Faults None();
};

// Bugs that the oracles must notice.
enum class Plant {
  kNone,
  kAcknowledgeBeforeCommit,
  kSkipOneSync,
  kReuseUid,
  kReadWithoutIndex,
  kCountChangeAtWrongIndex,
  kRestartInOldTerm,
  kDropDeliveryKey,
};

enum class Scenario {
  // Voters as many as stores.
  kVoters,
  // The first store is the only voter of every shard, the others follow as standbys.
  kLoneVoter,
};

struct Options {
  uint64_t seed = 1;
  absl::Duration length = absl::Minutes(2);
  int stores = 3;
  int mxes = 2;
  uint32_t shards = 2;
  int accounts = 4;
  int senders = 4;
  // More than accounts: some accounts have two at a time.
  int imap_clients = 6;

  Faults faults;
  Plant plant = Plant::kNone;
  Scenario scenario = Scenario::kVoters;

  // Writes each event to standard error.
  bool trace = false;
  // Where histories of failed runs go; empty: nowhere.
  std::string history_folder;
};

// The names of `--plant=` and `--scenario=`; false for others.
bool ParsePlant(const std::string& name, Plant* plant);
bool ParseScenario(const std::string& name, Scenario* scenario);

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_OPTIONS_H_
