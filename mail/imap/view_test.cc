#include "mail/imap/view.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace packetboat::imap {
namespace {

MessageState State(uint32_t uid, uint64_t modseq, uint8_t system = 0,
                   std::vector<std::string> keywords = {}) {
  MessageState state;
  state.uid = Uid(uid);
  state.modseq = ModSeq(modseq);
  state.flags.system = system;
  state.flags.keywords = std::move(keywords);
  return state;
}

constexpr auto kSeenBit = static_cast<uint8_t>(SystemFlag::kSeen);
constexpr auto kFlaggedBit = static_cast<uint8_t>(SystemFlag::kFlagged);

SyncResult Page(std::vector<MessageState> changed, std::vector<uint32_t> expunged = {}) {
  SyncResult page;
  page.changed = std::move(changed);
  for (const uint32_t uid : expunged) page.expunged.Add(uid);
  return page;
}

// UIDs 10, 20, 30, all told.
View ThreeMessages() {
  View view;
  view.Apply(Page({State(10, 1), State(20, 2), State(30, 3)}));
  view.TakeUpdates(true);
  return view;
}

SequenceSet Set(absl::string_view text) { return *SequenceSet::Parse(text, 100); }

TEST(View, NumbersAndUidsMeanEachOther) {
  const View view = ThreeMessages();
  EXPECT_EQ(view.size(), 3u);
  EXPECT_EQ(view.UidOf(SeqNum(2)), Uid(20));
  EXPECT_EQ(view.NumberOf(Uid(30)), SeqNum(3));
  EXPECT_EQ(view.NumberOf(Uid(25)), SeqNum());
  EXPECT_EQ(view.NumberOf(Uid(31)), SeqNum());
}

TEST(View, NumberAboveExistsIsAnError) {
  const View view = ThreeMessages();
  EXPECT_EQ(view.ResolveNumbers(Set("1:3"))->ToString(), "1:3");
  EXPECT_EQ(view.ResolveNumbers(Set("*"))->ToString(), "3");
  EXPECT_FALSE(view.ResolveNumbers(Set("4")).has_value());
  EXPECT_FALSE(view.ResolveNumbers(Set("2:4")).has_value());
}

TEST(View, UidsThatNameNothingAreIgnored) {
  const View view = ThreeMessages();
  EXPECT_EQ(view.ResolveUids(Set("1:15,25,30")).ToString(), "1,3");
  EXPECT_EQ(view.ResolveUids(Set("31:*")).ToString(), "3");  // RFC 3501 s6.4.8
  EXPECT_EQ(view.ResolveUids(Set("4294967295")).ToString(), "");
  EXPECT_EQ(View().ResolveUids(Set("1:*")).ToString(), "");
  EXPECT_EQ(View().ResolveNumbers(Set("*"))->ToString(), "");
}

TEST(View, ExpungedMessageKeepsItsNumberUntilToldSo) {
  View view = ThreeMessages();
  view.Apply(Page({}, {20}));
  EXPECT_FALSE(view.HasUpdates(false));
  EXPECT_TRUE(view.TakeUpdates(false).expunged.empty());
  EXPECT_EQ(view.NumberOf(Uid(30)), SeqNum(3));
  EXPECT_TRUE(view.IsExpunged(SeqNum(2)));
  NumberSet all;
  all.AddRange(1, 3);
  EXPECT_EQ(view.UidsOf(all), (std::vector<Uid>{Uid(10), Uid(30)}));
  EXPECT_EQ(view.TakeUpdates(true).expunged, std::vector<SeqNum>{SeqNum(2)});
  EXPECT_EQ(view.NumberOf(Uid(30)), SeqNum(2));
}

TEST(View, ExpungeIsToldFromTheEnd) {
  View view = ThreeMessages();
  view.Apply(Page({}, {10, 30}));
  const View::Updates updates = view.TakeUpdates(true);
  EXPECT_EQ(updates.expunged, (std::vector<SeqNum>{SeqNum(3), SeqNum(1)}));
  EXPECT_FALSE(updates.exists.has_value());  // EXPUNGE has said it
  EXPECT_EQ(view.size(), 1u);
}

TEST(View, MessageThatCameAndWentIsNeverTold) {
  View view = ThreeMessages();
  view.Apply(Page({State(40, 4)}));
  view.Apply(Page({}, {40}));
  const View::Updates updates = view.TakeUpdates(true);
  EXPECT_TRUE(updates.expunged.empty());
  EXPECT_FALSE(updates.exists.has_value());
}

TEST(View, WhatAMailboxNoLongerHasIsGone) {
  View view = ThreeMessages();
  UidSet present;
  present.AddRange(15, 25);
  view.ExpungeAllBut(present);
  EXPECT_EQ(view.TakeUpdates(true).expunged, (std::vector<SeqNum>{SeqNum(3), SeqNum(1)}));
}

TEST(View, PagesThatRepeatWhatIsKnownChangeNothing) {
  View view = ThreeMessages();
  view.Apply(Page({State(10, 1, kSeenBit), State(20, 2), State(30, 3)}));
  EXPECT_FALSE(view.HasUpdates(true));
  EXPECT_FALSE(view.Has(SeqNum(1), SystemFlag::kSeen));
}

TEST(View, ChangedFlagsAreToldOnce) {
  View view = ThreeMessages();
  view.Apply(Page({State(20, 4, kSeenBit)}));
  view.Apply(Page({State(20, 5, kSeenBit | kFlaggedBit)}));
  EXPECT_EQ(view.TakeUpdates(false).flags, std::vector<SeqNum>{SeqNum(2)});
  EXPECT_FALSE(view.HasUpdates(true));
}

TEST(View, SilentChangeOwesNothingUnlessTheResultIsAnother) {
  View view = ThreeMessages();
  FlagSet seen;
  seen.Add(SystemFlag::kSeen);
  view.ApplyOwnChange(State(10, 4, kSeenBit), FlagChange::kAdd, seen, View::Answer::kNothing);
  EXPECT_FALSE(view.HasUpdates(true));
  view.ApplyOwnChange(State(20, 5, kSeenBit | kFlaggedBit), FlagChange::kAdd, seen,
                      View::Answer::kNothing);
  EXPECT_EQ(view.TakeUpdates(false).flags, std::vector<SeqNum>{SeqNum(2)});
  view.ApplyOwnChange(State(30, 3), FlagChange::kRemove, seen, View::Answer::kFlags);
  EXPECT_EQ(view.TakeUpdates(false).flags, std::vector<SeqNum>{SeqNum(3)});
}

// RFC 7162 s3.1: only a client that knows mod-sequences hears of one alone.
TEST(View, ModSeqThatChangedAloneIsToldToWhoKnowsIt) {
  View view = ThreeMessages();
  view.Apply(Page({State(20, 4)}));
  EXPECT_FALSE(view.HasUpdates(true));
  view.TellModSeqs();
  view.Apply(Page({State(20, 5)}));
  const View::Updates updates = view.TakeUpdates(false);
  EXPECT_TRUE(updates.flags.empty());
  EXPECT_EQ(updates.modseqs, std::vector<SeqNum>{SeqNum(2)});
  EXPECT_FALSE(view.HasUpdates(true));
}

TEST(View, FlagsThatAreOwedTellTheModSeqToo) {
  View view = ThreeMessages();
  view.TellModSeqs();
  view.Apply(Page({State(20, 4)}));
  view.Apply(Page({State(20, 5, kSeenBit)}));
  view.Apply(Page({State(20, 6, kSeenBit)}));
  const View::Updates updates = view.TakeUpdates(false);
  EXPECT_EQ(updates.flags, std::vector<SeqNum>{SeqNum(2)});
  EXPECT_TRUE(updates.modseqs.empty());
}

TEST(View, SilentChangeOwesTheModSeqToWhoKnowsIt) {
  View view = ThreeMessages();
  FlagSet seen;
  seen.Add(SystemFlag::kSeen);
  view.ApplyOwnChange(State(10, 4, kSeenBit), FlagChange::kAdd, seen, View::Answer::kModSeq);
  EXPECT_FALSE(view.HasUpdates(true));
  view.TellModSeqs();
  view.ApplyOwnChange(State(20, 5, kSeenBit), FlagChange::kAdd, seen, View::Answer::kModSeq);
  EXPECT_EQ(view.TakeUpdates(false).modseqs, std::vector<SeqNum>{SeqNum(2)});
}

// RFC 7162 s3.2.10: VANISHED names the same messages as EXPUNGE.
TEST(View, VanishedNamesWhatExpungeDoes) {
  View view = ThreeMessages();
  view.Apply(Page({State(40, 4), State(50, 5)}));
  view.Apply(Page({}, {10, 20, 50}));
  const View::Updates updates = view.TakeUpdates(true);
  EXPECT_EQ(updates.vanished.ToString(), "10,20");
  EXPECT_EQ(updates.expunged, (std::vector<SeqNum>{SeqNum(2), SeqNum(1)}));
  EXPECT_EQ(view.AllUids().ToString(), "30,40");
}

// A client that comes back with HIGHESTMODSEQ must not miss what it was not told.
TEST(View, HighestModSeqStaysBelowAnExpungeThatWaits) {
  View view = ThreeMessages();
  view.set_synced(ModSeq(3));
  view.TakeUpdates(true);
  EXPECT_EQ(view.told(), ModSeq(3));
  view.Apply(Page({}, {20}));
  view.set_synced(ModSeq(4));
  view.TakeUpdates(false);
  EXPECT_EQ(view.told(), ModSeq(3));
  view.TakeUpdates(true);
  EXPECT_EQ(view.told(), ModSeq(4));
}

TEST(View, KeywordsAreToldWhenTheyAreNewAndKeepTheirSpelling) {
  View view = ThreeMessages();
  view.Apply(Page({State(10, 4, 0, {"Work"})}));
  EXPECT_TRUE(view.TakeUpdates(false).keywords);
  EXPECT_EQ(view.SpellingOf("WORK"), "Work");
  EXPECT_TRUE(view.HasKeyword(SeqNum(1), "work"));
  view.Apply(Page({State(20, 5, 0, {"Work"})}));
  EXPECT_FALSE(view.TakeUpdates(false).keywords);
}

// Sets of keywords that nobody has any more do not stay for ever.
TEST(View, KeywordSetsAreReused) {
  View view = ThreeMessages();
  uint64_t modseq = 10;
  for (int i = 0; i < 70'000; ++i) {
    const std::string first = "k" + std::to_string(i % 400);
    const std::string second = "l" + std::to_string(i / 400);
    view.Apply(Page({State(10, ++modseq, 0, {first, second})}));
  }
  EXPECT_TRUE(view.HasKeyword(SeqNum(1), "l174"));
  EXPECT_TRUE(view.FlagsOf(SeqNum(2)).keywords.empty());
}

}  // namespace
}  // namespace packetboat::imap
