#ifndef PACKETBOAT_STORE_KV_KEYSPACE_H_
#define PACKETBOAT_STORE_KV_KEYSPACE_H_

#include <cstdint>

#include "base/strong_id.h"

// The keyspaces of a store's two databases. A keyspace is an ordered map of its own (a column
// family in RocksDB); a batch changes any number of them at once. The numbers are positions in the
// list by which a database is opened (`LogKeyspaces()`, `StateKeyspaces()` in database.h).

namespace packetboat::kv {

using Keyspace = StrongId<struct KeyspaceTag, uint32_t>;

// The log database: entries, terms and votes of every group, and the identity of the data folder.
// Written by store/raft alone.
inline constexpr Keyspace kLogMeta{0};
// Values from `min_blob_bytes` on go to blob files: by the time a table would be compacted most of
// what it refers to is cut, and nothing is rewritten.
inline constexpr Keyspace kLogEntries{1};

// The state database. `kApplied` is written by store/raft alone; the others belong to the state
// machine, which puts the shard in front of its keys: all shards share one database.
inline constexpr Keyspace kApplied{0};
inline constexpr Keyspace kRecords{1};
// Bodies: values from `min_blob_bytes` on go to blob files, compressed, and are not rewritten when
// the tree is compacted.
inline constexpr Keyspace kBodies{2};

}  // namespace packetboat::kv

#endif  // PACKETBOAT_STORE_KV_KEYSPACE_H_
