#ifndef PACKETBOAT_STORE_KV_TESTING_HOLD_BACK_FILE_SYSTEM_H_
#define PACKETBOAT_STORE_KV_TESTING_HOLD_BACK_FILE_SYSTEM_H_

#include <memory>

#include "rocksdb/env.h"
#include "store/kv/rocksdb.h"

// A file system for RocksDB that keeps in this process's memory what POSIX does not promise to
// survive a power cut, so that SIGKILL takes it:
//   - what was appended to a file since that file was last synced;
//   - names made, renamed or removed in a directory since that directory was last synced. A file
//   that
//     has no durable name is lost whole, synced or not; a removed one comes back.
// The living process sees everything at once. Directories themselves, lock files and files that are
// there from the start are the real ones. Syncs do not wait for the disk: the page cache outlives
// the process, which is all that SIGKILL asks.
//
// Not supported, as RocksDB does without here: hard links, memory maps, rewriting a file in place.

namespace packetboat::kv::testing {

// An environment over such a file system, leaving out every `every`th sync of kind `skip`. One per
// database.
std::unique_ptr<rocksdb::Env> NewHoldBackEnv(SkippedSync skip, int every);

// Swallows RocksDB's own log, which would else be written beside the file system.
std::shared_ptr<rocksdb::Logger> NewSilentLogger();

}  // namespace packetboat::kv::testing

#endif  // PACKETBOAT_STORE_KV_TESTING_HOLD_BACK_FILE_SYSTEM_H_
