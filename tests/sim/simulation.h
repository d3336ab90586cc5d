#ifndef PACKETBOAT_TESTS_SIM_SIMULATION_H_
#define PACKETBOAT_TESTS_SIM_SIMULATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/options.h"

namespace packetboat::sim {

// What a run came to.
struct Report {
  // Of everything that happened, in order: equal for equal options, in every build.
  uint64_t hash = 0;
  uint64_t events = 0;
  std::vector<std::string> findings;

  uint64_t messages = 0;
  uint64_t accepted = 0;
  // Of those: the same octets as one before, after a clean session.
  uint64_t sent_anew = 0;
  // Copies that such a message did not make, as it was taken for a retry.
  uint64_t absorbed = 0;
  uint64_t imap_commands = 0;
  uint64_t faults = 0;
  // Accounts whose history was too hard to judge.
  uint64_t unjudged = 0;
};

// One run: a cluster, its load and its faults for as long as the options say; then all faults are
// healed, everything pending has to finish, and every oracle judges what is there.
Report Run(const Options& options);

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_SIMULATION_H_
