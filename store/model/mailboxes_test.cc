#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/model/audit.h"
#include "store/model/limits.h"
#include "store/model/names.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {
namespace {

using entry::Result;
using One = entry::DeliverResult::One;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kAlice = 7;

class Mailboxes : public ::testing::Test {
 protected:
  Mailboxes() { shard_.Apply(CreateAccount(kAlice)); }
  ~Mailboxes() override { EXPECT_THAT(Must(Audit(shard_.database(), shard_.id())), IsEmpty()); }

  Result::Outcome Create(const std::string& name) {
    return shard_.Apply(CreateMailbox(kAlice, name)).outcome();
  }
  Result::Outcome Delete(const std::string& name) {
    return shard_.Apply(DeleteMailbox(kAlice, name)).outcome();
  }
  Result::Outcome Rename(const std::string& from, const std::string& to) {
    return shard_.Apply(RenameMailbox(kAlice, from, to)).outcome();
  }
  bool Exists(const std::string& name) {
    return Must(shard_.reader().OpenMailbox(AccountId(kAlice), name)).has_value();
  }
  bool IsSelectable(const std::string& name) {
    return Open(shard_, kAlice, name).info().selectable;
  }
  UidValidity Validity(const std::string& name) {
    return Open(shard_, kAlice, name).info().uid_validity;
  }

  Shard shard_;
};

TEST_F(Mailboxes, ComeWithTheLevelsAboveThem) {
  EXPECT_EQ(Create("a/b/c"), Result::OK);
  EXPECT_TRUE(Exists("a"));
  EXPECT_FALSE(IsSelectable("a/b"));
  EXPECT_TRUE(IsSelectable("a/b/c"));
  // A level that only held children becomes a mailbox.
  EXPECT_EQ(Create("a/b"), Result::OK);
  EXPECT_TRUE(IsSelectable("a/b"));
  EXPECT_EQ(Create("a/b"), Result::ALREADY_EXISTS);
}

TEST_F(Mailboxes, InboxIsOneInAnyCaseAndCannotBeDeleted) {
  EXPECT_EQ(Create("iNBoX"), Result::ALREADY_EXISTS);
  EXPECT_EQ(Delete("inbox"), Result::NOT_ALLOWED);
  EXPECT_EQ(Create("inbox/x"), Result::OK);
  EXPECT_TRUE(Exists("INBOX/x"));
  EXPECT_EQ(Open(shard_, kAlice, "inbox/x").info().name, "INBOX/x");
  EXPECT_EQ(Create("inboxes"), Result::OK);
  EXPECT_EQ(Open(shard_, kAlice, "inboxes").info().name, "inboxes");
}

TEST_F(Mailboxes, OneWithChildrenLeavesALevelBehindAndThatCannotBeDeleted) {
  Create("a");
  Create("a/b");
  EXPECT_EQ(Delete("a"), Result::OK);
  EXPECT_FALSE(IsSelectable("a"));
  EXPECT_EQ(Delete("a"), Result::NOT_ALLOWED);
  EXPECT_EQ(Delete("a/b"), Result::OK);
  EXPECT_EQ(Delete("a"), Result::OK);
  EXPECT_FALSE(Exists("a"));
  EXPECT_EQ(Delete("a"), Result::NO_SUCH_MAILBOX);
}

TEST_F(Mailboxes, NeverRepeatAUidValidity) {
  std::set<UidValidity> seen;
  for (const MailboxInfo& info : Must(shard_.reader().Mailboxes(AccountId(kAlice)))) {
    EXPECT_TRUE(seen.insert(info.uid_validity).second);
  }
  for (int i = 0; i < 20; ++i) {
    Create("again");
    EXPECT_GT(Validity("again"), *seen.rbegin());
    seen.insert(Validity("again"));
    Delete("again");
  }
}

TEST_F(Mailboxes, UidValidityIsNotBelowTheSecondsOfLogTime) {
  shard_.Advance(absl::Hours(24));
  Create("a");
  EXPECT_EQ(Validity("a").value(), static_cast<uint32_t>(shard_.now_us() / 1000000));
}

TEST_F(Mailboxes, RenamingTakesTheChildrenAlong) {
  Create("a/b/c");
  Create("ab");
  const MailboxId child = Open(shard_, kAlice, "a/b/c").info().id;
  EXPECT_EQ(Rename("a", "x/y"), Result::OK);
  EXPECT_FALSE(Exists("a"));
  EXPECT_TRUE(Exists("x"));
  EXPECT_EQ(Open(shard_, kAlice, "x/y/b/c").info().id, child);
  EXPECT_TRUE(Exists("ab"));
}

TEST_F(Mailboxes, RenamingIsRefusedOntoANameThatExistsOrIntoItself) {
  Create("a/b");
  Create("c");
  EXPECT_EQ(Rename("a", "c"), Result::ALREADY_EXISTS);
  EXPECT_EQ(Rename("a", "inbox"), Result::ALREADY_EXISTS);
  EXPECT_EQ(Rename("a", "a/b/c"), Result::NOT_ALLOWED);
  EXPECT_EQ(Rename("nothing", "d"), Result::NO_SUCH_MAILBOX);
  EXPECT_EQ(Rename("a", "d//e"), Result::NOT_ALLOWED);
  EXPECT_EQ(Rename("a", "a"), Result::ALREADY_EXISTS);
}

TEST_F(Mailboxes, RenamingInboxMovesItsMessagesAndKeepsItsChildren) {
  Create("INBOX/child");
  shard_.Apply(Deliver({kAlice}, Whole("x")));
  const MailboxReader before = Open(shard_, kAlice, "INBOX");
  const MailboxId id = before.info().id;
  const UidValidity validity = before.info().uid_validity;
  EXPECT_EQ(Rename("INBOX", "INBOX/old"), Result::OK);
  EXPECT_TRUE(Exists("INBOX/child"));
  const MailboxReader old = Open(shard_, kAlice, "INBOX/old");
  EXPECT_EQ(old.info().id, id);
  EXPECT_EQ(old.info().uid_validity, validity);
  EXPECT_THAT(Uids(old), ElementsAre(1));
  const MailboxReader inbox = Open(shard_, kAlice, "INBOX");
  EXPECT_THAT(Uids(inbox), IsEmpty());
  EXPECT_GT(inbox.info().uid_validity, validity);
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, Whole("y"))).deliver().recipients(0).mailbox(),
            inbox.info().id.value());
}

