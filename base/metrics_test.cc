#include "base/metrics.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace packetboat {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, SeriesAppearInTheTextFormat) {
  MetricsRegistry registry;
  registry.counter("packetboat_test_total", "Things.", {{"kind", "a"}}).Add(2);
  registry.counter("packetboat_test_total", "Things.", {{"kind", "a"}}).Add();
  registry.gauge("packetboat_test_bytes", "Octets.").Set(7);
  registry.histogram("packetboat_test_seconds", "Time.", {0.1, 1}).Observe(0.5);
  const std::string text = registry.Text();
  EXPECT_THAT(text, HasSubstr("# HELP packetboat_test_total Things."));
  EXPECT_THAT(text, HasSubstr("packetboat_test_total{kind=\"a\"} 3"));
  EXPECT_THAT(text, HasSubstr("packetboat_test_bytes 7"));
  EXPECT_THAT(text, HasSubstr("packetboat_test_seconds_bucket{le=\"1\"} 1"));
}

TEST(MetricsTest, GaugesAreBroughtUpToDateBeforeEveryText) {
  MetricsRegistry registry;
  Gauge& gauge = registry.gauge("packetboat_test_bytes", "Octets.");
  int calls = 0;
  registry.OnCollect([&] { gauge.Set(++calls); });
  EXPECT_THAT(registry.Text(), HasSubstr("packetboat_test_bytes 1"));
  EXPECT_THAT(registry.Text(), HasSubstr("packetboat_test_bytes 2"));
}

TEST(MetricsTest, SeriesBeyondTheLimitAreCountedTogether) {
  MetricsRegistry registry;
  const auto add = [&](size_t i) {
    registry.counter("packetboat_test_total", "Things.", {{"kind", absl::StrCat("k", i)}}).Add();
  };
  for (size_t i = 0; i < kMaxSeriesPerMetric; ++i) add(i);
  EXPECT_THAT(registry.Text(), Not(HasSubstr("other")));
  EXPECT_THAT(registry.Text(), HasSubstr(absl::StrCat("k", kMaxSeriesPerMetric - 1)));
  add(kMaxSeriesPerMetric);
  add(kMaxSeriesPerMetric + 1);
  EXPECT_THAT(registry.Text(), HasSubstr("packetboat_test_total{kind=\"other\"} 2"));
  add(0);
  EXPECT_THAT(registry.Text(), HasSubstr("packetboat_test_total{kind=\"k0\"} 2"));
}

}  // namespace
}  // namespace packetboat
