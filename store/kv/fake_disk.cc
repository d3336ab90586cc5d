#include "store/kv/fake_disk.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace packetboat::kv {
namespace {

constexpr uint64_t kLatest = UINT64_MAX;

// One value of a key; nothing stands for deleted.
struct Version {
  uint64_t number;
  std::optional<std::string> value;
};

// Oldest first.
using History = std::vector<Version>;
using Map = std::map<std::string, History, std::less<>>;

// The newest version at or before `number`, or null.
const Version* At(const History& history, uint64_t number) {
  for (auto it = history.rbegin(); it != history.rend(); ++it) {
    if (it->number <= number) return &*it;
  }
  return nullptr;
}

}  // namespace

struct FakeDisk::State {
  explicit State(Profile p)
      : profile(p),
        keyspaces(p == Profile::kLog ? LogKeyspaces().size() : StateKeyspaces().size()) {
    space = {uint64_t{100} << 30, uint64_t{50} << 30};
  }

  const Profile profile;
  mutable absl::Mutex mutex;
  std::vector<Map> keyspaces ABSL_GUARDED_BY(mutex);
  // Number of the last write, and of the last one that a crash leaves.
  uint64_t last ABSL_GUARDED_BY(mutex) = 0;
  uint64_t durable ABSL_GUARDED_BY(mutex) = 0;
  // Raised by crashes and openings: a database of an earlier epoch is dead.
  uint64_t epoch ABSL_GUARDED_BY(mutex) = 0;
  std::multiset<uint64_t> pinned ABSL_GUARDED_BY(mutex);  // versions that snapshots look at
  std::set<std::pair<uint32_t, std::string>> corrupt ABSL_GUARDED_BY(mutex);
  absl::Status failed ABSL_GUARDED_BY(mutex);
  WriteStats stats ABSL_GUARDED_BY(mutex);
  DiskSpace space ABSL_GUARDED_BY(mutex);

  struct Fault {
    absl::Status error;
    uint64_t skip = 0;
    bool torn = false;
  };
  std::optional<Fault> write_fault ABSL_GUARDED_BY(mutex);
  std::optional<Fault> sync_fault ABSL_GUARDED_BY(mutex);
  bool skip_syncs ABSL_GUARDED_BY(mutex) = false;
  uint64_t torn_writes ABSL_GUARDED_BY(mutex) = 0;
  FaultRates rates ABSL_GUARDED_BY(mutex);
  Random* random ABSL_GUARDED_BY(mutex) = nullptr;
  absl::Duration delay ABSL_GUARDED_BY(mutex);
  bool trust_torn_writes ABSL_GUARDED_BY(mutex) = false;
  // While torn writes are trusted: those that are not durable, by number.
  std::map<uint64_t, WriteBatch> unsynced ABSL_GUARDED_BY(mutex);
  std::function<void(uint64_t)> on_write ABSL_GUARDED_BY(mutex);

  // What is due of `fault`, consuming it.
  static std::optional<Fault> Due(std::optional<Fault>& fault) {
    if (!fault.has_value()) return std::nullopt;
    if (fault->skip > 0) {
      --fault->skip;
      return std::nullopt;
    }
    return std::exchange(fault, std::nullopt);
  }

