#ifndef PACKETBOAT_STORE_KV_ROCKSDB_H_
#define PACKETBOAT_STORE_KV_ROCKSDB_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/kv/database.h"

namespace packetboat::kv {

// A kind of sync that a planted bug leaves out, so that a test can see what it costs.
enum class SkippedSync { kNone, kWriteAheadLog, kTable, kBlob, kManifest, kDirectory, kAny };

// Of "none", "wal", "table", "blob", "manifest", "directory" and "any". kInvalidArgument otherwise.
absl::StatusOr<SkippedSync> ParseSkippedSync(absl::string_view name);

struct RocksDbOptions {
  // A directory of its own; made, with its parents, if it is not there. One process at a time.
  std::string path;
  Profile profile = Profile::kState;

  // Memory. Half of the write buffer may be waiting to be written out while the other half fills.
  size_t block_cache_bytes = size_t{64} << 20;
  size_t write_buffer_bytes = size_t{32} << 20;
  // Open files; each table and blob file in use takes one.
  int max_open_files = 512;
  // Values of at least this size go to blob files, in the keyspaces that have them.
  size_t min_blob_bytes = 4096;

  // --- For tests only ---

  // Keeps from the disk what was not synced, so that SIGKILL takes it as a power cut would
  // (testing/hold_back_file_system.h).
  bool test_hold_back_unsynced = false;
  // With test_hold_back_unsynced: leaves out every `test_skip_every`th sync of this kind.
  SkippedSync test_skip_sync = SkippedSync::kNone;
  int test_skip_every = 1;
  // Not empty: a file that says, while the database is open, what is wrong with the disk
  // (testing/fault_file_system.h).
  std::string test_fault_file;
};

// Opens or makes the database with the keyspaces of its profile. Errors: kDataLoss (a file is
// damaged or missing), kUnavailable (another process has it open), kResourceExhausted, kInternal.
absl::StatusOr<std::unique_ptr<Database>> OpenRocksDb(const RocksDbOptions& options);

}  // namespace packetboat::kv

#endif  // PACKETBOAT_STORE_KV_ROCKSDB_H_
