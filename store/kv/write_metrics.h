#ifndef PACKETBOAT_STORE_KV_WRITE_METRICS_H_
#define PACKETBOAT_STORE_KV_WRITE_METRICS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "store/kv/database.h"

namespace packetboat::kv {

// What databases have written since they were opened, as `packetboat_store_disk_...` with the label
// `database`. Synced writes over their seconds tell how long the disk takes; bytes in files over
// bytes in batches tell the write amplification. Brought up to date whenever metrics are read.
class WriteMetrics {
 public:
  // A name for the label, and the database.
  using Databases = std::vector<std::pair<std::string, const Database*>>;

  // The registry must outlive this, and the databases too.
  WriteMetrics(MetricsRegistry& registry, const Databases& databases);
  // The series stay, and no longer change.
  ~WriteMetrics();
  WriteMetrics(const WriteMetrics&) = delete;
  WriteMetrics& operator=(const WriteMetrics&) = delete;

 private:
  class Collector;
  const std::shared_ptr<Collector> collector_;
};

}  // namespace packetboat::kv

#endif  // PACKETBOAT_STORE_KV_WRITE_METRICS_H_
