#include "tests/sim/nemesis.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "store/kv/keyspace.h"

namespace packetboat::sim {
namespace {

constexpr double kMillisecondsPerMinute = 60'000;

}  // namespace

Nemesis::Nemesis(World& world, Cluster& cluster, const Faults& faults)
    : world_(world),
      cluster_(cluster),
      kinds_({{faults.partitions, &Nemesis::Partition},
              {faults.one_way_partitions, &Nemesis::PartitionOneWay},
              {faults.crashes, &Nemesis::Crash},
              {faults.restarts, &Nemesis::Restart},
              {faults.freezes, &Nemesis::Freeze},
              {faults.transfers, &Nemesis::Transfer},
              {faults.mx_crashes, &Nemesis::CrashMx},
              {faults.bit_flips, &Nemesis::FlipBit},
              {faults.write_errors, &Nemesis::FailWrite},
              {faults.full_disks, &Nemesis::FillDisk},
              {faults.slow_disks, &Nemesis::SlowDisk},
              {faults.stalled_disks, &Nemesis::StallDisk},
              {faults.clock_jumps, &Nemesis::JumpClock},
              {faults.reconfigurations, &Nemesis::Reconfigure}}),
      starting_(cluster.stores()) {}

void Nemesis::Tick() {
  Supervise();
  if (healed_) return;
  for (const Kind& kind : kinds_) {
    if (kind.per_minute > 0 && world_.Chance(100 * kind.per_minute / kMillisecondsPerMinute)) {
      ++count_;
      (this->*kind.act)();
    }
  }
}

void Nemesis::Heal() {
  healed_ = true;
  Note("all is healed");
  world_.JoinAll();
  world_.faults().loss_percent = 0;
  world_.faults().duplicate_percent = 0;
  world_.faults().reorder_percent = 0;
  world_.faults().cut_percent = 0;
  for (int i = 0; i < cluster_.stores(); ++i) {
    cluster_.machine(i).timing = {};
    cluster_.machine(i).clock.Correct();
    if (cluster_.store(i) == nullptr) StartLater(i, absl::ZeroDuration());
  }
  for (int i = 0; i < cluster_.mxes(); ++i) cluster_.StartMx(i);
}

void Nemesis::Note(const std::string& what) { world_.Note(absl::StrCat("fault: ", what)); }

void Nemesis::Supervise() {
  for (int i = 0; i < cluster_.stores(); ++i) {
    if (!cluster_.HasFailed(i)) continue;
    Note(absl::StrCat(cluster_.machine(i).name,
                      " has failed: ", cluster_.store(i)->core().health().ToString()));
    cluster_.CrashStore(i, 0, false);
    StartLater(i, world_.UpTo(absl::Seconds(3)));
  }
}

void Nemesis::StartLater(int store, absl::Duration delay) {
  if (starting_[store]) return;
  starting_[store] = true;
  world_.At(delay, [this, store] {
    starting_[store] = false;
    if (cluster_.store(store) != nullptr || cluster_.StartStore(store)) return;
    if (!cluster_.machine(store).damaged) StartLater(store, absl::Seconds(1));
  });
}

// ---- Network

std::pair<Place, Place> Nemesis::AnyWay() {
  const int from = AnyStore();
  const int others = cluster_.stores() - 1 + cluster_.mxes();
  const int other = world_.Pick(others);
  const Place place = cluster_.machine(from).place;
  if (other >= cluster_.stores() - 1) {
    return {place, cluster_.mx_place(other - (cluster_.stores() - 1))};
  }
  return {place, cluster_.machine((from + 1 + other) % cluster_.stores()).place};
}

void Nemesis::Partition() {
  // One store, or half of the time one way between two machines.
  std::vector<std::pair<Place, Place>> ways;
  if (world_.Chance(50)) {
    const Place alone = cluster_.machine(AnyStore()).place;
    for (int i = 0; i < cluster_.stores(); ++i) ways.push_back({alone, cluster_.machine(i).place});
    for (int i = 0; i < cluster_.mxes(); ++i) ways.push_back({alone, cluster_.mx_place(i)});
  } else {
    ways.push_back(AnyWay());
  }
  Note(absl::StrCat("partition of ", ways.size(), " ways at ", ways[0].first));
  for (const auto& [a, b] : ways) {
    world_.Cut(a, b);
    world_.Cut(b, a);
  }
  world_.At(world_.Between(absl::Milliseconds(300), absl::Seconds(8)), [this, ways] {
    for (const auto& [a, b] : ways) {
      world_.Join(a, b);
      world_.Join(b, a);
    }
  });
}

void Nemesis::PartitionOneWay() {
  auto [from, to] = AnyWay();
  if (world_.Chance(50)) std::swap(from, to);
  Note(absl::StrCat("nothing passes from ", from, " to ", to));
  world_.Cut(from, to);
  world_.At(world_.Between(absl::Milliseconds(300), absl::Seconds(8)),
            [this, from = from, to = to] { world_.Join(from, to); });
}

// ---- Processes

void Nemesis::Crash() {
  // Sometimes all of them: a power cut of the room.
  const bool all = world_.Chance(10);
  const int one = AnyStore();
  for (int i = 0; i < cluster_.stores(); ++i) {
    if (!all && i != one) continue;
    const uint64_t unsynced = cluster_.machine(i).log_disk.unsynced_writes();
    const uint64_t survivors = world_.random().Below(unsynced + 1);
    cluster_.CrashStore(i, survivors, world_.Chance(world_.faults().torn_percent));
    StartLater(i, world_.Between(absl::Milliseconds(50), absl::Seconds(6)));
  }
}

void Nemesis::Restart() {
  const int store = AnyStore();
  if (cluster_.store(store) == nullptr) return;
  Note(absl::StrCat("restart of ", cluster_.machine(store).name));
  cluster_.store(store)->Drain();
  world_.At(world_.UpTo(absl::Seconds(2)), [this, store] {
    cluster_.StopStore(store);
    StartLater(store, world_.UpTo(absl::Seconds(1)));
  });
}

void Nemesis::Freeze() {
  // Most of the time one that leads: its callers are those that could be told what is over.
  int store = cluster_.LeaderOf(AnyShard());
  if (store < 0 || world_.Chance(20)) store = AnyStore();
  if (cluster_.store(store) == nullptr) return;
  const Place place = cluster_.machine(store).place;
  const uint64_t life = cluster_.store(store)->life();
  Note(absl::StrCat(cluster_.machine(store).name, " is frozen"));
  world_.Freeze(place);
  world_.At(world_.Between(absl::Milliseconds(100), absl::Seconds(6)), [this, store, place, life] {
    if (cluster_.store(store) == nullptr || cluster_.store(store)->life() != life) return;
    Note(absl::StrCat(cluster_.machine(store).name, " goes on"));
    cluster_.store(store)->GoOn();
    world_.Thaw(place);
    world_.At(world_.UpTo(absl::Milliseconds(50)), [this, store, place, life] {
      if (cluster_.store(store) == nullptr || cluster_.store(store)->life() != life) return;
      world_.Hear(place);
    });
  });
}

void Nemesis::Transfer() {
  const ShardId shard = AnyShard();
  const int leader = cluster_.LeaderOf(shard);
  if (leader < 0) return;
  const NodeId to = cluster_.machine(AnyStore()).id;
  Note(absl::StrCat("transfer of shard ", shard.value()));
  cluster_.store(leader)->Turn(
      [shard, to](raft::NodeCore& core) { (void)core.group(shard).Transfer(to); });
}

void Nemesis::CrashMx() {
  const int mx = world_.Pick(cluster_.mxes());
  Note(absl::StrCat("mx", mx + 1, " crashes"));
  cluster_.CrashMx(mx);
  world_.At(world_.UpTo(absl::Seconds(4)), [this, mx] { cluster_.StartMx(mx); });
}

void Nemesis::Reconfigure() {
  const ShardId shard = AnyShard();
  const int leader = cluster_.LeaderOf(shard);
  if (leader < 0) return;
  Note(absl::StrCat("the configuration of shard ", shard.value(), " is put into the log again"));
  cluster_.store(leader)->Turn([shard](raft::NodeCore& core) {
    raft::GroupDriver& group = core.group(shard);
    (void)group.Reconfigure(group.core().configuration());
  });
}

// ---- Disks

int Nemesis::damaged() const {
  int count = 0;
  for (int i = 0; i < cluster_.stores(); ++i) count += cluster_.machine(i).damaged ? 1 : 0;
  return count;
}

void Nemesis::FlipBit() {
  const int store = AnyStore();
  StoreMachine& machine = cluster_.machine(store);
  if (!machine.damaged && 2 * (damaged() + 1) >= cluster_.stores()) return;
  if (cluster_.store(store) == nullptr) return;
  const auto entries = cluster_.store(store)->log().NewIterator(kv::kLogEntries, kv::Range::All());
  std::vector<std::string> keys;
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    keys.emplace_back(entries->key().data(), entries->key().size());
  }
  if (keys.empty()) return;
  Note(absl::StrCat("a bit flips on ", machine.name));
  machine.damaged = true;
  machine.log_disk.FlipBit(kv::kLogEntries, keys[world_.random().Below(keys.size())],
                           world_.random().Below(1 << 20));
}

