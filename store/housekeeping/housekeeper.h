#ifndef PACKETBOAT_STORE_HOUSEKEEPING_HOUSEKEEPER_H_
#define PACKETBOAT_STORE_HOUSEKEEPING_HOUSEKEEPER_H_

#include <memory>

#include "absl/time/time.h"
#include "base/clock.h"
#include "store/shards/shards.h"

namespace packetboat::store {

// Proposes what is due in the shards that this node leads: delivery keys, tombstones, bodies and
// uploads that have had their time, messages of deleted mailboxes, and accounts that left the
// directory. One thread; what it proposes is bounded in size and comes one at a time per shard, so
// that mail goes first.
class Housekeeper {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(30);
    absl::Duration dedup_window = absl::Hours(24 * 7);
    absl::Duration tombstone_window = absl::Hours(24 * 30);
    // After a body's last reference; and for chunks that became part of nothing.
    absl::Duration body_grace = absl::Minutes(15);
    absl::Duration upload_grace = absl::Hours(1);
  };

  // `shards` and `clock` outlive it.
  Housekeeper(Options options, Shards& shards, const Clock& clock);
  // What it has proposed may still be under way.
  ~Housekeeper();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_HOUSEKEEPING_HOUSEKEEPER_H_
