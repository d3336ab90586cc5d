#include "store/kv/write_metrics.h"

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace packetboat::kv {
namespace {

// The counters of one database.
class Series {
 public:
  Series(MetricsRegistry& registry, const std::string& name, const Database* database)
      : database_(database),
        batch_bytes_(registry.counter("packetboat_store_disk_batch_bytes_total",
                                      "Keys and values that were to be written.",
                                      {{"database", name}})),
        file_bytes_(registry.counter("packetboat_store_disk_file_bytes_total",
                                     "Written to log, table and blob files, with compaction.",
                                     {{"database", name}})),
        syncs_(registry.counter("packetboat_store_disk_syncs_total", "Writes that were synced.",
                                {{"database", name}})),
        sync_seconds_(registry.counter("packetboat_store_disk_sync_seconds_total",
                                       "Time that synced writes took.", {{"database", name}})) {}

  void Update() {
    const WriteStats now = database_->stats();
    batch_bytes_.Add(static_cast<double>(now.batch_bytes - told_.batch_bytes));
    file_bytes_.Add(static_cast<double>(now.file_bytes - told_.file_bytes));
    syncs_.Add(static_cast<double>(now.syncs - told_.syncs));
    sync_seconds_.Add(absl::ToDoubleSeconds(now.sync_time - told_.sync_time));
    told_ = now;
  }

 private:
  const Database* const database_;
  Counter& batch_bytes_;
  Counter& file_bytes_;
  Counter& syncs_;
  Counter& sync_seconds_;
  WriteStats told_;
};

}  // namespace

// Shared with the registry, which never lets go of what it calls.
class WriteMetrics::Collector {
 public:
  Collector(MetricsRegistry& registry, const Databases& databases) {
    for (const auto& [name, database] : databases) series_.emplace_back(registry, name, database);
  }

  void Update() {
    absl::MutexLock lock(&mutex_);
    for (Series& one : series_) one.Update();
  }

  void Close() {
    absl::MutexLock lock(&mutex_);
    series_.clear();
  }

 private:
  absl::Mutex mutex_;
  std::vector<Series> series_ ABSL_GUARDED_BY(mutex_);
};

WriteMetrics::WriteMetrics(MetricsRegistry& registry, const Databases& databases)
    : collector_(std::make_shared<Collector>(registry, databases)) {
  registry.OnCollect([collector = collector_] { collector->Update(); });
}

WriteMetrics::~WriteMetrics() { collector_->Close(); }

}  // namespace packetboat::kv