void Nemesis::FailWrite() {
  StoreMachine& machine = cluster_.machine(AnyStore());
  Note(absl::StrCat("a write fails on ", machine.name));
  if (world_.Chance(50)) {
    machine.log_disk.FailWrite(absl::InternalError("write error"), 0, world_.Chance(50));
  } else {
    machine.log_disk.FailSync(absl::InternalError("sync error"));
  }
}

void Nemesis::FillDisk() {
  StoreMachine& machine = cluster_.machine(AnyStore());
  Note(absl::StrCat("the disk of ", machine.name, " is full"));
  machine.log_disk.FailWrite(absl::ResourceExhaustedError("no space left"));
}

void Nemesis::SlowDisk() {
  DiskTiming& timing = cluster_.machine(AnyStore()).timing;
  Note("a disk is slow");
  timing.most = world_.Between(absl::Milliseconds(20), absl::Milliseconds(400));
  world_.At(world_.UpTo(absl::Seconds(10)), [&timing] { timing.most = DiskTiming().most; });
}

void Nemesis::StallDisk() {
  StoreMachine& machine = cluster_.machine(AnyStore());
  Note(absl::StrCat("the disk of ", machine.name, " stalls"));
  machine.timing.stalled = true;
  world_.At(world_.Between(absl::Milliseconds(500), absl::Seconds(8)),
            [&machine] { machine.timing.stalled = false; });
}

// ---- Clocks

void Nemesis::JumpClock() {
  StoreMachine& machine = cluster_.machine(AnyStore());
  const absl::Duration by = world_.UpTo(absl::Seconds(40)) - absl::Seconds(20);
  Note(absl::StrCat("the clock of ", machine.name, " jumps by ", absl::FormatDuration(by)));
  machine.clock.Jump(by);
  world_.At(world_.UpTo(absl::Seconds(15)), [&machine] { machine.clock.Correct(); });
}

}  // namespace packetboat::sim