  bool Chance(uint32_t millionths) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return random != nullptr && millionths > 0 && random->Below(1'000'000) < millionths;
  }

  std::optional<Fault> WriteFault(const WriteBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (batch.bytes() > space.free_bytes) {
      return Fault{absl::ResourceExhaustedError("fake disk: full"), 0, false};
    }
    if (Chance(rates.write_error)) {
      return Fault{absl::InternalError("fake disk: write error"), 0, random->Below(2) == 0};
    }
    return Due(write_fault);
  }

  void Apply(const WriteBatch& batch, size_t max_ops = SIZE_MAX)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    ++last;
    stats.batch_bytes += batch.bytes();
    stats.file_bytes += batch.bytes();
    if (trust_torn_writes) unsynced.emplace(last, batch);
    size_t ops = 0;
    for (const WriteBatch::Op& op : batch.ops()) {
      if (ops++ == max_ops) break;
      Map& map = keyspaces.at(op.keyspace.value());
      if (op.kind == WriteBatch::Kind::kDeleteRange) {
        auto it = map.lower_bound(op.key);
        const auto end = map.lower_bound(op.value);
        while (it != end) it = Set(map, it, std::nullopt);
      } else {
        corrupt.erase({op.keyspace.value(), op.key});
        auto it = map.try_emplace(op.key).first;
        Set(map, it,
            op.kind == WriteBatch::Kind::kPut ? std::optional<std::string>(op.value)
                                              : std::nullopt);
      }
    }
  }

  // Adds a version, drops those that nobody can see any more, and returns the key after it.
  Map::iterator Set(Map& map, Map::iterator it, std::optional<std::string> value)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    History& history = it->second;
    if (!history.empty() && history.back().number == last) {
      history.back().value = std::move(value);
    } else if (value.has_value() || (!history.empty() && history.back().value.has_value())) {
      history.push_back({last, std::move(value)});
    }
    return Prune(map, it);
  }

  Map::iterator Prune(Map& map, Map::iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const uint64_t oldest = pinned.empty() ? durable : std::min(durable, *pinned.begin());
    History& history = it->second;
    // The newest version at or before `oldest` is still seen; everything before it is not.
    size_t keep = 0;
    while (keep + 1 < history.size() && history[keep + 1].number <= oldest) ++keep;
    history.erase(history.begin(), history.begin() + keep);
    const bool gone =
        history.empty() || (history.size() == 1 && !history.front().value.has_value() &&
                            history.front().number <= oldest);
    return gone ? map.erase(it) : std::next(it);
  }

  // Forgets every version above `number`.
  void RollBack(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    for (Map& map : keyspaces) {
      for (auto it = map.begin(); it != map.end();) {
        History& history = it->second;
        while (!history.empty() && history.back().number > number) history.pop_back();
        const bool empty =
            history.empty() || (history.size() == 1 && !history.back().value.has_value());
        it = empty ? map.erase(it) : std::next(it);
      }
    }
    last = number;
    durable = number;
  }

  absl::Status Sync() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (auto fault = Due(sync_fault)) return failed = fault->error;
    if (Chance(rates.sync_error)) return failed = absl::InternalError("fake disk: sync error");
    ++stats.syncs;
    if (skip_syncs) return absl::OkStatus();
    durable = last;
    unsynced.clear();
    return absl::OkStatus();
  }
};

namespace {

using State = FakeDisk::State;

// Every call finds its place anew by key, so that writes, prunings and crashes beside it do no
// harm.
class FakeIterator : public Iterator {
 public:
  FakeIterator(std::shared_ptr<State> state, uint64_t version, Keyspace keyspace, Range range)
      : state_(std::move(state)), keyspace_(keyspace), range_(std::move(range)) {
    absl::MutexLock lock(&state_->mutex);
    version_ = version == kLatest ? state_->last : version;
    pin_ = state_->pinned.insert(version_);
  }

  ~FakeIterator() override {
    absl::MutexLock lock(&state_->mutex);
    state_->pinned.erase(pin_);
  }

  void SeekToFirst() override { Seek(range_.lower); }

  void SeekToLast() override {
    absl::MutexLock lock(&state_->mutex);
    const Map& map = Keys();
    Backward(range_.upper.empty() ? map.end() : map.lower_bound(range_.upper));
  }

  void Seek(absl::string_view target) override {
    absl::MutexLock lock(&state_->mutex);
    Forward(Keys().lower_bound(std::max(target, absl::string_view(range_.lower))));
  }

  void SeekForPrev(absl::string_view target) override {
    if (!range_.upper.empty() && target >= absl::string_view(range_.upper)) return SeekToLast();
    absl::MutexLock lock(&state_->mutex);
    Backward(Keys().upper_bound(target));
  }

  bool Valid() const override { return valid_; }

  void Next() override {
    absl::MutexLock lock(&state_->mutex);
    Forward(Keys().upper_bound(key_));
  }

  void Prev() override {
    absl::MutexLock lock(&state_->mutex);
    Backward(Keys().lower_bound(key_));
  }

  absl::string_view key() const override { return key_; }
  absl::string_view value() const override { return value_; }
  absl::Status status() const override { return status_; }

 private:
  const Map& Keys() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex) {
    return state_->keyspaces.at(keyspace_.value());
  }

  // To the first visible key from `it` on.
  void Forward(Map::const_iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex) {
    const Map& map = Keys();
    valid_ = false;
    for (; it != map.end(); ++it) {
      if (!range_.upper.empty() && it->first >= range_.upper) return;
      if (Take(it)) return;
    }
  }

  // To the last visible key before `it`.
  void Backward(Map::const_iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex) {
    const Map& map = Keys();
    valid_ = false;
    while (it != map.begin()) {
      --it;
      if (it->first < range_.lower) return;
      if (Take(it)) return;
    }
  }

  // True when the search ends here: at a visible key, or at a corrupt one.
  bool Take(Map::const_iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex) {
    const Version* version = At(it->second, version_);
    if (version == nullptr || !version->value.has_value()) return false;
    if (state_->corrupt.contains({keyspace_.value(), it->first})) {
      status_ = absl::DataLossError("fake disk: bad checksum");
      return true;
    }
    key_ = it->first;
    value_ = *version->value;
    valid_ = true;
    return true;
  }

