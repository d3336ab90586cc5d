#include "base/thread_pool.h"

#include <atomic>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace packetboat {
namespace {

TEST(ThreadPoolTest, QueueIsBoundedAndWhatWasTakenRuns) {
  std::atomic<int> ran = 0;
  absl::Notification go;
  absl::Notification busy;
  {
    ThreadPool pool(1, 2);
    ASSERT_TRUE(pool.Submit([&] {
      busy.Notify();
      go.WaitForNotification();
      ++ran;
    }));
    busy.WaitForNotification();
    EXPECT_TRUE(pool.Submit([&] { ++ran; }));
    EXPECT_TRUE(pool.Submit([&] { ++ran; }));
    EXPECT_FALSE(pool.Submit([&] { ++ran; }));
    go.Notify();
  }
  EXPECT_EQ(ran, 3);
}

}  // namespace
}  // namespace packetboat
