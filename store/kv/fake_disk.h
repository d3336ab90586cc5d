#ifndef PACKETBOAT_STORE_KV_FAKE_DISK_H_
#define PACKETBOAT_STORE_KV_FAKE_DISK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "store/kv/database.h"

namespace packetboat::kv {

// A disk in memory that holds one database and forgets what was not synced when told to crash. It
// outlives the databases that are opened on it, one at a time.
//
// Every write is a version; the durable state is that at one version number, so that a crash goes
// back to it, or to any later one: a real disk may keep more than it was asked to. Deterministic:
// no clock, no randomness, no thread of its own. Thread-safe, under one mutex.
class FakeDisk {
 public:
  explicit FakeDisk(Profile profile);
  ~FakeDisk();
  FakeDisk(const FakeDisk&) = delete;
  FakeDisk& operator=(const FakeDisk&) = delete;

  // A database over what is on the disk. At most one is open at a time; destroying it flushes a
  // state database as closing the real one does, unless the disk crashed or failed meanwhile.
  std::unique_ptr<Database> Open();

  // A power cut. The open database, if any, fails everything from now on. Of the writes that are
  // not durable, the `survivors` oldest stay all the same; with `torn` the one behind them was
  // being written: a piece of it is on the disk, which its checksum gives away at the next opening,
  // so that it makes no difference to what is read. Counted in torn_writes().
  void Crash(uint64_t survivors = 0, bool torn = false);
  // Planted bug: no checksum over a write, so that the first half of a torn one's changes is there.
  void TrustTornWrites(bool trust);

  // --- Faults, from now on ---

  // What may happen to each write by chance, in millionths.
  struct FaultRates {
    uint32_t write_error = 0;  // as FailWrite(kInternal), torn half of the time
    uint32_t sync_error = 0;   // as FailSync(kInternal)
    uint32_t slow = 0;         // TakeDelay() is up to `slow_max`
    uint32_t stall = 0;        // TakeDelay() is `stall_time`
    absl::Duration slow_max = absl::Milliseconds(200);
    absl::Duration stall_time = absl::Seconds(5);
  };
  // Draws from `random`, which must outlive the disk, in the order of the calls; null ends it.
  void InjectFaults(const FaultRates& rates, Random* random);

  // How long the write that comes next takes. The disk itself waits for nothing: whoever runs it in
  // virtual time asks once per write, and reports the write's end so much later.
  absl::Duration TakeDelay();
  void SetDelay(absl::Duration delay);

  // The next write fails with `error` after `skip` good ones. `torn`: what it was to write is on
  // the disk all the same, not durable. After it the database takes no more writes.
  void FailWrite(absl::Status error, uint64_t skip = 0, bool torn = false);
  // The next sync or flush fails after `skip` good ones. The batch can be read but is not durable.
  void FailSync(absl::Status error, uint64_t skip = 0);
  // Planted bug: syncs and flushes report success and make nothing durable.
  void SkipSyncs(bool skip);
  // Inverts one bit of the value under `key`, in every version. False if the key is not there.
  bool FlipBit(Keyspace keyspace, absl::string_view key, uint64_t bit);
  // The same somewhere in the keyspace. False if it is empty.
  bool FlipRandomBit(Keyspace keyspace, Random& random);
  // Reads of `key` answer kDataLoss, as after a checksum mismatch, until it is written again.
  void Corrupt(Keyspace keyspace, absl::string_view key);
  // What Space() says. A write larger than what is free fails with kResourceExhausted, nothing of
  // it is on the disk, and as after other errors no more are taken.
  void SetSpace(DiskSpace space);
  // Called before each write with its number, from 1; lets a test stop the world at every step.
  void OnWrite(std::function<void(uint64_t number)> hook);

  // --- What a test wants to know ---

  uint64_t writes() const;
  uint64_t syncs() const;
  uint64_t torn_writes() const;
  // Writes that a crash now would take.
  uint64_t unsynced_writes() const;

  struct State;  // shared with the open database, its iterators and snapshots

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace packetboat::kv

#endif  // PACKETBOAT_STORE_KV_FAKE_DISK_H_