  const std::shared_ptr<State> state_;
  const Keyspace keyspace_;
  const Range range_;
  uint64_t version_ = 0;
  std::multiset<uint64_t>::iterator pin_;
  bool valid_ = false;
  std::string key_;
  std::string value_;
  absl::Status status_;
};

absl::StatusOr<std::optional<std::string>> GetAt(const State& state, uint64_t version,
                                                 Keyspace keyspace, absl::string_view key)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(state.mutex) {
  const Map& map = state.keyspaces.at(keyspace.value());
  auto it = map.find(key);
  if (it == map.end()) return std::nullopt;
  const Version* found = At(it->second, version);
  if (found == nullptr || !found->value.has_value()) return std::nullopt;
  if (state.corrupt.contains({keyspace.value(), it->first})) {
    return absl::DataLossError("fake disk: bad checksum");
  }
  return found->value;
}

class FakeSnapshot : public Snapshot {
 public:
  explicit FakeSnapshot(std::shared_ptr<State> state) : state_(std::move(state)) {
    absl::MutexLock lock(&state_->mutex);
    version_ = state_->last;
    pin_ = state_->pinned.insert(version_);
  }

  ~FakeSnapshot() override {
    absl::MutexLock lock(&state_->mutex);
    state_->pinned.erase(pin_);
  }

  absl::StatusOr<std::optional<std::string>> Get(Keyspace keyspace,
                                                 absl::string_view key) const override {
    absl::MutexLock lock(&state_->mutex);
    return GetAt(*state_, version_, keyspace, key);
  }

  std::unique_ptr<Iterator> NewIterator(Keyspace keyspace, Range range) const override {
    return std::make_unique<FakeIterator>(state_, version_, keyspace, std::move(range));
  }

 private:
  const std::shared_ptr<State> state_;
  uint64_t version_ = 0;
  std::multiset<uint64_t>::iterator pin_;
};

class FakeDatabase : public Database {
 public:
  explicit FakeDatabase(std::shared_ptr<State> state) : state_(std::move(state)) {
    absl::MutexLock lock(&state_->mutex);
    state_->failed = absl::OkStatus();
    state_->stats = WriteStats();
    epoch_ = ++state_->epoch;
  }

  ~FakeDatabase() override {
    if (state_->profile == Profile::kState && health().ok()) (void)Flush();
  }

  absl::StatusOr<std::optional<std::string>> Get(Keyspace keyspace,
                                                 absl::string_view key) const override {
    absl::MutexLock lock(&state_->mutex);
    if (state_->epoch != epoch_) return Dead();
    return GetAt(*state_, kLatest, keyspace, key);
  }

  std::unique_ptr<Iterator> NewIterator(Keyspace keyspace, Range range) const override {
    return std::make_unique<FakeIterator>(state_, kLatest, keyspace, std::move(range));
  }

  absl::Status Write(const WriteBatch& batch, Durability durability) override {
    CallHook();
    absl::MutexLock lock(&state_->mutex);
    if (absl::Status status = Health(); !status.ok()) return status;
    if (auto fault = state_->WriteFault(batch)) {
      if (fault->torn) state_->Apply(batch);
      return state_->failed = fault->error;
    }
    state_->Apply(batch);
    return durability == Durability::kSynced ? state_->Sync() : absl::OkStatus();
  }

  absl::Status Flush() override {
    absl::MutexLock lock(&state_->mutex);
    if (absl::Status status = Health(); !status.ok()) return status;
    return state_->Sync();
  }

  absl::StatusOr<std::optional<std::string>> GetFlushed(Keyspace keyspace,
                                                        absl::string_view key) const override {
    absl::MutexLock lock(&state_->mutex);
    if (state_->epoch != epoch_) return Dead();
    return GetAt(*state_, state_->durable, keyspace, key);
  }

  std::shared_ptr<const Snapshot> NewSnapshot() const override {
    return std::make_shared<FakeSnapshot>(state_);
  }

  absl::StatusOr<DiskSpace> Space() const override {
    absl::MutexLock lock(&state_->mutex);
    return state_->space;
  }

  WriteStats stats() const override {
    absl::MutexLock lock(&state_->mutex);
    return state_->stats;
  }

  absl::Status health() const override {
    absl::MutexLock lock(&state_->mutex);
    return Health();
  }

 private:
  static absl::Status Dead() { return absl::InternalError("fake disk: crashed"); }

  absl::Status Health() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex) {
    return state_->epoch != epoch_ ? Dead() : state_->failed;
  }

  // Outside the mutex: the hook may crash the disk.
  void CallHook() {
    std::function<void(uint64_t)> hook;
    uint64_t number;
    {
      absl::MutexLock lock(&state_->mutex);
      hook = state_->on_write;
      number = state_->last + 1;
    }
    if (hook) hook(number);
  }

  const std::shared_ptr<State> state_;
  uint64_t epoch_ = 0;
};

}  // namespace

