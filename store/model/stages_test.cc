#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/model/audit.h"
#include "store/model/limits.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {
namespace {

using entry::Result;
using ::testing::Each;
using ::testing::IsEmpty;

constexpr uint64_t kAlice = 7;
constexpr uint32_t kMany = 2500;

entry::Entry Stage(uint64_t stage, MailboxId source, const Range& uids, bool move,
                   const char* destination = "Archive") {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  entry::StageCopy& command = *entry.mutable_stage_copy();
  command.set_account(kAlice);
  command.set_stage(stage);
  if (stage == 0) {
    command.set_source(source.value());
    command.set_destination(destination);
    command.set_move(move);
  }
  command.add_uids()->set_first(uids.first);
  command.mutable_uids(0)->set_last(uids.last);
  return entry;
}

entry::Entry Finish(uint64_t stage) {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  entry.mutable_finish_copy()->set_account(kAlice);
  entry.mutable_finish_copy()->set_stage(stage);
  return entry;
}

entry::Entry Unfold(uint32_t max_messages) {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  entry.mutable_unfold()->set_max_messages(max_messages);
  return entry;
}

class Stages : public ::testing::Test {
 protected:
  Stages() {
    for (uint32_t i = 1; i <= kMany; ++i) {
      shard_.Apply(Deliver({kAlice}, Whole(absl::StrCat("message ", i))));
    }
    inbox_ = Open(shard_, kAlice, "INBOX").info().id;
    archive_ = Open(shard_, kAlice, "Archive").info().id;
  }

  ~Stages() override { EXPECT_THAT(Must(Audit(shard_.database(), shard_.id())), IsEmpty()); }

  // Everything but the final entry.
  uint64_t StageAll(bool move) {
    uint64_t stage = 0;
    for (const Range& piece : {Range{1, 1000}, Range{1001, 2000}, Range{2001, 2500}}) {
      const Result result = shard_.Apply(Stage(stage, inbox_, piece, move));
      EXPECT_EQ(result.outcome(), Result::OK);
      stage = result.stage().stage();
    }
    return stage;
  }

  void ExpectArchiveHoldsAll() {
    const MailboxReader archive = Open(shard_, kAlice, "Archive");
    std::vector<uint32_t> all(kMany);
    std::iota(all.begin(), all.end(), 1);
    EXPECT_EQ(Uids(archive), all);
    EXPECT_EQ(archive.status().messages, kMany);
    EXPECT_EQ(Text(shard_, archive, 1234), "Delivered-To: 7\r\nmessage 1234");
  }

