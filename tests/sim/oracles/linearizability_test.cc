#include "tests/sim/oracles/linearizability.h"

#include <utility>

#include "gtest/gtest.h"

namespace packetboat::sim {
namespace {

constexpr uint32_t kInbox = 1;
constexpr uint32_t kArchive = 2;

Item In(uint32_t scope, uint64_t id) { return {scope, id}; }

Operation At(int called, int returned) {
  Operation operation;
  operation.called = absl::Milliseconds(called);
  if (returned >= 0) operation.returned = absl::Milliseconds(returned);
  return operation;
}

Operation Add(int called, int returned, std::vector<Item> items) {
  Operation operation = At(called, returned);
  operation.adds = std::move(items);
  return operation;
}

Operation Remove(int called, int returned, std::vector<Item> items) {
  Operation operation = At(called, returned);
  operation.removes = std::move(items);
  return operation;
}

Operation Look(int called, int returned, uint32_t scope, std::set<Item> items) {
  Operation operation = At(called, returned);
  operation.look = {scope, std::move(items)};
  return operation;
}

Verdict::Kind Check(const std::vector<Operation>& history) {
  return CheckLinearizable(history).kind;
}

constexpr auto kGood = Verdict::Kind::kLinearizable;
constexpr auto kBad = Verdict::Kind::kNot;

constexpr int kNever = -1;

TEST(LinearizabilityTest, WhatReturnedIsSeen) {
  const Item m = In(kInbox, 1);
  EXPECT_EQ(Check({Add(0, 10, {m}), Look(20, 30, kInbox, {m})}), kGood);
  EXPECT_EQ(Check({Add(0, 10, {m}), Look(20, 30, kInbox, {})}), kBad) << "a stale read";
}

TEST(LinearizabilityTest, WhatIsUnderWayMayBeSeenOrNot) {
  const Item m = In(kInbox, 1);
  EXPECT_EQ(Check({Add(0, 50, {m}), Look(20, 30, kInbox, {m})}), kGood);
  EXPECT_EQ(Check({Add(0, 50, {m}), Look(20, 30, kInbox, {})}), kGood);
}

TEST(LinearizabilityTest, WhatWasSeenOnceIsSeenAfterwards) {
  const Item m = In(kInbox, 1);
  EXPECT_EQ(Check({Add(0, 90, {m}), Look(20, 30, kInbox, {m}), Look(40, 50, kInbox, {})}), kBad);
  EXPECT_EQ(Check({Add(0, 90, {m}), Look(20, 45, kInbox, {m}), Look(40, 50, kInbox, {})}), kGood)
      << "the looks touch: they may be the other way round";
}

TEST(LinearizabilityTest, ALookBetweenTwoThatAreUnderWayMayNeedTheOneThatReturnsLast) {
  const Item one = In(kInbox, 1);
  const Item two = In(kInbox, 2);
  EXPECT_EQ(Check({Add(0, 90, {one}), Add(10, 30, {two}), Look(5, 50, kInbox, {one})}), kGood);
  EXPECT_EQ(Check({Add(0, 90, {one}), Add(10, 30, {two}), Look(35, 50, kInbox, {one})}), kBad);
}

TEST(LinearizabilityTest, NothingIsSeenBeforeItIsAsked) {
  const Item m = In(kInbox, 1);
  EXPECT_EQ(Check({Look(0, 10, kInbox, {m}), Add(20, 30, {m})}), kBad);
}

TEST(LinearizabilityTest, WhatNeverReturnedMayHappenLateOrNotAtAll) {
  const Item m = In(kInbox, 1);
  EXPECT_EQ(Check({Add(0, kNever, {m}), Look(20, 30, kInbox, {})}), kGood);
  EXPECT_EQ(Check({Add(0, kNever, {m}), Look(20, 30, kInbox, {}), Look(40, 50, kInbox, {m})}),
            kGood);
  EXPECT_EQ(Check({Add(0, kNever, {m}), Look(20, 30, kInbox, {m}), Look(40, 50, kInbox, {})}),
            kBad);
}

TEST(LinearizabilityTest, AMoveIsSeenInBothMailboxesAtOnce) {
  const Item from = In(kInbox, 1);
  const Item to = In(kArchive, 1);
  Operation move = At(20, 60);
  move.saw = {from};
  move.removes = {from};
  move.adds = {to};
  const std::vector<Operation> before = {Add(0, 10, {from}), move};
  const auto with = [&](Operation a, Operation b) {
    std::vector<Operation> history = before;
    history.push_back(std::move(a));
    history.push_back(std::move(b));
    return Check(history);
  };
  EXPECT_EQ(with(Look(30, 35, kInbox, {}), Look(40, 45, kArchive, {to})), kGood);
  EXPECT_EQ(with(Look(30, 35, kInbox, {}), Look(40, 45, kArchive, {})), kBad) << "in neither";
  EXPECT_EQ(with(Look(30, 35, kArchive, {to}), Look(40, 45, kInbox, {from})), kBad) << "in both";
}

TEST(LinearizabilityTest, TwoMovesOfOneMessageDoNotBothFindIt) {
  const Item m = In(kInbox, 1);
  Operation one = Remove(20, 40, {m});
  one.saw = {m};
  Operation two = Remove(30, 50, {m});
  two.saw = {m};
  EXPECT_EQ(Check({Add(0, 10, {m}), one, two}), kBad);
  two.saw.clear();
  two.missed = {m};
  EXPECT_EQ(Check({Add(0, 10, {m}), one, two}), kGood);
}

TEST(LinearizabilityTest, AFlagNeedsItsMessage) {
  const Item m = In(kInbox, 1);
  const Item flag = In(kInbox, 1001);
  Operation store = Add(20, 30, {flag});
  store.only_with = m;
  EXPECT_EQ(Check({Add(0, 10, {m}), store, Look(40, 50, kInbox, {m, flag})}), kGood);
  EXPECT_EQ(Check({Add(0, 10, {m}), store, Look(40, 50, kInbox, {m})}), kBad);
  EXPECT_EQ(Check({Add(0, 10, {m}), Remove(12, 18, {m}), store, Look(40, 50, kInbox, {})}), kGood);
}

TEST(LinearizabilityTest, AFlagGoesWithACopyIfItWasThereBefore) {
  const Item from = In(kInbox, 1);
  const Item to = In(kArchive, 1);
  const Item flag = In(kInbox, 1001);
  const Item copied_flag = In(kArchive, 1001);
  Operation copy = Add(40, 50, {to});
  copy.copies = {{flag, copied_flag}};
  const auto with = [&](int flag_called, int flag_returned, std::set<Item> seen) {
    return Check({Add(0, 10, {from}), Add(flag_called, flag_returned, {flag}), copy,
                  Look(60, 70, kArchive, std::move(seen))});
  };
  EXPECT_EQ(with(20, 30, {to, copied_flag}), kGood);
  EXPECT_EQ(with(20, 30, {to}), kBad) << "the flag was lost on the way";
  EXPECT_EQ(with(52, 55, {to}), kGood);
  EXPECT_EQ(with(52, 55, {to, copied_flag}), kBad) << "flagged after it was copied";
  EXPECT_EQ(with(35, 45, {to}), kGood);
  EXPECT_EQ(with(35, 45, {to, copied_flag}), kGood);
}

TEST(LinearizabilityTest, ARenameOfUnknownOutcomeNeedsTheOneNameAndNotTheOther) {
  const Item one = In(kInbox, 1);
  const Item two = In(kInbox, 2);
  Operation rename = At(20, kNever);
  rename.only_with = one;
  rename.only_without = two;
  rename.removes = {one};
  rename.adds = {two};
  EXPECT_EQ(Check({Add(0, 10, {one}), rename, Look(30, 40, kInbox, {two})}), kGood);
  EXPECT_EQ(Check({Add(0, 10, {one}), rename, Look(30, 40, kInbox, {one})}), kGood);
  EXPECT_EQ(Check({rename, Look(30, 40, kInbox, {two})}), kBad);
  EXPECT_EQ(Check({Add(0, 10, {one}), Add(0, 10, {two}), rename, Look(30, 40, kInbox, {two})}),
            kBad);
}

TEST(LinearizabilityTest, AChainOfUnknownsIsFoundWhenALookNeedsIt) {
  // The message can only be in the archive if the unknown move came before, and that only after the
  // unknown delivery.
  const Item m = In(kInbox, 1);
  const Item moved = In(kArchive, 1);
  Operation move = At(10, kNever);
  move.saw = {m};
  move.removes = {m};
  move.adds = {moved};
  EXPECT_EQ(Check({Add(0, kNever, {m}), move, Look(20, 30, kArchive, {moved})}), kGood);
  EXPECT_EQ(Check({Add(0, kNever, {m}), move, Look(20, 30, kArchive, {moved}),
                   Look(40, 50, kInbox, {m})}),
            kBad);
}

TEST(LinearizabilityTest, ManyUnknownsThatNobodySawCostNothing) {
  std::vector<Operation> history;
  std::set<Item> seen;
  for (int i = 0; i < 200; ++i) {
    history.push_back(Add(10 * i, kNever, {In(kInbox, 10'000 + static_cast<uint64_t>(i))}));
    const Item m = In(kInbox, static_cast<uint64_t>(i));
    history.push_back(Add(10 * i, 10 * i + 3, {m}));
    seen.insert(m);
    history.push_back(Look(10 * i + 4, 10 * i + 8, kInbox, seen));
  }
  EXPECT_EQ(Check(history), kGood);
  history.push_back(Look(5000, 5001, kInbox, {}));
  EXPECT_EQ(Check(history), kBad);
}

TEST(LinearizabilityTest, GivingUpIsSaid) {
  std::vector<Operation> history = {Add(0, 10, {In(kInbox, 1)}), Look(20, 30, kInbox, {})};
  EXPECT_EQ(CheckLinearizable(history, 1).kind, Verdict::Kind::kTooHard);
}

}  // namespace
}  // namespace packetboat::sim
