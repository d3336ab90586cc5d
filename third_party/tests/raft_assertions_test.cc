// Debian's libraft has its assertions compiled out; ours must not.

#include <raft.h>

#include "gtest/gtest.h"

namespace {

TEST(RaftAssertionsDeathTest, ABrokenInvariantStopsTheProcess) {
  raft core{};
  ASSERT_EQ(raft_init(&core, nullptr, nullptr, 1, "here"), 0);
  core.tracer = nullptr;
  raft_event event{};
  EXPECT_DEATH(raft_step(&core, &event, nullptr), "update != NULL");
  raft_close(&core, nullptr);
}

}  // namespace