  Shard shard_;
  MailboxId inbox_;
  MailboxId archive_;
};

TEST_F(Stages, ACopyOfManyBecomesVisibleByOneEntry) {
  const ModSeq before = Open(shard_, kAlice, "Archive").status().highest_modseq;
  const uint64_t stage = StageAll(false);
  EXPECT_THAT(Uids(Open(shard_, kAlice, "Archive")), IsEmpty());
  EXPECT_EQ(Must(shard_.reader().FindAccount(AccountId(kAlice)))->messages, kMany);
  const Result result = shard_.Apply(Finish(stage));
  ASSERT_EQ(result.outcome(), Result::OK);
  EXPECT_EQ(result.copy().first_uid(), 1u);
  EXPECT_EQ(result.copy().count(), kMany);
  ExpectArchiveHoldsAll();
  EXPECT_EQ(Must(shard_.reader().FindAccount(AccountId(kAlice)))->messages, 2 * kMany);
  const MailboxReader archive = Open(shard_, kAlice, "Archive");
  EXPECT_EQ(Must(archive.ChangedSince(before, Uid(0), 10000)).messages.size(), kMany);
  EXPECT_THAT(Must(archive.ChangedSince(archive.status().highest_modseq, Uid(0), 10000)).messages,
              IsEmpty());
}

TEST_F(Stages, AMoveOfManyLeavesTheSourceByTheSameEntry) {
  const ModSeq before = Open(shard_, kAlice, "INBOX").status().highest_modseq;
  const uint64_t stage = StageAll(true);
  EXPECT_EQ(Uids(Open(shard_, kAlice, "INBOX")).size(), kMany);
  EXPECT_EQ(shard_.Apply(Finish(stage)).outcome(), Result::OK);
  ExpectArchiveHoldsAll();
  const MailboxReader inbox = Open(shard_, kAlice, "INBOX");
  EXPECT_THAT(Uids(inbox), IsEmpty());
  EXPECT_EQ(inbox.status().messages, 0u);
  EXPECT_THAT(Must(inbox.ExpungedSince(before)).uids,
              ::testing::ElementsAre(UidRange{Uid(1), Uid(kMany)}));
  EXPECT_EQ(Must(shard_.reader().FindAccount(AccountId(kAlice)))->messages, kMany);
}

TEST_F(Stages, UnfoldingChangesNothingThatAnybodySees) {
  const ModSeq before = Open(shard_, kAlice, "INBOX").status().highest_modseq;
  shard_.Apply(Finish(StageAll(true)));
  const std::vector<MessageState> folded = Messages(Open(shard_, kAlice, "Archive"));
  const MailboxStatus status = Open(shard_, kAlice, "Archive").status();
  bool more = true;
  while (more) {
    const Result result = shard_.Apply(Unfold(700));
    ASSERT_EQ(result.outcome(), Result::OK);
    EXPECT_LE(result.sweep().removed(), 700u);
    more = result.sweep().more();
    EXPECT_TRUE(Messages(Open(shard_, kAlice, "Archive")) == folded);
    EXPECT_TRUE(Open(shard_, kAlice, "Archive").status() == status);
    EXPECT_THAT(Uids(Open(shard_, kAlice, "INBOX")), IsEmpty());
    EXPECT_THAT(Must(Open(shard_, kAlice, "INBOX").ExpungedSince(before)).uids,
                ::testing::ElementsAre(UidRange{Uid(1), Uid(kMany)}));
  }
  EXPECT_FALSE(Must(shard_.reader().ReadHousekeeping()).unfold);
}

TEST_F(Stages, ADeliveryBetweenStagingAndTheFinalEntryComesFirst) {
  const uint64_t stage = StageAll(false);
  const Result appended = shard_.Apply(Append(kAlice, "Archive", "in between"));
  EXPECT_EQ(appended.append().uid(), 1u);
  EXPECT_EQ(shard_.Apply(Finish(stage)).copy().first_uid(), 2u);
  EXPECT_EQ(shard_.Apply(Append(kAlice, "Archive", "behind")).append().uid(), kMany + 2);
  const MailboxReader archive = Open(shard_, kAlice, "Archive");
  EXPECT_EQ(Text(shard_, archive, 2), "Delivered-To: 7\r\nmessage 1");
  EXPECT_EQ(Text(shard_, archive, kMany + 2), "behind");
}

TEST_F(Stages, MessagesOfASegmentChangeAndGoLikeOthers) {
  shard_.Apply(Finish(StageAll(false)));
  EXPECT_EQ(shard_.Apply(AddFlags(kAlice, archive_, {{5, 6}}, kSeen)).store_flags().changed_size(),
            1);
  shard_.Apply(Expunge(kAlice, archive_, {{7, 8}}));
  EXPECT_EQ(shard_.Apply(Copy(kAlice, archive_, {{4, 9}}, "Trash")).copy().count(), 4u);
  const MailboxReader archive = Open(shard_, kAlice, "Archive");
  EXPECT_EQ(archive.status().messages, kMany - 2);
  EXPECT_EQ(archive.status().unseen, kMany - 4);
  EXPECT_FALSE(Must(archive.State(Uid(7))).has_value());
  EXPECT_EQ(Must(archive.State(Uid(6)))->system, static_cast<uint32_t>(kSeen));
  EXPECT_EQ(Text(shard_, Open(shard_, kAlice, "Trash"), 4), "Delivered-To: 7\r\nmessage 9");
}

TEST_F(Stages, AMoveIsGivenUpAsAWholeWhenSomethingChangesOneOfItsMessages) {
  const uint64_t stage = StageAll(true);
  EXPECT_EQ(shard_.Apply(AddFlags(kAlice, inbox_, {{1777, 1777}}, kFlagged)).outcome(), Result::OK);
  EXPECT_EQ(shard_.Apply(Finish(stage)).outcome(), Result::IN_USE);
  EXPECT_EQ(Uids(Open(shard_, kAlice, "INBOX")).size(), kMany);
  EXPECT_THAT(Uids(Open(shard_, kAlice, "Archive")), IsEmpty());
  // The next one does it.
  EXPECT_EQ(shard_.Apply(Finish(StageAll(true))).outcome(), Result::OK);
  ExpectArchiveHoldsAll();
}

TEST_F(Stages, ADroppedStageLeavesNothingBehind) {
  const uint64_t stage = StageAll(true);
  entry::Entry drop;
  drop.set_version(kEntryVersion);
  drop.mutable_drop_stage()->set_account(kAlice);
  drop.mutable_drop_stage()->set_stage(stage);
  EXPECT_EQ(shard_.Apply(drop).outcome(), Result::OK);
  EXPECT_EQ(shard_.Apply(Finish(stage)).outcome(), Result::NOT_FOUND);
  entry::Entry purge;
  purge.set_version(kEntryVersion);
  purge.mutable_purge()->set_max_messages(1000);
  while (shard_.Apply(purge).sweep().more()) continue;
  EXPECT_EQ(Uids(Open(shard_, kAlice, "INBOX")).size(), kMany);
  EXPECT_FALSE(Must(shard_.reader().ReadHousekeeping()).purge);
}

TEST_F(Stages, AStageIsDroppedForIdlenessOnlyAfterAWhile) {
  const uint64_t stage = shard_.Apply(Stage(0, inbox_, {1, 10}, false)).stage().stage();
  entry::Entry drop;
  drop.set_version(kEntryVersion);
  drop.mutable_drop_stage()->set_idle_since_us(shard_.now_us() + int64_t{3600} * 1000 * 1000);
  shard_.Apply(drop);
  EXPECT_EQ(shard_.Apply(Stage(stage, inbox_, {11, 20}, false)).outcome(), Result::OK);
  shard_.Advance(absl::Microseconds(kStageIdleUs));
  shard_.Apply(drop);
  EXPECT_EQ(shard_.Apply(Stage(stage, inbox_, {21, 30}, false)).outcome(), Result::NOT_FOUND);
}

TEST_F(Stages, AMailboxHoldsNoMoreThanSoManySegments) {
  for (int i = 0; i < kMaxFoldedPerMailbox; ++i) {
    const uint64_t stage = shard_.Apply(Stage(0, inbox_, {1, 1}, false)).stage().stage();
    EXPECT_EQ(shard_.Apply(Finish(stage)).outcome(), Result::OK);
  }
  const uint64_t stage = shard_.Apply(Stage(0, inbox_, {1, 1}, false)).stage().stage();
  EXPECT_EQ(shard_.Apply(Finish(stage)).outcome(), Result::IN_USE);
  shard_.Apply(Unfold(1000));
  EXPECT_EQ(shard_.Apply(Finish(stage)).outcome(), Result::OK);
}

TEST_F(Stages, SurviveTheirDestinationsDeletion) {
  shard_.Apply(Finish(StageAll(true)));
  shard_.Apply(Unfold(100));
  EXPECT_EQ(shard_.Apply(DeleteMailbox(kAlice, "Archive")).outcome(), Result::OK);
  EXPECT_THAT(Uids(Open(shard_, kAlice, "INBOX")), IsEmpty());
  while (shard_.Apply(Unfold(1000)).sweep().more()) continue;
  entry::Entry purge;
  purge.set_version(kEntryVersion);
  purge.mutable_purge()->set_max_messages(1000);
  while (shard_.Apply(purge).sweep().more()) continue;
  EXPECT_THAT(Uids(Open(shard_, kAlice, "INBOX")), IsEmpty());
  EXPECT_EQ(Must(shard_.reader().FindAccount(AccountId(kAlice)))->messages, 0u);
}

}  // namespace
}  // namespace packetboat::model::testing
