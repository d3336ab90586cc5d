#include "store/kv/rocksdb.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"
#include "rocksdb/statistics.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"
#include "store/kv/testing/fault_file_system.h"
#include "store/kv/testing/hold_back_file_system.h"

namespace packetboat::kv {
namespace {

absl::Status FromRocks(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrCat("rocksdb: ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(text);
  if (status.IsBusy()) return absl::UnavailableError(text);
  return absl::InternalError(text);
}

rocksdb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
absl::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// The first error after which the database takes no more writes.
class Failure {
 public:
  absl::Status Get() const {
    absl::MutexLock lock(&mutex_);
    return status_;
  }
  // Returns the error that counts: the first one.
  absl::Status Set(absl::Status status) {
    absl::MutexLock lock(&mutex_);
    if (status_.ok()) status_ = std::move(status);
    return status_;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// Takes note of failures in RocksDB's own threads, and keeps it from trying again (SEMANTICS.md
// s5).
class FailureListener : public rocksdb::EventListener {
 public:
  explicit FailureListener(std::shared_ptr<Failure> failure) : failure_(std::move(failure)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    if (!status->ok()) (void)failure_->Set(FromRocks(*status));
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  const std::shared_ptr<Failure> failure_;
};

class RocksIterator : public Iterator {
 public:
  RocksIterator(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                const rocksdb::Snapshot* snapshot, Range range)
      : range_(std::move(range)), lower_(range_.lower), upper_(range_.upper) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    if (!range_.lower.empty()) options.iterate_lower_bound = &lower_;
    if (!range_.upper.empty()) options.iterate_upper_bound = &upper_;
    it_.reset(db.NewIterator(options, family));
  }

  void SeekToFirst() override { it_->SeekToFirst(); }
  void SeekToLast() override { it_->SeekToLast(); }
  void Seek(absl::string_view target) override { it_->Seek(ToSlice(target)); }
  void SeekForPrev(absl::string_view target) override { it_->SeekForPrev(ToSlice(target)); }
  bool Valid() const override { return it_->Valid(); }
  void Next() override { it_->Next(); }
  void Prev() override { it_->Prev(); }
  absl::string_view key() const override { return ToView(it_->key()); }
  absl::string_view value() const override { return ToView(it_->value()); }
  absl::Status status() const override { return FromRocks(it_->status()); }

 private:
  const Range range_;
  const rocksdb::Slice lower_;
  const rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

// An open RocksDB and its column families; shared by the database and its snapshots.
struct Handle {
  ~Handle() {
    for (rocksdb::ColumnFamilyHandle* family : all_families) {
      db->DestroyColumnFamilyHandle(family);
    }
    if (db != nullptr) db->Close();
  }

  absl::StatusOr<std::optional<std::string>> Get(const rocksdb::ReadOptions& options,
                                                 Keyspace keyspace, absl::string_view key) const {
    std::string value;
    const rocksdb::Status status =
        db->Get(options, families.at(keyspace.value()), ToSlice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return FromRocks(status);
    return value;
  }

  std::unique_ptr<Iterator> NewIterator(const rocksdb::Snapshot* snapshot, Keyspace keyspace,
                                        Range range) const {
    return std::make_unique<RocksIterator>(*db, families.at(keyspace.value()), snapshot,
                                           std::move(range));
  }

  // The environment must outlive the database.
  std::unique_ptr<rocksdb::Env> env;
  std::shared_ptr<rocksdb::Statistics> statistics;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> all_families;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // by keyspace number
};

class RocksSnapshot : public Snapshot {
 public:
  explicit RocksSnapshot(std::shared_ptr<const Handle> handle)
      : handle_(std::move(handle)), snapshot_(handle_->db->GetSnapshot()) {}
  ~RocksSnapshot() override { handle_->db->ReleaseSnapshot(snapshot_); }

  absl::StatusOr<std::optional<std::string>> Get(Keyspace keyspace,
                                                 absl::string_view key) const override {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    return handle_->Get(options, keyspace, key);
  }

  std::unique_ptr<Iterator> NewIterator(Keyspace keyspace, Range range) const override {
    return handle_->NewIterator(snapshot_, keyspace, std::move(range));
  }

 private:
  const std::shared_ptr<const Handle> handle_;
  const rocksdb::Snapshot* const snapshot_;
};

class RocksDatabase : public Database {
 public:
  RocksDatabase(RocksDbOptions options, std::shared_ptr<Handle> handle,
                std::shared_ptr<Failure> failure)
      : options_(std::move(options)), handle_(std::move(handle)), failure_(std::move(failure)) {}

  ~RocksDatabase() override {
    if (options_.profile == Profile::kState && failure_->Get().ok()) (void)Flush();
  }

  absl::StatusOr<std::optional<std::string>> Get(Keyspace keyspace,
                                                 absl::string_view key) const override {
    return handle_->Get(rocksdb::ReadOptions(), keyspace, key);
  }

  std::unique_ptr<Iterator> NewIterator(Keyspace keyspace, Range range) const override {
    return handle_->NewIterator(nullptr, keyspace, std::move(range));
  }

  absl::Status Write(const WriteBatch& batch, Durability durability) override {
    if (absl::Status status = failure_->Get(); !status.ok()) return status;
    const bool synced = durability == Durability::kSynced;
    rocksdb::WriteOptions options;
    options.disableWAL = options_.profile == Profile::kState;
    options.sync = synced && !options.disableWAL;
    rocksdb::WriteBatch rocks = Translate(batch);
    const absl::Time begin = absl::Now();
    if (rocksdb::Status status = handle_->db->Write(options, &rocks); !status.ok()) {
      return failure_->Set(FromRocks(status));
    }
    batch_bytes_ += batch.bytes();
    if (options.sync) CountSync(begin);
    return synced && options.disableWAL ? Flush() : absl::OkStatus();
  }

  absl::Status Flush() override {
    if (absl::Status status = failure_->Get(); !status.ok()) return status;
    const absl::Time begin = absl::Now();
    const rocksdb::Status status =
        options_.profile == Profile::kLog
            ? handle_->db->FlushWAL(/*sync=*/true)
            : handle_->db->Flush(rocksdb::FlushOptions(), handle_->families);
    if (!status.ok()) return failure_->Set(FromRocks(status));
    CountSync(begin);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> GetFlushed(Keyspace keyspace,
                                                        absl::string_view key) const override {
    rocksdb::ReadOptions options;
    options.read_tier = rocksdb::kPersistedTier;
    return handle_->Get(options, keyspace, key);
  }

  std::shared_ptr<const Snapshot> NewSnapshot() const override {
    return std::make_shared<RocksSnapshot>(handle_);
  }

  absl::StatusOr<DiskSpace> Space() const override {
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(options_.path, error);
    if (error) return absl::InternalError(absl::StrCat("disk space: ", error.message()));
    return DiskSpace{space.capacity, space.available};
  }

  WriteStats stats() const override {
    const rocksdb::Statistics& s = *handle_->statistics;
    return WriteStats{batch_bytes_,
                      s.getTickerCount(rocksdb::WAL_FILE_BYTES) +
                          s.getTickerCount(rocksdb::FLUSH_WRITE_BYTES) +
                          s.getTickerCount(rocksdb::COMPACT_WRITE_BYTES),
                      syncs_, absl::Microseconds(sync_micros_.load())};
  }

  absl::Status health() const override { return failure_->Get(); }

 private:
  void CountSync(absl::Time begin) {
    ++syncs_;
    sync_micros_ += absl::ToInt64Microseconds(absl::Now() - begin);
  }

  rocksdb::WriteBatch Translate(const WriteBatch& batch) const {
    rocksdb::WriteBatch rocks(batch.bytes() + 32 * batch.size());
    for (const WriteBatch::Op& op : batch.ops()) {
      rocksdb::ColumnFamilyHandle* family = handle_->families.at(op.keyspace.value());
      switch (op.kind) {
        case WriteBatch::Kind::kPut:
          rocks.Put(family, op.key, op.value);
          break;
        case WriteBatch::Kind::kDelete:
          rocks.Delete(family, op.key);
          break;
        case WriteBatch::Kind::kDeleteRange:
          rocks.DeleteRange(family, op.key, op.value);
          break;
      }
    }
    return rocks;
  }

  const RocksDbOptions options_;
  const std::shared_ptr<Handle> handle_;
  const std::shared_ptr<Failure> failure_;
  std::atomic<uint64_t> batch_bytes_{0};
  std::atomic<uint64_t> syncs_{0};
  std::atomic<int64_t> sync_micros_{0};
};

// Makes `path` and its parents such that they survive a power cut: RocksDB syncs what is in the
// directory, not the entry of the directory itself.
absl::Status MakeDirectories(const std::filesystem::path& path) {
  if (path.empty() || std::filesystem::is_directory(path)) return absl::OkStatus();
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  if (absl::Status status = MakeDirectories(parent); !status.ok()) return status;
  std::error_code error;
  std::filesystem::create_directory(path, error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot make ", path.string(), ": ", error.message()));
  }
  const int fd = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  if (!synced) return absl::InternalError(absl::StrCat("cannot sync ", parent.string()));
  return absl::OkStatus();
}

rocksdb::ColumnFamilyOptions FamilyOptions(const RocksDbOptions& options,
                                           const KeyspaceOptions& keyspace,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = options.write_buffer_bytes;
  // The log is written once and deleted soon: compressing it costs more than it saves.
  family.compression =
      options.profile == Profile::kState ? rocksdb::kZSTD : rocksdb::kNoCompression;
  if (keyspace.blobs) {
    family.enable_blob_files = true;
    family.min_blob_size = options.min_blob_bytes;
    family.blob_compression_type = family.compression;
    family.enable_blob_garbage_collection = true;
    family.blob_file_size = uint64_t{128} << 20;
  }
  return family;
}

// Puts the disk's faults that a test asked for between RocksDB and the disk.
void AddFaults(const RocksDbOptions& options, Handle& handle, rocksdb::DBOptions& db) {
  if (options.test_hold_back_unsynced) {
    handle.env = testing::NewHoldBackEnv(options.test_skip_sync, options.test_skip_every);
  }
  if (!options.test_fault_file.empty()) {
    const rocksdb::Env* const below = handle.env ? handle.env.get() : rocksdb::Env::Default();
    handle.env = rocksdb::NewCompositeEnv(
        testing::NewFaultFileSystem(below->GetFileSystem(), options.test_fault_file));
  }
  if (handle.env == nullptr) return;
  db.env = handle.env.get();
  db.info_log = testing::NewSilentLogger();
}

rocksdb::DBOptions DatabaseOptions(const RocksDbOptions& options, Handle& handle,
                                   const std::shared_ptr<Failure>& failure) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.atomic_flush = options.profile == Profile::kState;
  db.max_open_files = options.max_open_files;
  db.max_background_jobs = 2;
  db.db_write_buffer_size = 2 * options.write_buffer_bytes;
  db.max_total_wal_size = 4 * options.write_buffer_bytes;
  db.track_and_verify_wals_in_manifest = true;
  // An unsynced tail of the log may be torn anywhere; what was synced before it is whole.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.max_bgerror_resume_count = 0;
  db.max_log_file_size = size_t{4} << 20;
  db.keep_log_file_num = 4;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.statistics = rocksdb::CreateDBStatistics();
  db.statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  db.listeners.push_back(std::make_shared<FailureListener>(failure));
  handle.statistics = db.statistics;
  AddFaults(options, handle, db);
  return db;
}

}  // namespace

absl::StatusOr<SkippedSync> ParseSkippedSync(absl::string_view name) {
  if (name == "none" || name.empty()) return SkippedSync::kNone;
  if (name == "wal") return SkippedSync::kWriteAheadLog;
  if (name == "table") return SkippedSync::kTable;
  if (name == "blob") return SkippedSync::kBlob;
  if (name == "manifest") return SkippedSync::kManifest;
  if (name == "directory") return SkippedSync::kDirectory;
  if (name == "any") return SkippedSync::kAny;
  return absl::InvalidArgumentError(absl::StrCat("no such kind of sync: ", name));
}

absl::StatusOr<std::unique_ptr<Database>> OpenRocksDb(const RocksDbOptions& options) {
  if (absl::Status status = MakeDirectories(options.path); !status.ok()) return status;

  auto handle = std::make_shared<Handle>();
  auto failure = std::make_shared<Failure>();
  const rocksdb::DBOptions db_options = DatabaseOptions(options, *handle, failure);
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  const std::vector<KeyspaceOptions> keyspaces =
      options.profile == Profile::kLog ? LogKeyspaces() : StateKeyspaces();

  // RocksDB insists on a family of its own, which stays empty.
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions()}};
  for (const KeyspaceOptions& keyspace : keyspaces) {
    families.emplace_back(keyspace.name, FamilyOptions(options, keyspace, cache));
  }
  rocksdb::DB* db = nullptr;
  rocksdb::Status status =
      rocksdb::DB::Open(db_options, options.path, families, &handle->all_families, &db);
  handle->db.reset(db);
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return absl::UnavailableError(absl::StrCat("in use by another process: ", options.path));
  }
  if (!status.ok()) return FromRocks(status);
  handle->families.assign(handle->all_families.begin() + 1, handle->all_families.end());
  return std::make_unique<RocksDatabase>(options, std::move(handle), std::move(failure));
}

}  // namespace packetboat::kv
