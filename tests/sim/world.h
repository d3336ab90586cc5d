#ifndef PACKETBOAT_TESTS_SIM_WORLD_H_
#define PACKETBOAT_TESTS_SIM_WORLD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/testing/fake_event_loop.h"
#include "net/testing/fake_network.h"
#include "tests/sim/options.h"

namespace packetboat::sim {

// What happened, as a sum that two runs can be compared by. The order of events counts, and nothing
// that differs between builds or machines goes in.
class Trace {
 public:
  explicit Trace(bool print) : print_(print) {}

  void Add(absl::Duration now, absl::string_view event);
  // Octets that are not worth printing.
  void AddBytes(absl::string_view octets);

  uint64_t hash() const { return hash_; }
  uint64_t events() const { return events_; }

 private:
  const bool print_;
  uint64_t hash_ = 14695981039346656037u;  // FNV-1a
  uint64_t events_ = 0;
};

// The clock of one machine: the world's, at a rate of its own and with jumps of the wall clock.
class MachineClock : public Clock {
 public:
  MachineClock(const Clock& world, double rate) : world_(world), rate_(rate) {}

  absl::Time Now() const override { return world_.Now() + (rate_ - 1) * Elapsed() + offset_; }
  absl::Duration Monotonic() const override { return rate_ * world_.Monotonic(); }

  // The wall clock; the other never jumps.
  void Jump(absl::Duration by) { offset_ += by; }
  // As a time service would.
  void Correct() { offset_ = (1 - rate_) * Elapsed(); }

 private:
  absl::Duration Elapsed() const { return world_.Monotonic(); }

  const Clock& world_;
  const double rate_;
  absl::Duration offset_;
};

// One process while it runs: everything that it does is on its loop. A crash is the end of this
// object. The network is the process's own ports and what is connected to them.
class Process {
 public:
  Process(FakeClock& clock, const net::testing::FakeLink& link)
      : loop_(new net::testing::FakeEventLoop(clock)),
        network_(new net::testing::FakeNetwork(*loop_, link)) {}
  virtual ~Process() { End(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  net::testing::FakeEventLoop& loop() { return *loop_; }
  net::testing::FakeNetwork& network() { return *network_; }
  void After(absl::Duration delay, absl::AnyInvocable<void()> task) {
    loop_->RunAfter(delay, std::move(task));
  }

  // Once in each step of time, after what was due.
  virtual void Tick() {}

 protected:
  // Breaks all connections and drops what is still to be done, while that to which it refers is
  // there. What is dropped may use the loop until the last of it is gone.
  void End();

 private:
  net::testing::FakeEventLoop* loop_;
  net::testing::FakeNetwork* network_;
};

// Whoever sends and receives: a place in the network that outlives its processes.
using Place = int;

// Time, chance, and the network between machines. Time goes in steps of one millisecond; in each,
// messages arrive, then each process does what is due, in a fixed order.
class World {
 public:
  World(uint64_t seed, bool print_trace, const Faults& faults);

  FakeClock& clock() { return clock_; }
  SeededRandom& random() { return random_; }
  Faults& faults() { return faults_; }
  absl::Duration Now() const { return clock_.Monotonic(); }
  void Note(absl::string_view event) { trace_.Add(Now(), event); }
  Trace& trace() { return trace_; }

  // ---- Chance.
  bool Chance(double percent);
  // Uniform between the two.
  absl::Duration Between(absl::Duration low, absl::Duration high);
  absl::Duration UpTo(absl::Duration high) { return Between(absl::ZeroDuration(), high); }
  int Pick(int below) { return static_cast<int>(random_.Below(static_cast<uint64_t>(below))); }

  // ---- Processes, in the order in which they do their steps.
  Place AddPlace();
  void Start(Place place, Process* process);
  void Stop(Place place);

  uint64_t NewLife() { return ++last_life_; }

  // Independent of any process.
  void At(absl::Duration delay, absl::AnyInvocable<void()> task);

  // ---- The network.
  // A frame that may be lost, repeated, or overtaken.
  void SendFrame(Place from, Place to, std::string octets,
                 std::function<void(const std::string&)> arrive);
  // In order behind what was sent before on this way, or never, if the way is cut meanwhile.
  void SendInOrder(Place from, Place to, absl::AnyInvocable<void()> arrive);
  void Cut(Place from, Place to) { cut_.insert({from, to}); }
  void Join(Place from, Place to) { cut_.erase({from, to}); }
  void JoinAll() { cut_.clear(); }

  // ---- A process that is stopped (SIGSTOP) and goes on: meanwhile it does nothing, and what comes
  // to its machine waits there. When it goes on it acts before it has heard what waited: its
  // threads get to run in any order.
  void Freeze(Place place) { frozen_[place]; }
  void Thaw(Place place);
  // It has heard what waited, in the order in which it came.
  void Hear(Place place);
  bool IsFrozen(Place place) const { return frozen_.contains(place) && !frozen_.at(place).runs; }
  bool IsCut(Place from, Place to) const { return cut_.contains({from, to}); }

  // One millisecond.
  void Step();

  net::testing::FakeLink ClientLink();

 private:
  struct Frozen {
    bool runs = false;  // again; only what waits is not heard yet
    std::vector<absl::AnyInvocable<void()>> waiting;
  };

  absl::Duration Delay();
  // Now, or once the place hears again.
  void Arrive(Place to, absl::AnyInvocable<void()> arrive);

  Faults faults_;
  SeededRandom random_;
  FakeClock clock_;
  Trace trace_;
  std::vector<Process*> processes_;
  uint64_t last_life_ = 0;
  std::multimap<absl::Duration, absl::AnyInvocable<void()>> due_;
  std::map<std::pair<Place, Place>, absl::Duration> last_arrival_;
  std::set<std::pair<Place, Place>> cut_;
  std::map<Place, Frozen> frozen_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_WORLD_H_
