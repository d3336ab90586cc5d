#ifndef PACKETBOAT_STORE_KV_DATABASE_H_
#define PACKETBOAT_STORE_KV_DATABASE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "store/kv/keyspace.h"
#include "store/kv/write_batch.h"

// An ordered store of bytes under bytes, with atomic batches, snapshots and a plain word for what
// is durable. Two kinds stand behind it: RocksDB (rocksdb.h) and a fake that models what a power
// cut takes (fake_disk.h). Keys compare as unsigned bytes.

namespace packetboat::kv {

// A position in a keyspace that moves in both directions over the state at the time it was made,
// whatever is written later. Used by one thread at a time; must not outlive what it was made from.
class Iterator {
 public:
  virtual ~Iterator() = default;

  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  // To the first key at or above `target`.
  virtual void Seek(absl::string_view target) = 0;
  // To the last key at or below `target`.
  virtual void SeekForPrev(absl::string_view target) = 0;

  // False before the first Seek, beyond either end, and after an error; tell the latter by
  // status().
  virtual bool Valid() const = 0;
  // The rest needs Valid(). Views hold until the iterator moves.
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual absl::string_view key() const = 0;
  virtual absl::string_view value() const = 0;

  // kDataLoss when a checksum was wrong.
  virtual absl::Status status() const = 0;
};

// The bounds of an iterator: keys in [lower, upper). An empty `upper` is no bound.
struct Range {
  std::string lower;
  std::string upper;

  static Range All() { return Range(); }
  // All keys that begin with `prefix`.
  static Range Prefix(absl::string_view prefix);
};

// Something that can be read: a database, a snapshot of one, or an overlay over either.
class Reader {
 public:
  virtual ~Reader() = default;

  // Nothing, if the key is not there. kDataLoss when a checksum was wrong.
  virtual absl::StatusOr<std::optional<std::string>> Get(Keyspace keyspace,
                                                         absl::string_view key) const = 0;

  // Never null; not yet positioned.
  virtual std::unique_ptr<Iterator> NewIterator(Keyspace keyspace, Range range) const = 0;
};

// The state at one moment, for any number of threads at once, while writes go on. Holds back the
// removal of what it can see, so let it go soon. Must not outlive its database.
class Snapshot : public Reader {};

enum class Durability {
  // Returns once this batch and everything written before it would survive a power cut.
  kSynced,
  // Returns once it can be read. A power cut may take it and what was written after it, in whole
  // batches and from the end, never from the middle.
  kLazy,
};

struct DiskSpace {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;
};

// What a database has written to its files since it was opened, for write amplification.
struct WriteStats {
  uint64_t batch_bytes = 0;  // keys and values handed to Write()
  uint64_t file_bytes = 0;   // log, tables, blobs and compaction
  uint64_t syncs = 0;        // Write(kSynced) calls that went through
  absl::Duration sync_time;  // how long those took, one after the other; always 0 on the fake
};

// Thread-safe. Writes are applied in some order that all readers see alike.
//
// After a write or a sync has failed the database takes no more writes (each returns the first
// error): what the disk holds is then unknown, and only opening it again tells (SEMANTICS.md s5).
// Reads go on.
class Database : public Reader {
 public:
  // kDataLoss, kResourceExhausted (disk full) or kInternal; what was in the batch may then be there
  // or not after the next opening, but never in part.
  [[nodiscard]] virtual absl::Status Write(const WriteBatch& batch, Durability durability) = 0;

  // Makes everything that was written so far durable. In a database without a write-ahead log this
  // writes out tables, and is the only thing that makes data durable, besides the database doing so
  // by itself when its memory is full.
  [[nodiscard]] virtual absl::Status Flush() = 0;

  // What a power cut now would leave of this key. In a database without a write-ahead log this lags
  // behind Get(); with one it is only as good as Get() where every write is kSynced.
  virtual absl::StatusOr<std::optional<std::string>> GetFlushed(Keyspace keyspace,
                                                                absl::string_view key) const = 0;

  virtual std::shared_ptr<const Snapshot> NewSnapshot() const = 0;

  virtual absl::StatusOr<DiskSpace> Space() const = 0;
  virtual WriteStats stats() const = 0;

  // OK, or the error after which no more writes are taken.
  virtual absl::Status health() const = 0;
};

// How a database keeps what is written.
enum class Profile {
  // A write-ahead log; kSynced means one sync of it. For the Raft log.
  kLog,
  // No write-ahead log: the Raft log is replayed instead. All keyspaces become durable together.
  kState,
};

struct KeyspaceOptions {
  std::string name;
  // Values go to blob files from `min_blob_bytes` on.
  bool blobs = false;
};

// What databases are opened with; the order gives the numbers in keyspace.h.
std::vector<KeyspaceOptions> LogKeyspaces();
std::vector<KeyspaceOptions> StateKeyspaces();

// The smallest key that is above all keys with this prefix; empty, if there is none.
std::string PrefixEnd(absl::string_view prefix);

}  // namespace packetboat::kv

#endif  // PACKETBOAT_STORE_KV_DATABASE_H_
