#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/model/limits.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {
namespace {

using entry::Result;
using One = entry::DeliverResult::One;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kAlice = 7;
constexpr uint64_t kBob = 8;

TEST(Accounts, HaveSixMailboxesWithTheirUsesFromTheStart) {
  Shard shard;
  EXPECT_EQ(shard.Apply(CreateAccount(kAlice)).outcome(), Result::OK);
  std::vector<std::pair<std::string, SpecialUse>> found;
  for (const MailboxInfo& info : Must(shard.reader().Mailboxes(AccountId(kAlice)))) {
    EXPECT_TRUE(info.selectable);
    found.emplace_back(info.name, info.special_use);
  }
  EXPECT_THAT(
      found,
      ElementsAre(std::pair("Archive", SpecialUse::kArchive),
                  std::pair("Drafts", SpecialUse::kDrafts), std::pair("INBOX", SpecialUse::kNone),
                  std::pair("Junk", SpecialUse::kJunk), std::pair("Sent", SpecialUse::kSent),
                  std::pair("Trash", SpecialUse::kTrash)));
  EXPECT_THAT(Must(shard.reader().Subscriptions(AccountId(kAlice))),
              ElementsAre("Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"));
}

TEST(Deliver, MakesAMessageVisibleOctetForOctet) {
  Shard shard;
  shard.Apply(CreateAccount(kAlice));
  const Result result = shard.Apply(Deliver({kAlice}, Whole("Subject: hi\r\n\r\nho\r\n")));
  ASSERT_EQ(result.outcome(), Result::OK);
  const One& one = result.deliver().recipients(0);
  EXPECT_EQ(one.outcome(), One::DELIVERED);
  EXPECT_EQ(one.uid(), 1u);
  const MailboxReader inbox = Open(shard, kAlice, "inbox");
  EXPECT_EQ(inbox.info().id.value(), one.mailbox());
  EXPECT_EQ(inbox.status().uid_validity.value(), one.uid_validity());
  EXPECT_EQ(inbox.status().highest_modseq.value(), one.modseq());
  EXPECT_EQ(inbox.status().uid_next, Uid(2));
  EXPECT_EQ(inbox.status().unseen, 1u);
  EXPECT_EQ(Text(shard, inbox, 1), "Delivered-To: 7\r\nSubject: hi\r\n\r\nho\r\n");
  EXPECT_EQ(inbox.status().octets, Text(shard, inbox, 1).size());
}

TEST(Deliver, CreatesAnAccountThatOnlyTheDirectoryKnows) {
  Shard shard;
  const Result result = shard.Apply(Deliver({kAlice}, Whole("x")));
  EXPECT_EQ(result.deliver().recipients(0).outcome(), One::DELIVERED);
  EXPECT_EQ(Must(shard.reader().Mailboxes(AccountId(kAlice))).size(), 6u);
}

TEST(Deliver, AddsNothingForAKeyThatItKnowsEvenAfterTheCopyWasExpunged) {
  Shard shard;
  const Result first = shard.Apply(Deliver({kAlice}, Whole("x")));
  const MailboxId inbox(first.deliver().recipients(0).mailbox());
  shard.Apply(Expunge(kAlice, inbox, {{1, 1}}));
  const Result again = shard.Apply(Deliver({kAlice}, Whole("x")));
  EXPECT_EQ(again.deliver().recipients(0).outcome(), One::DUPLICATE);
  EXPECT_EQ(again.deliver().recipients(0).uid(), 1u);
  EXPECT_THAT(Uids(Open(shard, kAlice, "INBOX")), IsEmpty());
}

TEST(Deliver, AssemblesABodyFromChunks) {
  Shard shard;
  shard.Apply(Chunk(std::string(kMaxChunkBytes, 'a')));
  const RaftIndex first = shard.last_index();
  shard.Apply(Chunk("bcd"));
  const RaftIndex second = shard.last_index();
  const Result result =
      shard.Apply(Deliver({kAlice, kBob}, Chunks({first, second}, kMaxChunkBytes + 3)));
  ASSERT_EQ(result.outcome(), Result::OK);
  const MailboxReader inbox = Open(shard, kBob, "INBOX");
  const MessageInfo info = **inbox.Info(Uid(1));
  EXPECT_EQ(info.size(), info.prefix.size() + kMaxChunkBytes + 3);
  EXPECT_EQ(*shard.reader().ReadMessage(info, info.prefix.size() + kMaxChunkBytes - 1, 10), "abcd");
  EXPECT_EQ(*shard.reader().ReadMessage(info, info.prefix.size() - 1, 3), "\naa");
  EXPECT_EQ(*shard.reader().ReadMessage(info, info.size(), 3), "");
}

TEST(Deliver, AnswersBodyMissingAndChangesNothingWhenAChunkIsGone) {
  Shard shard;
  shard.Apply(CreateAccount(kAlice));
  EXPECT_EQ(shard.Apply(Deliver({kAlice}, Chunks({RaftIndex(99)}, 3))).outcome(),
            Result::BODY_MISSING);
  EXPECT_THAT(Uids(Open(shard, kAlice, "INBOX")), IsEmpty());
}

TEST(StoreFlags, GivesANewModSeqOnlyToWhatChanged) {
  Shard shard;
  for (const char* body : {"1", "2", "3"}) shard.Apply(Deliver({kAlice}, Whole(body)));
  const MailboxId inbox = Open(shard, kAlice, "INBOX").info().id;
  shard.Apply(AddFlags(kAlice, inbox, {{2, 2}}, kSeen));
  const Result result = shard.Apply(AddFlags(kAlice, inbox, {{1, 3}}, kSeen));
  ASSERT_EQ(result.store_flags().changed_size(), 2);
  EXPECT_EQ(result.store_flags().changed(0).first(), 1u);
  EXPECT_EQ(result.store_flags().changed(1).first(), 3u);
  const MailboxReader after = Open(shard, kAlice, "INBOX");
  EXPECT_EQ(after.status().highest_modseq.value(), result.store_flags().modseq());
  EXPECT_EQ(after.status().unseen, 0u);
  const auto changed = after.ChangedSince(ModSeq(result.store_flags().modseq() - 1), Uid(0), 10);
  ASSERT_EQ(changed->messages.size(), 2u);
  EXPECT_EQ(changed->messages[0].uid, Uid(1));
  EXPECT_EQ(changed->messages[1].uid, Uid(3));
}

TEST(Expunge, LeavesATombstoneAndTakesOnlyDeletedWhenAsked) {
  Shard shard;
  for (const char* body : {"1", "2", "3"}) shard.Apply(Deliver({kAlice}, Whole(body)));
  const MailboxId inbox = Open(shard, kAlice, "INBOX").info().id;
  const ModSeq before = Open(shard, kAlice, "INBOX").status().highest_modseq;
  shard.Apply(AddFlags(kAlice, inbox, {{1, 1}, {3, 3}}, kDeleted));
  EXPECT_EQ(Open(shard, kAlice, "INBOX").status().deleted, 2u);
  shard.Apply(Expunge(kAlice, inbox, {{1, 3}}, true));
  const MailboxReader after = Open(shard, kAlice, "INBOX");
  EXPECT_THAT(Uids(after), ElementsAre(2));
  const auto expunged = after.ExpungedSince(before);
  EXPECT_TRUE(expunged->complete);
  EXPECT_THAT(expunged->uids, ElementsAre(UidRange{Uid(1), Uid(1)}, UidRange{Uid(3), Uid(3)}));
  EXPECT_EQ(after.status().deleted, 0u);
  EXPECT_EQ(after.status().messages, 1u);
}

entry::Entry ForgetKey(uint64_t account, const entry::Entry& deliver) {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  entry::ForgetKeys::Key& key = *entry.mutable_forget_keys()->add_keys();
  key.set_account(account);
  key.set_delivery_key(deliver.deliver().recipients(0).delivery_key());
  return entry;
}

entry::Entry ExpireKeys(int64_t before_us) {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  entry.mutable_expire_keys()->set_before_us(before_us);
  entry.mutable_expire_keys()->set_max(1000);
  return entry;
}

entry::Entry ExpireTombstones(int64_t before_us) {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  entry.mutable_expire_tombstones()->set_before_us(before_us);
  entry.mutable_expire_tombstones()->set_max(1000);
  return entry;
}

TEST(Deliver, MakesOneCopyForTwoRecipientsWithOneMailbox) {
  Shard shard;
  entry::Entry deliver = Deliver({kAlice, kAlice, kBob}, Whole("x"));
  deliver.mutable_deliver()->mutable_recipients(1)->set_delivery_key(Hash("another address"));
  const Result result = shard.Apply(deliver);
  EXPECT_EQ(result.deliver().recipients(0).uid(), 1u);
  EXPECT_EQ(result.deliver().recipients(1).outcome(), One::DELIVERED);
  EXPECT_EQ(result.deliver().recipients(1).uid(), 1u);
  EXPECT_THAT(Uids(Open(shard, kAlice, "INBOX")), ElementsAre(1));
  // Both keys are remembered.
  EXPECT_EQ(shard.Apply(deliver).deliver().recipients(1).outcome(), One::DUPLICATE);
}

TEST(Deliver, MakesNoSecondCopyWhenARetryAddsARecipientWithTheSameMailbox) {
  Shard shard;
  shard.Apply(Deliver({kAlice}, Whole("x")));
  entry::Entry retry = Deliver({kAlice, kAlice}, Whole("x"));
  retry.mutable_deliver()->mutable_recipients(1)->set_delivery_key(Hash("another address"));
  EXPECT_EQ(shard.Apply(retry).deliver().recipients(1).outcome(), One::DUPLICATE);
  EXPECT_THAT(Uids(Open(shard, kAlice, "INBOX")), ElementsAre(1));
}

TEST(Deliver, TakesEqualOctetsAgainOnceTheKeyIsForgotten) {
  Shard shard;
  const entry::Entry deliver = Deliver({kAlice}, Whole("x"));
  shard.Apply(deliver);
  shard.Apply(ForgetKey(kAlice, deliver));
  EXPECT_EQ(shard.Apply(deliver).deliver().recipients(0).uid(), 2u);
  EXPECT_EQ(shard.Apply(ForgetKey(kBob, deliver)).outcome(), Result::OK);
  EXPECT_EQ(shard.Apply(deliver).deliver().recipients(0).outcome(), One::DUPLICATE);
}

TEST(Deliver, RemembersAKeyUntilItExpires) {
  Shard shard;
  const entry::Entry deliver = Deliver({kAlice}, Whole("x"));
  shard.Apply(deliver);
  const int64_t written_us = shard.now_us();
  shard.Advance(absl::Hours(24));
  shard.Apply(ExpireKeys(written_us));
  EXPECT_EQ(shard.Apply(deliver).deliver().recipients(0).outcome(), One::DUPLICATE);
  EXPECT_EQ(shard.Apply(ExpireKeys(written_us + 1)).sweep().removed(), 1u);
  EXPECT_EQ(shard.Apply(deliver).deliver().recipients(0).outcome(), One::DELIVERED);
}

TEST(Deliver, DatesAMessageWithItsReceiptAtMostLogTime) {
  Shard shard;
  entry::Entry deliver = Deliver({kAlice}, Whole("x"));
  shard.Apply(deliver);
  deliver = Deliver({kAlice}, Whole("y"));
  deliver.mutable_deliver()->set_received_us(shard.now_us() + 1'000'000'000);
  shard.Apply(deliver);
  const MailboxReader inbox = Open(shard, kAlice, "INBOX");
  EXPECT_EQ(Must(inbox.Info(Uid(1)))->internal_date, absl::FromUnixSeconds(1'600'000'000));
  EXPECT_EQ(Must(inbox.Info(Uid(2)))->internal_date, absl::FromUnixMicros(shard.now_us()));
}

TEST(Copy, KeepsDateFlagsAndEmailId) {
  Shard shard;
  shard.Apply(Deliver({kAlice}, Whole("x")));
  const MailboxId inbox = Open(shard, kAlice, "INBOX").info().id;
  shard.Apply(AddFlags(kAlice, inbox, {{1, 1}}, kSeen | kFlagged, {"todo"}));
  shard.Apply(Append(kAlice, "Trash", "already here"));
  const Result result = shard.Apply(Copy(kAlice, inbox, {{1, 9}}, "Trash", true));
  EXPECT_EQ(result.copy().first_uid(), 2u);
  const MailboxReader trash = Open(shard, kAlice, "Trash");
  const MessageState state = *Must(trash.State(Uid(2)));
  EXPECT_EQ(state.system, static_cast<uint32_t>(kSeen | kFlagged));
  EXPECT_THAT(state.keywords, ElementsAre("todo"));
  const MessageInfo info = *Must(trash.Info(Uid(2)));
  EXPECT_EQ(info.internal_date, absl::FromUnixSeconds(1'600'000'000));
  EXPECT_EQ(info.email_id, "M0-1-0");
  EXPECT_THAT(Uids(Open(shard, kAlice, "INBOX")), IsEmpty());
}

TEST(Copy, IsAllOrNothing) {
  Shard shard;
  shard.Apply(Deliver({kAlice}, Whole("x")));
  const MailboxId inbox = Open(shard, kAlice, "INBOX").info().id;
  entry::Entry copy = Copy(kAlice, inbox, {{1, 2}}, "Trash");
  copy.mutable_copy()->set_require_all(true);
  EXPECT_EQ(shard.Apply(copy).outcome(), Result::EXPUNGED);
  EXPECT_THAT(Uids(Open(shard, kAlice, "Trash")), IsEmpty());
}

TEST(StoreFlags, RefusesWhatChangedSince) {
  Shard shard;
  for (const char* body : {"1", "2"}) shard.Apply(Deliver({kAlice}, Whole(body)));
  const MailboxId inbox = Open(shard, kAlice, "INBOX").info().id;
  const ModSeq first = Must(Open(shard, kAlice, "INBOX").State(Uid(1)))->modseq;
  entry::Entry store = AddFlags(kAlice, inbox, {{1, 2}}, kFlagged);
  store.mutable_store_flags()->set_unchanged_since(first.value());
  const Result result = shard.Apply(store);
  ASSERT_EQ(result.store_flags().modified_size(), 1);
  EXPECT_EQ(result.store_flags().modified(0).first(), 2u);
  EXPECT_EQ(Must(Open(shard, kAlice, "INBOX").State(Uid(2)))->system, 0u);
}

TEST(Tombstones, AreForgottenAfterAWhileAndTheFloorSaysSo) {
  Shard shard;
  for (const char* body : {"1", "2"}) shard.Apply(Deliver({kAlice}, Whole(body)));
  const MailboxId inbox = Open(shard, kAlice, "INBOX").info().id;
  const uint64_t first = shard.Apply(Expunge(kAlice, inbox, {{1, 1}})).expunge().modseq();
  const int64_t first_us = shard.now_us();
  shard.Advance(absl::Hours(1));
  shard.Apply(Expunge(kAlice, inbox, {{2, 2}}));
  shard.Apply(ExpireTombstones(first_us + 1));
  const MailboxReader after = Open(shard, kAlice, "INBOX");
  EXPECT_EQ(after.status().floor, ModSeq(first));
  EXPECT_FALSE(Must(after.ExpungedSince(ModSeq(first - 1))).complete);
  EXPECT_TRUE(Must(after.ExpungedSince(ModSeq(first))).complete);
  EXPECT_THAT(Must(after.ExpungedSince(ModSeq(first))).uids, ElementsAre(UidRange{Uid(2), Uid(2)}));
}

TEST(RecentMark, OnlyRises) {
  Shard shard;
  for (const char* body : {"1", "2", "3"}) shard.Apply(Deliver({kAlice}, Whole(body)));
  const auto mark = [&](uint32_t uid) {
    entry::Entry entry;
    entry.set_version(kEntryVersion);
    entry.mutable_recent_mark()->set_account(kAlice);
    entry.mutable_recent_mark()->set_mailbox(Open(shard, kAlice, "INBOX").info().id.value());
    entry.mutable_recent_mark()->set_uid(uid);
    return shard.Apply(entry).outcome();
  };
  EXPECT_EQ(mark(3), Result::OK);
  EXPECT_EQ(mark(2), Result::OK);
  EXPECT_EQ(Open(shard, kAlice, "INBOX").status().recent_mark, Uid(3));
  EXPECT_EQ(mark(4), Result::OK);
  EXPECT_EQ(mark(5), Result::MALFORMED);
}

// The UID that the next message gets after the last one was expunged and the shard began a new
// life.
uint32_t UidAfterARestart(PlantedBugs bugs) {
  Shard shard;
  shard.Restart(bugs);
  shard.Apply(Deliver({kAlice}, Whole("one")));
  shard.Apply(Deliver({kAlice}, Whole("two")));
  shard.Apply(Expunge(kAlice, Open(shard, kAlice, "INBOX").info().id, {{2, 2}}));
  shard.Restart(bugs);
  return shard.Apply(Deliver({kAlice}, Whole("three"))).deliver().recipients(0).uid();
}

TEST(PlantedBugs, AUidIsReusedAfterARestartOnlyIfTheBugIsThere) {
  EXPECT_EQ(UidAfterARestart({}), 3u);
  EXPECT_EQ(UidAfterARestart({.reuse_uid_after_restart = true}), 2u);
}

TEST(PlantedBugs, ARetryMakesASecondCopyOnlyIfTheBugIsThere) {
  for (const bool bug : {false, true}) {
    Shard shard;
    shard.Restart({.drop_delivery_key = bug});
    shard.Apply(Deliver({kAlice}, Whole("one")));
    shard.Apply(Deliver({kAlice}, Whole("one")));
    EXPECT_EQ(Uids(Open(shard, kAlice, "INBOX")).size(), bug ? 2u : 1u);
  }
}

}  // namespace
}  // namespace packetboat::model::testing
