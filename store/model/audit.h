#ifndef PACKETBOAT_STORE_MODEL_AUDIT_H_
#define PACKETBOAT_STORE_MODEL_AUDIT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "store/kv/database.h"

namespace packetboat::model {

// Counts everything in a shard again and compares it with what apply keeps: counters of mailboxes
// and accounts, names, the list of changes, references to bodies, what is idle, chunks and octets
// that belong to nothing, delivery keys and their expiry. Answers what is wrong, a sentence each;
// nothing is wrong in a state that Model made. Reads all records and no body octets. kDataLoss.
absl::StatusOr<std::vector<std::string>> Audit(const kv::Reader& state, ShardId shard);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_AUDIT_H_
