#include "mail/imap/sequence_set.h"

#include <set>
#include <string>

#include "base/random.h"
#include "gtest/gtest.h"

namespace packetboat::imap {
namespace {

SequenceSet Parsed(absl::string_view text) {
  const std::optional<SequenceSet> set = SequenceSet::Parse(text, 100);
  EXPECT_TRUE(set.has_value()) << text;
  return set.value_or(SequenceSet());
}

std::string Resolved(absl::string_view text, uint32_t largest) {
  return Parsed(text).Resolve(largest).ToString();
}

TEST(SequenceSet, IsGivenBackAsWritten) {
  for (const char* text : {"1", "*", "1:3", "3:1", "*:4", "2,4:7,9,12:*", "4294967295"}) {
    EXPECT_EQ(Parsed(text).ToString(), text);
  }
}

TEST(SequenceSet, RefusesWhatTheGrammarDoes) {
  for (const char* text : {"", "0", "01", "1,", ",1", "1::2", "1:", ":1", "1:2:3", "a", "1 2", "-1",
                           "**", "4294967296", "99999999999999999999", "1:0"}) {
    EXPECT_FALSE(SequenceSet::Parse(text, 100).has_value()) << text;
  }
}

TEST(SequenceSet, RangeLimit) {
  EXPECT_TRUE(SequenceSet::Parse("1,2:3,*", 3).has_value());
  EXPECT_FALSE(SequenceSet::Parse("1,2:3,*,4", 3).has_value());
}

// RFC 3501 s9, seq-number, sequence-set: "2,4:7,9,12:* => 2,4,5,6,7,9,12,13,14,15" with 15
// messages, and "*:4,5:7 => 10,9,8,7,6,5,4,5,6,7" with 10.
TEST(SequenceSet, ResolvesTheExamplesOfTheRfc) {
  EXPECT_EQ(Resolved("2,4:7,9,12:*", 15), "2,4:7,9,12:15");
  EXPECT_EQ(Resolved("*:4,5:7", 10), "4:10");
}

// RFC 3501 s6.4.8: a UID range with * always holds the last message.
TEST(SequenceSet, RangeBeyondTheLargestIsTheLargest) {
  EXPECT_EQ(Resolved("559:*", 100), "100");
  EXPECT_EQ(Resolved("*:559", 100), "100");
  EXPECT_EQ(Resolved("100:*", 100), "100");
  EXPECT_EQ(Resolved("*", 100), "100");
}

TEST(SequenceSet, StarOfNothingIsNothing) {
  EXPECT_EQ(Resolved("*", 0), "");
  EXPECT_EQ(Resolved("1:*,7", 0), "7");
}

TEST(SequenceSet, HugeRangesCostNothing) {
  const NumberSet all = Parsed("1:4294967295").Resolve(5);
  EXPECT_EQ(all.ranges().size(), 1u);
  EXPECT_EQ(all.Count(), 4294967295u);
  EXPECT_TRUE(all.Contains(4294967295u));
}

TEST(SequenceSet, LargestNumberLeavesOutRangesWithStar) {
  EXPECT_EQ(Parsed("3,9:5").largest_number(), 9u);
  EXPECT_EQ(Parsed("3,9:*").largest_number(), 3u);
  EXPECT_TRUE(Parsed("3,9:*").has_star());
  EXPECT_EQ(Parsed("*").largest_number(), 0u);
}

TEST(NumberSet, JoinsWhatOverlapsOrTouches) {
  EXPECT_EQ(NumberSet::FromRanges({{5, 7}, {1, 2}, {3, 3}, {7, 9}, {12, 12}}).ToString(),
            "1:3,5:9,12");
  NumberSet set;
  for (const uint32_t number : {7u, 3u, 5u, 4u, 9u, 1u, 8u}) set.Add(number);
  EXPECT_EQ(set.ToString(), "1,3:5,7:9");
  set.AddRange(2, 100);
  EXPECT_EQ(set.ToString(), "1:100");
}

TEST(NumberSet, BothEndsOfTheNumbers) {
  NumberSet set;
  set.Add(UINT32_MAX);
  set.Add(UINT32_MAX - 1);
  set.AddRange(1, UINT32_MAX);
  EXPECT_EQ(set.ToString(), "1:4294967295");
  EXPECT_EQ(NumberSet::FromRanges({{UINT32_MAX, UINT32_MAX}, {1, UINT32_MAX}}).ranges().size(), 1u);
  EXPECT_EQ(set.Subtract(NumberSet::FromRanges({{1, 1}, {UINT32_MAX, UINT32_MAX}})).ToString(),
            "2:4294967294");
  EXPECT_TRUE(set.Subtract(set).empty());
}

// Against std::set, which has the same elements one by one.
TEST(NumberSet, AgreesWithASetOfNumbers) {
  constexpr uint32_t kLargest = 40;
  const auto numbers_of = [](const NumberSet& set) {
    std::set<uint32_t> numbers;
    for (uint32_t n = 0; n <= kLargest + 1; ++n) {
      if (set.Contains(n)) numbers.insert(n);
    }
    EXPECT_EQ(numbers.size(), set.Count());
    for (size_t i = 1; i < set.ranges().size(); ++i) {
      EXPECT_GT(set.ranges()[i].first, set.ranges()[i - 1].last + 1);
    }
    return numbers;
  };
  SeededRandom random(1);
  const auto number = [&] { return static_cast<uint32_t>(random.Below(kLargest)) + 1; };
  for (int round = 0; round < 2000; ++round) {
    NumberSet a, b;
    std::set<uint32_t> plain_a, plain_b, both, only_a;
    for (int i = 0; i < round % 12; ++i) {
      uint32_t first = number(), last = number();
      if (first > last) std::swap(first, last);
      NumberSet& set = i % 2 == 0 ? a : b;
      std::set<uint32_t>& plain = i % 2 == 0 ? plain_a : plain_b;
      if (i % 3 == 0) last = first;
      set.AddRange(first, last);
      for (uint32_t n = first; n <= last; ++n) plain.insert(n);
    }
    for (const uint32_t n : plain_a) (plain_b.count(n) > 0 ? both : only_a).insert(n);
    ASSERT_EQ(numbers_of(a), plain_a) << round;
    ASSERT_EQ(numbers_of(a.Intersect(b)), both) << round;
    ASSERT_EQ(numbers_of(a.Subtract(b)), only_a) << round;
  }
}

}  // namespace
}  // namespace packetboat::imap
