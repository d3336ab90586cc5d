#include "base/random.h"

#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace packetboat {
namespace {

// Gives back a fixed list of values.
class ListedRandom : public Random {
 public:
  explicit ListedRandom(std::initializer_list<uint64_t> values) : values_(values) {}
  uint64_t Next() override { return values_.at(next_++); }
  size_t taken() const { return next_; }

 private:
  std::vector<uint64_t> values_;
  size_t next_ = 0;
};

TEST(SeededRandomTest, FollowsSplitMix64) {
  // The reference generator's first outputs for seed 1234567.
  SeededRandom random(1234567);
  EXPECT_EQ(random.Next(), 6457827717110365317u);
  EXPECT_EQ(random.Next(), 3203168211198807973u);
  EXPECT_EQ(random.Next(), 9817491932198370423u);
}

TEST(SeededRandomTest, EqualSeedsGiveEqualSequencesAndOthersDoNot) {
  SeededRandom a(1), b(1), c(2);
  EXPECT_EQ(a.Bytes(64), b.Bytes(64));
  EXPECT_NE(a.Bytes(64), c.Bytes(64));
}

TEST(RandomTest, BelowStaysBelowItsBoundAndReachesEveryValue) {
  SeededRandom random(7);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.Below(10));
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(*seen.rbegin(), 9u);
  EXPECT_EQ(random.Below(1), 0u);
}

TEST(RandomTest, BelowDropsValuesThatWouldFavourSmallResults) {
  // 2^64 mod 10 is 6: the values 0 to 5 belong to an incomplete group of ten.
  ListedRandom random({5, 6});
  EXPECT_EQ(random.Below(10), 6u);
  EXPECT_EQ(random.taken(), 2u);
}

TEST(RandomTest, BytesHasTheLengthAskedFor) {
  SeededRandom random(7);
  for (size_t n : {0, 1, 7, 8, 9, 17}) EXPECT_EQ(random.Bytes(n).size(), n);
}

TEST(SystemRandomTest, DoesNotRepeat) {
  EXPECT_NE(SystemRandom().Bytes(16), SystemRandom().Bytes(16));
}

}  // namespace
}  // namespace packetboat
