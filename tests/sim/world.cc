#include "tests/sim/world.h"

#include <algorithm>
#include <cstdio>

namespace packetboat::sim {
namespace {

constexpr absl::Duration kStep = absl::Milliseconds(1);

}  // namespace

void Trace::Add(absl::Duration now, absl::string_view event) {
  ++events_;
  const int64_t us = absl::ToInt64Microseconds(now);
  if (print_) {
    std::fprintf(stderr, "%10.3f %.*s\n", static_cast<double>(us) / 1e6,
                 static_cast<int>(event.size()), event.data());
  }
  char time[8];
  for (int i = 0; i < 8; ++i) time[i] = static_cast<char>(us >> (8 * i));
  AddBytes(absl::string_view(time, sizeof time));
  AddBytes(event);
}

void Trace::AddBytes(absl::string_view octets) {
  for (const char c : octets) hash_ = (hash_ ^ static_cast<uint8_t>(c)) * 1099511628211u;
}

void Process::End() {
  if (loop_ == nullptr) return;
  delete network_;
  network_ = nullptr;
  delete loop_;
  loop_ = nullptr;
}

World::World(uint64_t seed, bool print_trace, const Faults& faults)
    : faults_(faults), random_(seed), trace_(print_trace) {}

bool World::Chance(double percent) {
  return static_cast<double>(random_.Below(1000000)) < percent * 10000;
}

absl::Duration World::Between(absl::Duration low, absl::Duration high) {
  const int64_t spread = absl::ToInt64Microseconds(high - low);
  if (spread <= 0) return low;
  return low + absl::Microseconds(static_cast<int64_t>(random_.Below(spread + 1)));
}

Place World::AddPlace() {
  processes_.push_back(nullptr);
  return static_cast<Place>(processes_.size()) - 1;
}

void World::Start(Place place, Process* process) { processes_[place] = process; }

void World::Stop(Place place) {
  processes_[place] = nullptr;
  frozen_.erase(place);
}

void World::Thaw(Place place) {
  const auto found = frozen_.find(place);
  if (found != frozen_.end()) found->second.runs = true;
}

void World::Hear(Place place) {
  const auto found = frozen_.find(place);
  if (found == frozen_.end()) return;
  std::vector<absl::AnyInvocable<void()>> waiting = std::move(found->second.waiting);
  frozen_.erase(found);
  for (auto& arrive : waiting) arrive();
}

void World::Arrive(Place to, absl::AnyInvocable<void()> arrive) {
  const auto found = frozen_.find(to);
  if (found != frozen_.end()) return found->second.waiting.push_back(std::move(arrive));
  arrive();
}

void World::At(absl::Duration delay, absl::AnyInvocable<void()> task) {
  due_.emplace(Now() + delay, std::move(task));
}

absl::Duration World::Delay() { return Between(absl::Microseconds(200), faults_.max_delay); }

void World::SendFrame(Place from, Place to, std::string octets,
                      std::function<void(const std::string&)> arrive) {
  trace_.AddBytes(octets);
  if (Chance(faults_.loss_percent)) return;
  const auto at = [&](absl::Duration delay, std::string frame) {
    At(delay, [this, from, to, frame = std::move(frame), arrive] {
      if (!IsCut(from, to)) Arrive(to, [arrive, frame] { arrive(frame); });
    });
  };
  if (Chance(faults_.duplicate_percent)) at(20 * Delay(), octets);
  if (Chance(faults_.reorder_percent)) return at(4 * Delay(), std::move(octets));
  absl::Duration& last = last_arrival_[{from, to}];
  last = std::max(last, Now() + Delay());
  at(last - Now(), std::move(octets));
}

void World::SendInOrder(Place from, Place to, absl::AnyInvocable<void()> arrive) {
  absl::Duration& last = last_arrival_[{from, to}];
  last = std::max(last, Now() + Delay());
  At(last - Now(), [this, from, to, arrive = std::move(arrive)]() mutable {
    if (!IsCut(from, to)) Arrive(to, std::move(arrive));
  });
}

void World::Step() {
  clock_.Advance(kStep);
  while (!due_.empty() && due_.begin()->first <= Now()) {
    absl::AnyInvocable<void()> task = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    task();
  }
  for (size_t i = 0; i < processes_.size(); ++i) {
    if (processes_[i] == nullptr || IsFrozen(static_cast<Place>(i))) continue;
    processes_[i]->loop().RunReady();
    if (processes_[i] != nullptr) processes_[i]->Tick();
  }
}

net::testing::FakeLink World::ClientLink() {
  return {.least_latency = absl::Microseconds(100),
          .most_latency = absl::Milliseconds(3),
          .max_piece_bytes = 64 * 1024,
          .window_bytes = size_t{4} << 20,
          .random = &random_};
}

}  // namespace packetboat::sim
