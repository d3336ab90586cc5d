#include "store/intake/upload_admission.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace packetboat::store {
namespace {

using ::testing::ElementsAre;

constexpr ShardId kShard{1};

TEST(UploadAdmissionTest, OctetsAreAdmittedUpToTheBoundAndNotOneMore) {
  const auto admission = UploadAdmission::Create({.body_bytes = 100});
  auto first = admission->Admit(kShard, 60);
  auto second = admission->Admit(kShard, 40);
  EXPECT_TRUE(first.has_value() && second.has_value());
  EXPECT_FALSE(admission->Admit(kShard, 1).has_value());
  EXPECT_TRUE(admission->Admit(ShardId(2), 100).has_value()) << "another shard has its own";
  second.reset();
  EXPECT_FALSE(admission->Admit(kShard, 41).has_value());
  EXPECT_TRUE(admission->Admit(kShard, 40).has_value());
}

TEST(UploadAdmissionTest, ABodyBeyondTheBoundIsAdmittedAlone) {
  const auto admission = UploadAdmission::Create({.body_bytes = 100});
  auto small = admission->Admit(kShard, 1);
  EXPECT_FALSE(admission->Admit(kShard, 101).has_value());
  small.reset();
  const auto large = admission->Admit(kShard, 101);
  EXPECT_TRUE(large.has_value());
  EXPECT_FALSE(admission->Admit(kShard, 1).has_value());
}

TEST(UploadAdmissionTest, AsManyChunksAreProposedAtATimeAsAllowedAndTheOthersInOrder) {
  const auto admission = UploadAdmission::Create({.chunks = 2});
  std::vector<int> proposed;
  for (int i = 0; i < 4; ++i) {
    admission->AwaitTurn(kShard, [&proposed, i] { proposed.push_back(i); });
  }
  EXPECT_THAT(proposed, ElementsAre(0, 1));
  admission->ChunkDone(kShard);
  EXPECT_THAT(proposed, ElementsAre(0, 1, 2));
  for (int i = 0; i < 3; ++i) admission->ChunkDone(kShard);
  EXPECT_THAT(proposed, ElementsAre(0, 1, 2, 3));
  admission->AwaitTurn(kShard, [&proposed] { proposed.push_back(4); });
  EXPECT_EQ(proposed.size(), 5U);
}

}  // namespace
}  // namespace packetboat::store
