#include "mx/readiness.h"

#include "gtest/gtest.h"

namespace packetboat::mx {
namespace {

const absl::Status kBad = absl::UnavailableError("no shard");

TEST(ReadinessTest, NotReadyBeforeTheFirstGoodLook) {
  FakeClock clock;
  Readiness readiness(absl::Seconds(5), clock);
  EXPECT_FALSE(readiness.Judge(kBad).ok());
  EXPECT_TRUE(readiness.Judge(absl::OkStatus()).ok());
}

TEST(ReadinessTest, FailureCountsFromWhenItWasFirstSeen) {
  FakeClock clock;
  Readiness readiness(absl::Seconds(5), clock);
  EXPECT_TRUE(readiness.Judge(absl::OkStatus()).ok());
  clock.Advance(absl::Hours(1));
  EXPECT_TRUE(readiness.Judge(kBad).ok()) << "nobody looked for an hour: that is no failure";
  clock.Advance(absl::Seconds(5) - absl::Nanoseconds(1));
  EXPECT_TRUE(readiness.Judge(kBad).ok());
  clock.Advance(absl::Nanoseconds(1));
  EXPECT_FALSE(readiness.Judge(kBad).ok());
  EXPECT_TRUE(readiness.Judge(absl::OkStatus()).ok());
  EXPECT_TRUE(readiness.Judge(kBad).ok()) << "the grace begins anew";
}

}  // namespace
}  // namespace packetboat::mx
