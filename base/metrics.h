#ifndef PACKETBOAT_BASE_METRICS_H_
#define PACKETBOAT_BASE_METRICS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

// Counters, gauges and histograms for Prometheus. Names begin with `packetboat_` and end in their
// unit; what varies without bound (addresses, users, domains of strangers) never becomes a label.
// Everything here is thread-safe, and updating is a few atomic operations.

namespace packetboat {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Series that one metric may have. A further set of labels is counted under the labels' names with
// the value "other".
inline constexpr size_t kMaxSeriesPerMetric = 200;

// Live as long as their registry.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount = 1) = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double amount) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // The one of this name and these labels: asking again answers the same. `help` counts the first
  // time.
  Counter& counter(absl::string_view name, absl::string_view help, const MetricLabels& labels = {});
  Gauge& gauge(absl::string_view name, absl::string_view help, const MetricLabels& labels = {});
  // `bounds` ascend; those of the first call count.
  Histogram& histogram(absl::string_view name, absl::string_view help,
                       const std::vector<double>& bounds, const MetricLabels& labels = {});

  // Runs before every Text, to bring gauges up to date; must not block. Stays for the registry's
  // life.
  void OnCollect(std::function<void()> update);

  // Prometheus' text format, version 0.0.4.
  std::string Text();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Bounds for the duration of something that waits for disks and networks, in seconds.
std::vector<double> LatencyBounds();

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_METRICS_H_
