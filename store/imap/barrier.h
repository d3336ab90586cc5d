#ifndef PACKETBOAT_STORE_IMAP_BARRIER_H_
#define PACKETBOAT_STORE_IMAP_BARRIER_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "net/api/event_loop.h"
#include "store/shards/shards.h"

namespace packetboat::store {

// Passes a read barrier of a shard. While no leader answers it tries again, for at most `wait`:
// what a client sees of an election is a pause (SEMANTICS.md s4). `done` comes from the loop or
// from a thread of the group; kUnavailable: there was no leader all the time.
//
// Once `session` is gone nothing is tried any more, and `done` may never be called.
void PassBarrier(Shards& shards, ShardId shard, absl::Duration wait, net::EventLoop& loop,
                 std::weak_ptr<const void> session, absl::AnyInvocable<void(absl::Status)> done);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_BARRIER_H_