FakeDisk::FakeDisk(Profile profile) : state_(std::make_shared<State>(profile)) {}
FakeDisk::~FakeDisk() = default;

std::unique_ptr<Database> FakeDisk::Open() { return std::make_unique<FakeDatabase>(state_); }

void FakeDisk::Crash(uint64_t survivors, bool torn) {
  absl::MutexLock lock(&state_->mutex);
  const uint64_t unsynced = state_->last - state_->durable;
  const uint64_t kept = state_->durable + std::min(survivors, unsynced);
  std::optional<WriteBatch> trusted;
  if (torn && survivors < unsynced) {
    ++state_->torn_writes;
    auto found = state_->unsynced.find(kept + 1);
    if (found != state_->unsynced.end()) trusted = found->second;
  }
  state_->RollBack(kept);
  state_->unsynced.clear();
  if (trusted.has_value()) {
    state_->Apply(*trusted, (trusted->size() + 1) / 2);
    state_->durable = state_->last;
    state_->unsynced.clear();
  }
  ++state_->epoch;
}

void FakeDisk::TrustTornWrites(bool trust) {
  absl::MutexLock lock(&state_->mutex);
  state_->trust_torn_writes = trust;
  state_->unsynced.clear();
}

void FakeDisk::InjectFaults(const FaultRates& rates, Random* random) {
  absl::MutexLock lock(&state_->mutex);
  state_->rates = rates;
  state_->random = random;
}

absl::Duration FakeDisk::TakeDelay() {
  absl::MutexLock lock(&state_->mutex);
  const FaultRates& rates = state_->rates;
  if (state_->Chance(rates.stall)) return rates.stall_time;
  if (state_->Chance(rates.slow)) {
    const auto most = static_cast<uint64_t>(absl::ToInt64Microseconds(rates.slow_max));
    return absl::Microseconds(static_cast<int64_t>(state_->random->Below(most + 1)));
  }
  return state_->delay;
}

void FakeDisk::SetDelay(absl::Duration delay) {
  absl::MutexLock lock(&state_->mutex);
  state_->delay = delay;
}

void FakeDisk::FailWrite(absl::Status error, uint64_t skip, bool torn) {
  absl::MutexLock lock(&state_->mutex);
  state_->write_fault = State::Fault{std::move(error), skip, torn};
}

void FakeDisk::FailSync(absl::Status error, uint64_t skip) {
  absl::MutexLock lock(&state_->mutex);
  state_->sync_fault = State::Fault{std::move(error), skip, false};
}

void FakeDisk::SkipSyncs(bool skip) {
  absl::MutexLock lock(&state_->mutex);
  state_->skip_syncs = skip;
}

namespace {

bool Flip(History& history, uint64_t bit) {
  bool flipped = false;
  for (Version& version : history) {
    if (!version.value.has_value() || version.value->empty()) continue;
    const uint64_t at = bit % (version.value->size() * 8);
    (*version.value)[at / 8] ^= static_cast<char>(1 << (at % 8));
    flipped = true;
  }
  return flipped;
}

}  // namespace

bool FakeDisk::FlipBit(Keyspace keyspace, absl::string_view key, uint64_t bit) {
  absl::MutexLock lock(&state_->mutex);
  Map& map = state_->keyspaces.at(keyspace.value());
  auto it = map.find(key);
  return it != map.end() && Flip(it->second, bit);
}

bool FakeDisk::FlipRandomBit(Keyspace keyspace, Random& random) {
  absl::MutexLock lock(&state_->mutex);
  Map& map = state_->keyspaces.at(keyspace.value());
  if (map.empty()) return false;
  auto it = std::next(map.begin(), static_cast<std::ptrdiff_t>(random.Below(map.size())));
  return Flip(it->second, random.Next());
}

void FakeDisk::Corrupt(Keyspace keyspace, absl::string_view key) {
  absl::MutexLock lock(&state_->mutex);
  state_->corrupt.emplace(keyspace.value(), std::string(key));
}

void FakeDisk::SetSpace(DiskSpace space) {
  absl::MutexLock lock(&state_->mutex);
  state_->space = space;
}

void FakeDisk::OnWrite(std::function<void(uint64_t number)> hook) {
  absl::MutexLock lock(&state_->mutex);
  state_->on_write = std::move(hook);
}

uint64_t FakeDisk::writes() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->last;
}

uint64_t FakeDisk::syncs() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->stats.syncs;
}

uint64_t FakeDisk::torn_writes() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->torn_writes;
}

uint64_t FakeDisk::unsynced_writes() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->last - state_->durable;
}

}  // namespace packetboat::kv
