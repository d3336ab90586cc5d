#include "base/health.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace packetboat {
namespace {

using Weight = HealthRegistry::Weight;

TEST(HealthRegistryTest, OnlyReadinessChecksTakeTheProcessOut) {
  HealthRegistry registry;
  absl::Status disk;
  absl::Status peer = absl::UnavailableError("no answer from auth1");
  const auto first = registry.Add("disk", Weight::kReadiness, [&] { return disk; });
  const auto second = registry.Add("auth", Weight::kInformation, [&] { return peer; });
  EXPECT_TRUE(registry.Ready());
  EXPECT_EQ(HealthText(registry.Report()), "ready\nauth: no answer from auth1\ndisk: OK\n");
  disk = absl::InternalError("write failed");
  EXPECT_FALSE(registry.Ready());
  EXPECT_EQ(HealthText(registry.Report()),
            "not ready\nauth: no answer from auth1\ndisk: write failed\n");
}

TEST(HealthRegistryTest, CheckEndsWithItsRegistration) {
  HealthRegistry registry;
  {
    HealthRegistry::Registration kept;
    {
      auto made = registry.Add("x", Weight::kReadiness, [] { return absl::InternalError("x"); });
      kept = std::move(made);
    }
    EXPECT_FALSE(registry.Ready());
  }
  EXPECT_TRUE(registry.Ready());
  EXPECT_TRUE(registry.Report().empty());
}

}  // namespace
}  // namespace packetboat
