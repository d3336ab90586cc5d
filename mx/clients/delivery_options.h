#ifndef PACKETBOAT_MX_CLIENTS_DELIVERY_OPTIONS_H_
#define PACKETBOAT_MX_CLIENTS_DELIVERY_OPTIONS_H_

#include <cstddef>
#include <functional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace packetboat::mx {

// Why a delivery is tried again. The names are those of the metric.
enum class RetryReason {
  kNotLeader,      // the store does not lead the shard
  kUnknown,        // the store could not tell the outcome
  kNoSpace,        // too much in flight, or the disk is nearly full
  kUnavailable,    // the store cannot commit just now
  kStreamBroke,    // the connection to the store was lost
  kLeaderChanged,  // another store leads before the first one has answered
};
absl::string_view RetryReasonName(RetryReason reason);

struct DeliveryClientOptions {
  // A store that leaves a try unanswered for this long, and gives no other sign of life either,
  // gets no more of them until it says anew that it leads.
  absl::Duration attempt_timeout = absl::Seconds(1);
  // How long recipients are accepted after the leader of their shard was last heard of.
  absl::Duration leader_patience = absl::Seconds(4);
  // Pauses after a refusal double from the first to the last.
  absl::Duration retry_min = absl::Milliseconds(20);
  absl::Duration retry_max = absl::Milliseconds(500);
  // Stores tell changes at once. They are asked besides, so that one that tells nothing because it
  // hangs is noticed.
  absl::Duration ask_interval = absl::Milliseconds(500);
  absl::Duration ask_timeout = absl::Seconds(2);
  // Before a watch that ended is opened again; after one that told nothing, as long as
  // ask_interval.
  absl::Duration watch_pause = absl::Milliseconds(100);
  // Chunks of a body that are sent ahead of their acknowledgement; the store's own bound must not
  // be below.
  int unacknowledged_chunks = 4;
  // Delivery keys that wait to be let go; beyond, they live out their window.
  size_t forget_queue = 100'000;
  // At the latest; at once when somebody waits for it.
  absl::Duration forget_interval = absl::Seconds(2);
  // After which nobody tries any more.
  absl::Duration forget_timeout = absl::Seconds(10);
  // How long the end of a session, or a delivery of the same key, waits for keys to go.
  absl::Duration forget_wait = absl::Seconds(2);
  // After which a recipient is accepted although no store has said whether its quota has room.
  absl::Duration quota_timeout = absl::Seconds(1);
  // For metrics; on the loop.
  std::function<void(RetryReason)> on_retry = [](RetryReason) {};
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_DELIVERY_OPTIONS_H_
