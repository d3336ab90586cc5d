#include "store/kv/write_metrics.h"

#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"

namespace packetboat::kv {
namespace {

using ::testing::HasSubstr;

TEST(WriteMetricsTest, EachDatabaseHasItsOwnSeries) {
  FakeDisk log_disk(Profile::kLog), state_disk(Profile::kState);
  const auto log = log_disk.Open(), state = state_disk.Open();
  MetricsRegistry registry;
  const WriteMetrics metrics(registry, {{"log", log.get()}, {"state", state.get()}});
  WriteBatch batch;
  batch.Put(kLogEntries, "key", "value");
  ASSERT_TRUE(log->Write(batch, Durability::kSynced).ok());
  ASSERT_TRUE(log->Write(batch, Durability::kSynced).ok());
  ASSERT_TRUE(state->Write(batch, Durability::kLazy).ok());
  const std::string text = registry.Text();
  EXPECT_THAT(text, HasSubstr("packetboat_store_disk_syncs_total{database=\"log\"} 2"));
  EXPECT_THAT(text, HasSubstr("packetboat_store_disk_syncs_total{database=\"state\"} 0"));
  EXPECT_THAT(text, HasSubstr("packetboat_store_disk_batch_bytes_total{database=\"log\"} 16"));
  EXPECT_THAT(text, HasSubstr("packetboat_store_disk_batch_bytes_total{database=\"state\"} 8"));
  EXPECT_THAT(registry.Text(), HasSubstr("syncs_total{database=\"log\"} 2")) << "counted once";
}

TEST(WriteMetricsTest, MetricsCanBeReadWhenTheDatabaseIsGone) {
  FakeDisk disk(Profile::kLog);
  auto log = disk.Open();
  MetricsRegistry registry;
  std::optional<WriteMetrics> metrics;
  metrics.emplace(registry, WriteMetrics::Databases{{"log", log.get()}});
  metrics.reset();
  log.reset();
  EXPECT_THAT(registry.Text(), HasSubstr("packetboat_store_disk_syncs_total{database=\"log\"} 0"));
}

}  // namespace
}  // namespace packetboat::kv
