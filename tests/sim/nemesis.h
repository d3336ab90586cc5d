#ifndef PACKETBOAT_TESTS_SIM_NEMESIS_H_
#define PACKETBOAT_TESTS_SIM_NEMESIS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/cluster.h"
#include "tests/sim/options.h"
#include "tests/sim/world.h"

namespace packetboat::sim {

// Makes the faults of the options happen, each at its rate, and ends each after a while. Keeps to
// what the design promises to survive: bits flip on a minority's disks at most.
class Nemesis {
 public:
  Nemesis(World& world, Cluster& cluster, const Faults& faults);

  // Once in each millisecond.
  void Tick();
  // Ends every fault, and starts what is down and can start.
  void Heal();

  uint64_t count() const { return count_; }

 private:
  using Act = void (Nemesis::*)();
  struct Kind {
    double per_minute;
    Act act;
  };

  void Partition();
  void PartitionOneWay();
  void Crash();
  void Restart();
  void Freeze();
  void Transfer();
  void CrashMx();
  void FlipBit();
  void FailWrite();
  void FillDisk();
  void SlowDisk();
  void StallDisk();
  void JumpClock();
  void Reconfigure();

  // Stores that failed by themselves are restarted, as their supervisor would.
  void Supervise();
  void StartLater(int store, absl::Duration delay);
  void Note(const std::string& what);
  int AnyStore() { return world_.Pick(cluster_.stores()); }
  ShardId AnyShard() { return ShardId(static_cast<uint32_t>(world_.Pick(cluster_.shards()))); }
  // A way between two machines that talk to one another.
  std::pair<Place, Place> AnyWay();
  int damaged() const;

  World& world_;
  Cluster& cluster_;
  const std::vector<Kind> kinds_;
  bool healed_ = false;
  std::vector<bool> starting_;
  uint64_t count_ = 0;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_NEMESIS_H_