TEST_F(Mailboxes, SubscriptionsAreNames) {
  Create("a");
  entry::Entry subscribe;
  subscribe.set_version(kEntryVersion);
  subscribe.mutable_subscribe()->set_account(kAlice);
  subscribe.mutable_subscribe()->set_name("a");
  subscribe.mutable_subscribe()->set_subscribed(true);
  shard_.Apply(subscribe);
  Rename("a", "b");
  Delete("b");
  EXPECT_THAT(Must(shard_.reader().Subscriptions(AccountId(kAlice))), ::testing::Contains("a"));
  subscribe.mutable_subscribe()->set_subscribed(false);
  shard_.Apply(subscribe);
  EXPECT_THAT(Must(shard_.reader().Subscriptions(AccountId(kAlice))),
              ::testing::Not(::testing::Contains("a")));
}

TEST_F(Mailboxes, ASpecialUseIsOneMailboxs) {
  entry::Entry create = CreateMailbox(kAlice, "everything");
  create.mutable_create_mailbox()->set_special_use(record::ALL);
  EXPECT_EQ(shard_.Apply(create).outcome(), Result::OK);
  EXPECT_EQ(Open(shard_, kAlice, "everything").info().special_use, SpecialUse::kAll);
  create.mutable_create_mailbox()->set_name("all");
  EXPECT_EQ(shard_.Apply(create).outcome(), Result::USE_TAKEN);
}

