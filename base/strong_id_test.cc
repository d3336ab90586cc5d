#include "base/strong_id.h"

#include <sstream>
#include <type_traits>
#include <unordered_set>

#include "absl/hash/hash_testing.h"
#include "base/ids.h"
#include "gtest/gtest.h"

namespace packetboat {
namespace {

TEST(StrongIdTest, StartsAtZero) { EXPECT_EQ(Uid().value(), 0u); }

TEST(StrongIdTest, DifferentKindsDoNotMix) {
  static_assert(!std::is_convertible_v<Uid, SeqNum>);
  static_assert(!std::is_convertible_v<Uid, uint32_t>);
  static_assert(!std::is_convertible_v<uint32_t, Uid>);
  static_assert(!std::is_constructible_v<Uid, UidValidity>);
}

TEST(StrongIdTest, IsOrderedByValue) {
  EXPECT_LT(ModSeq(1), ModSeq(2));
  EXPECT_EQ(ModSeq(2), ModSeq(2));
  EXPECT_GT(ModSeq(UINT64_MAX), ModSeq(0));
}

TEST(StrongIdTest, HashesByValue) {
  EXPECT_TRUE(
      absl::VerifyTypeImplementsAbslHashCorrectly({NodeId(), NodeId(1), NodeId(UINT64_MAX)}));
  EXPECT_EQ(std::unordered_set<NodeId>({NodeId(7), NodeId(7), NodeId(8)}).size(), 2u);
}

TEST(StrongIdTest, PrintsItsValue) {
  std::ostringstream out;
  out << ShardId(16);
  EXPECT_EQ(out.str(), "16");
}

}  // namespace
}  // namespace packetboat
