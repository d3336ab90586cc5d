#include "base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace packetboat {
namespace {

class RealCounter : public Counter {
 public:
  explicit RealCounter(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }

 private:
  prometheus::Counter& counter_;
};

class RealGauge : public Gauge {
 public:
  explicit RealGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }
  void Add(double amount) override { gauge_.Increment(amount); }

 private:
  prometheus::Gauge& gauge_;
};

class RealHistogram : public Histogram {
 public:
  explicit RealHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

prometheus::Labels ToLabels(const MetricLabels& labels) {
  return prometheus::Labels(labels.begin(), labels.end());
}

prometheus::Labels OtherLabels(const MetricLabels& labels) {
  prometheus::Labels other;
  for (const auto& [name, value] : labels) other[name] = "other";
  return other;
}

template <typename Builder>
auto& Build(Builder builder, absl::string_view name, absl::string_view help,
            prometheus::Registry& registry) {
  return builder.Name(std::string(name)).Help(std::string(help)).Register(registry);
}

// One metric: its series by their labels, bounded in number.
template <typename Metric, typename Real, typename PrometheusMetric>
struct Family {
  prometheus::Family<PrometheusMetric>* family = nullptr;
  std::map<prometheus::Labels, std::unique_ptr<Metric>> series;

  template <typename... Args>
  Metric& Get(const MetricLabels& labels, const Args&... args) {
    prometheus::Labels wanted = ToLabels(labels);
    if (series.size() >= kMaxSeriesPerMetric && !series.contains(wanted)) {
      wanted = OtherLabels(labels);
    }
    std::unique_ptr<Metric>& metric = series[wanted];
    if (metric == nullptr) metric = std::make_unique<Real>(family->Add(wanted, args...));
    return *metric;
  }
};

}  // namespace

class MetricsRegistry::Impl {
 public:
  Counter& counter(absl::string_view name, absl::string_view help, const MetricLabels& labels) {
    absl::MutexLock lock(&mutex_);
    auto& family = counters_[std::string(name)];
    if (family.family == nullptr)
      family.family = &Build(prometheus::BuildCounter(), name, help, registry_);
    return family.Get(labels);
  }

  Gauge& gauge(absl::string_view name, absl::string_view help, const MetricLabels& labels) {
    absl::MutexLock lock(&mutex_);
    auto& family = gauges_[std::string(name)];
    if (family.family == nullptr)
      family.family = &Build(prometheus::BuildGauge(), name, help, registry_);
    return family.Get(labels);
  }

  Histogram& histogram(absl::string_view name, absl::string_view help,
                       const std::vector<double>& bounds, const MetricLabels& labels) {
    absl::MutexLock lock(&mutex_);
    auto& family = histograms_[std::string(name)];
    if (family.family == nullptr) {
      family.family = &Build(prometheus::BuildHistogram(), name, help, registry_);
    }
    return family.Get(labels, bounds);
  }

  void OnCollect(std::function<void()> update) {
    absl::MutexLock lock(&mutex_);
    updates_.push_back(std::move(update));
  }

  std::string Text() {
    std::vector<std::function<void()>> updates;
    {
      absl::MutexLock lock(&mutex_);
      updates = updates_;
    }
    for (const std::function<void()>& update : updates) update();
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  prometheus::Registry registry_;
  absl::Mutex mutex_;
  std::map<std::string, Family<Counter, RealCounter, prometheus::Counter>> counters_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Family<Gauge, RealGauge, prometheus::Gauge>> gauges_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Family<Histogram, RealHistogram, prometheus::Histogram>> histograms_
      ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> updates_ ABSL_GUARDED_BY(mutex_);
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter& MetricsRegistry::counter(absl::string_view name, absl::string_view help,
                                  const MetricLabels& labels) {
  return impl_->counter(name, help, labels);
}

Gauge& MetricsRegistry::gauge(absl::string_view name, absl::string_view help,
                              const MetricLabels& labels) {
  return impl_->gauge(name, help, labels);
}

Histogram& MetricsRegistry::histogram(absl::string_view name, absl::string_view help,
                                      const std::vector<double>& bounds,
                                      const MetricLabels& labels) {
  return impl_->histogram(name, help, bounds, labels);
}

void MetricsRegistry::OnCollect(std::function<void()> update) {
  impl_->OnCollect(std::move(update));
}

std::string MetricsRegistry::Text() { return impl_->Text(); }

std::vector<double> LatencyBounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

}  // namespace packetboat
