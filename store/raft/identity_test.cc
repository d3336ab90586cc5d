#include "store/raft/identity.h"

#include <memory>

#include "base/random.h"
#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"

namespace packetboat::raft {
namespace {

class IdentityTest : public ::testing::Test {
 protected:
  SeededRandom random_{1};
  kv::FakeDisk log_disk_{kv::Profile::kLog};
  kv::FakeDisk state_disk_{kv::Profile::kState};
  std::unique_ptr<kv::Database> log_ = log_disk_.Open();
  std::unique_ptr<kv::Database> state_ = state_disk_.Open();
};

TEST_F(IdentityTest, IsMadeOnceAndOutlivesACrash) {
  auto made = EnsureIdentity(*log_, "a", random_);
  ASSERT_TRUE(made.ok());
  EXPECT_NE(made->node, NodeId(0));
  log_disk_.Crash();
  log_ = log_disk_.Open();
  auto again = EnsureIdentity(*log_, "a", random_);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->node, made->node);
}

TEST_F(IdentityTest, AFolderOfAnotherClusterIsRefused) {
  ASSERT_TRUE(EnsureIdentity(*log_, "a", random_).ok());
  EXPECT_EQ(EnsureIdentity(*log_, "b", random_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(IdentityTest, BootstrapIsDoneOnce) {
  EXPECT_EQ(Bootstrap(*log_, 4, {NodeId(1)}).code(), absl::StatusCode::kFailedPrecondition);
  const NodeId self = EnsureIdentity(*log_, "a", random_)->node;
  EXPECT_EQ(BeginLife(*log_, *state_).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Bootstrap(*log_, 0, {self}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Bootstrap(*log_, 4, {NodeId(1)}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Bootstrap(*log_, 4, {self, self}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Bootstrap(*log_, 4, {self}).ok());
  EXPECT_EQ(Bootstrap(*log_, 4, {self}).code(), absl::StatusCode::kFailedPrecondition);
  auto life = BeginLife(*log_, *state_);
  ASSERT_TRUE(life.ok());
  EXPECT_EQ(life->shards, 4u);
  EXPECT_EQ(life->starts, 1u);
  EXPECT_EQ(BeginLife(*log_, *state_)->starts, 2u);
}

TEST_F(IdentityTest, LogAndStateOfDifferentNodesAreRefused) {
  const NodeId self = EnsureIdentity(*log_, "a", random_)->node;
  ASSERT_TRUE(Bootstrap(*log_, 1, {self}).ok());
  ASSERT_TRUE(BeginLife(*log_, *state_).ok());

  kv::FakeDisk other_disk(kv::Profile::kLog);
  auto other = other_disk.Open();
  const NodeId stranger = EnsureIdentity(*other, "a", random_)->node;
  ASSERT_TRUE(Bootstrap(*other, 1, {stranger}).ok());
  EXPECT_EQ(BeginLife(*other, *state_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(IdentityTest, ADamagedRecordIsDataLoss) {
  ASSERT_TRUE(EnsureIdentity(*log_, "a", random_).ok());
  ASSERT_TRUE(log_disk_.FlipBit(kv::kLogMeta, "identity", 60));
  EXPECT_EQ(ReadIdentity(*log_).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace packetboat::raft
