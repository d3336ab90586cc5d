#ifndef PACKETBOAT_STORE_MODEL_STATE_MACHINE_H_
#define PACKETBOAT_STORE_MODEL_STATE_MACHINE_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "store/kv/overlay.h"
#include "store/model/changes.h"
#include "store/model/planted_bugs.h"
#include "store/replication/state_machine.h"

namespace packetboat::model {

// The mailboxes, bodies and delivery keys of one shard, and in shard 0 the directory, as a function
// of the shard's log. Entries are packetboat.entry.Entry, results packetboat.entry.Result
// (proto/store/entry.proto). Keeps nothing between calls but what is still to be told.
//
// Apply never fails: what cannot be carried out is an outcome, and changes nothing. Three things
// end the process, since going on would make this replica differ from the others: an entry of a
// version above kEntryVersion, a state that cannot be read, and a state that contradicts itself.
class Model : public replication::StateMachine {
 public:
  // Told once entries up to `index` can be read, from the thread that applies, and must not block.
  // Not called for entries that changed nothing that anybody waits for.
  using Observer = std::function<void(RaftIndex index, const Changes& changes)>;

  explicit Model(Observer observer = nullptr, PlantedBugs bugs = {})
      : observer_(std::move(observer)), bugs_(std::move(bugs)) {}

  std::string Apply(const replication::ApplyContext& context, absl::string_view command,
                    kv::Overlay& state) override;
  void OnApplied(RaftIndex index) override;

 private:
  const Observer observer_;
  Changes changes_;
  PlantedBugs bugs_;
};

// What the entry does to the disk. Deletions free space, and so does the \Deleted flag, without
// which IMAP cannot expunge.
replication::SpaceUse SpaceUseOf(absl::string_view command);

// For proposers: whether Apply would take these bytes for an entry at all. kInvalidArgument says
// why not. An entry that passes may still be answered MALFORMED.
absl::Status CheckEntry(absl::string_view command);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_STATE_MACHINE_H_
