#ifndef PACKETBOAT_STORE_MODEL_BODIES_H_
#define PACKETBOAT_STORE_MODEL_BODIES_H_

#include "base/ids.h"
#include "proto/store/entry.pb.h"
#include "store/model/state.h"

// Bodies in apply: from where entries get them, who refers to them, when they go. Internal to
// store/model.
//
// A body is named by the log index of the entry that completed it and counts the messages that
// refer to it. With none it is marked as idle since then, and collected after a while; so are
// chunks that became part of nothing.

namespace packetboat::model {

// Checks what does not depend on the state.
bool WellformedBody(const entry::BodySource& source);

enum class BodyState {
  kAvailable,
  kMissing,
  kMalformed,  // the chunks are there but cannot be this body
};
BodyState Look(const State& state, const entry::BodySource& source);

// The body's name, with one reference added. Needs kAvailable; once per entry.
RaftIndex Refer(State& state, const entry::BodySource& source);

// One more, one less message that refers to a body which is there.
void AddReference(State& state, RaftIndex body);
void DropReference(State& state, RaftIndex body);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_BODIES_H_
