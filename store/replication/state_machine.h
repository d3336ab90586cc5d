#ifndef PACKETBOAT_STORE_REPLICATION_STATE_MACHINE_H_
#define PACKETBOAT_STORE_REPLICATION_STATE_MACHINE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "store/kv/overlay.h"

namespace packetboat::replication {

// What an entry carries besides the command; the same on every replica.
struct ApplyContext {
  ShardId shard;
  RaftIndex index;
  Term term;
  // The leader's stamp, in whole microseconds: strictly above that of the entry before it
  // (SEMANTICS.md s3). The only time that apply may know.
  absl::Time log_time;
};

// The state of one shard as a function of its log: the same commands in the same order make the
// same state and the same results on every replica, so nothing in here asks for the time, for
// randomness or for the order of a hash map.
//
// Called by one thread at a time, from the thread that applies the shard; the calls must not block
// on anything but the database.
class StateMachine {
 public:
  virtual ~StateMachine() = default;

  // Makes the changes of one command in `state`, which already shows those of the commands before
  // it, and returns what the proposer is told (any bytes; empty is fine). Each key must have the
  // shard in front, keyspaces are `kv::kRecords` and `kv::kBodies`. A command that cannot be
  // carried out is an outcome and goes into the result; bytes that no version of this program can
  // have written are a broken invariant: CHECK.
  //
  // The changes are written together with the index, in one batch with those of neighbouring
  // entries. After a crash the entries behind that index come again.
  virtual std::string Apply(const ApplyContext& context, absl::string_view command,
                            kv::Overlay& state) = 0;

  // Everything up to `index` can be read from the database now. Comes before the proposers'
  // callbacks and the waiters of `Group::WaitApplied`, so that readers can be woken here.
  virtual void OnApplied(RaftIndex index) { (void)index; }
};

// What a command does to the disk, asked when space is short (SEMANTICS.md s5).
enum class SpaceUse {
  // It makes room, now or by what it lets be collected later.
  kFrees,
  // Small records.
  kLittle,
  // It brings octets of messages.
  kBody,
};

using StateMachineFactory = std::function<std::unique_ptr<StateMachine>(ShardId shard)>;

}  // namespace packetboat::replication

#endif  // PACKETBOAT_STORE_REPLICATION_STATE_MACHINE_H_