TEST_F(Mailboxes, DeliveriesFollowTheUseAndFallBackToInbox) {
  Rename("Junk", "Spam");
  entry::Entry deliver = Deliver({kAlice}, Whole("x"));
  deliver.mutable_deliver()->mutable_recipients(0)->set_special_use(record::JUNK);
  shard_.Apply(deliver);
  EXPECT_THAT(Uids(Open(shard_, kAlice, "Spam")), ElementsAre(1));
  Delete("Spam");
  deliver.mutable_deliver()->mutable_recipients(0)->set_delivery_key(Hash("another"));
  shard_.Apply(deliver);
  EXPECT_THAT(Uids(Open(shard_, kAlice, "INBOX")), ElementsAre(1));
  deliver.mutable_deliver()->mutable_recipients(0)->set_name("no/such");
  deliver.mutable_deliver()->mutable_recipients(0)->set_delivery_key(Hash("a third"));
  shard_.Apply(deliver);
  EXPECT_THAT(Uids(Open(shard_, kAlice, "INBOX")), ElementsAre(1, 2));
}

TEST_F(Mailboxes, AppendToNoneSaysSo) {
  EXPECT_EQ(shard_.Apply(Append(kAlice, "none", "x")).outcome(), Result::NO_SUCH_DESTINATION);
  Create("a/b");
  EXPECT_EQ(shard_.Apply(Append(kAlice, "a", "x")).outcome(), Result::NO_SUCH_DESTINATION);
}

TEST_F(Mailboxes, ADeletedOnesMessagesArePurgedInPieces) {
  Create("a");
  for (int i = 0; i < 25; ++i) shard_.Apply(Append(kAlice, "a", absl::StrCat("message ", i)));
  EXPECT_EQ(Must(shard_.reader().FindAccount(AccountId(kAlice)))->messages, 25u);
  Delete("a");
  EXPECT_EQ(Must(shard_.reader().FindAccount(AccountId(kAlice)))->messages, 0u);
  entry::Entry purge;
  purge.set_version(kEntryVersion);
  purge.mutable_purge()->set_max_messages(10);
  int pieces = 1;
  while (shard_.Apply(purge).sweep().more()) ++pieces;
  EXPECT_EQ(pieces, 3);
}

TEST_F(Mailboxes, ADeletedAccountIsGoneAtOnceAndDoesNotComeBack) {
  shard_.Apply(Deliver({kAlice}, Whole("x")));
  entry::Entry remove;
  remove.set_version(kEntryVersion);
  remove.mutable_delete_account()->set_account(kAlice);
  EXPECT_EQ(shard_.Apply(remove).outcome(), Result::OK);
  EXPECT_EQ(shard_.Apply(remove).outcome(), Result::OK);
  EXPECT_FALSE(Must(shard_.reader().FindAccount(AccountId(kAlice))).has_value());
  EXPECT_FALSE(Exists("INBOX"));
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, Whole("y"))).deliver().recipients(0).outcome(),
            One::NO_SUCH_ACCOUNT);
  EXPECT_EQ(shard_.Apply(CreateAccount(kAlice)).outcome(), Result::NO_SUCH_ACCOUNT);
  entry::Entry purge;
  purge.set_version(kEntryVersion);
  purge.mutable_purge()->set_max_messages(3);
  while (shard_.Apply(purge).sweep().more()) continue;
  EXPECT_EQ(shard_.Apply(CreateAccount(kAlice)).outcome(), Result::NO_SUCH_ACCOUNT);
  EXPECT_TRUE(Must(shard_.reader().ReadHousekeeping()).oldest_idle_body.has_value());
}

TEST_F(Mailboxes, AnAccountThatWasNeverHereCanBeDeletedAheadOfItsFirstDelivery) {
  entry::Entry remove;
  remove.set_version(kEntryVersion);
  remove.mutable_delete_account()->set_account(99);
  shard_.Apply(remove);
  EXPECT_EQ(shard_.Apply(Deliver({99}, Whole("y"))).deliver().recipients(0).outcome(),
            One::NO_SUCH_ACCOUNT);
}

TEST(Names, AreKeptInOneForm) {
  EXPECT_EQ(CanonicalMailboxName("inbox"), "INBOX");
  EXPECT_EQ(CanonicalMailboxName("Inbox/a"), "INBOX/a");
  EXPECT_EQ(CanonicalMailboxName("Inboxa"), "Inboxa");
  EXPECT_EQ(CanonicalMailboxName("a/inbox"), "a/inbox");
  for (const char* bad : {"", "/", "a/", "/a", "a//b", "a\tb", "a\x7f"}) {
    EXPECT_FALSE(CanonicalMailboxName(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace packetboat::model::testing
