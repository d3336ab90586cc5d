#include "base/clock.h"

#include "gtest/gtest.h"

namespace packetboat {
namespace {

TEST(FakeClockTest, MovesOnlyWhenTold) {
  FakeClock clock(absl::FromUnixSeconds(1000));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1000));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1000));
  clock.Advance(absl::Seconds(3));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1003));
  EXPECT_EQ(clock.Monotonic(), absl::Seconds(3));
}

TEST(FakeClockTest, JumpOfTheWallClockLeavesTheMonotonicOneAlone) {
  FakeClock clock(absl::FromUnixSeconds(1000));
  clock.JumpWall(absl::Seconds(-600));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(400));
  EXPECT_EQ(clock.Monotonic(), absl::ZeroDuration());
}

TEST(SystemClockTest, MonotonicTimeNeverGoesBack) {
  absl::Duration last = SystemClock().Monotonic();
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration now = SystemClock().Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace packetboat
