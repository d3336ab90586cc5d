#include "store/model/state_machine.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/model/checksum.h"
#include "store/model/limits.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {
namespace {

using entry::Result;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kAlice = 7;

// Refused by Apply and by CheckEntry alike, without a trace in the state.
void ExpectMalformed(const std::string& command) {
  Shard shard;
  shard.Apply(CreateAccount(kAlice));
  const Checksum before = Must(ChecksumOf(shard.database(), shard.id()));
  EXPECT_EQ(shard.ApplyBytes(command).outcome(), Result::MALFORMED);
  EXPECT_TRUE(Must(ChecksumOf(shard.database(), shard.id())) == before);
  EXPECT_TRUE(absl::IsInvalidArgument(CheckEntry(command)));
}

TEST(Entries, AreVersionedCommands) {
  EXPECT_TRUE(CheckEntry(CreateAccount(kAlice).SerializeAsString()).ok());
  ExpectMalformed("");
  ExpectMalformed("no entry");
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  ExpectMalformed(entry.SerializeAsString());
  entry = CreateAccount(kAlice);
  entry.clear_version();
  ExpectMalformed(entry.SerializeAsString());
}

TEST(Entries, HaveNoFieldsThatTheirVersionDoesNotHave) {
  entry::Entry entry = CreateAccount(kAlice);
  entry.GetReflection()->MutableUnknownFields(&entry)->AddVarint(1000, 1);
  ExpectMalformed(entry.SerializeAsString());
  entry = Deliver({kAlice}, Whole("x"));
  entry::Recipient& recipient = *entry.mutable_deliver()->mutable_recipients(0);
  recipient.GetReflection()->MutableUnknownFields(&recipient)->AddVarint(1000, 1);
  ExpectMalformed(entry.SerializeAsString());
}

TEST(EntriesDeathTest, OfANewerVersionStopTheNodeWithAMessage) {
  entry::Entry entry = CreateAccount(kAlice);
  entry.set_version(kEntryVersion + 1);
  Shard shard;
  EXPECT_DEATH(shard.Apply(entry), HasSubstr("install a newer one"));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckEntry(entry.SerializeAsString())));
}

TEST(Observer, IsToldOfWhatChangedOnceItCanBeRead) {
  std::vector<std::pair<RaftIndex, Changes>> told;
  Shard shard(ShardId(0), 2,
              [&](RaftIndex index, const Changes& changes) { told.emplace_back(index, changes); });
  shard.Apply(CreateAccount(kAlice));
  const Result result = shard.Apply(Deliver({kAlice}, Whole("x")));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].first, RaftIndex(2));
  const MailboxId inbox(result.deliver().recipients(0).mailbox());
  EXPECT_THAT(told[0].second.mailboxes, ElementsAre(MailboxChange{AccountId(kAlice), inbox}));
  EXPECT_FALSE(told[0].second.directory);
  shard.Apply(Chunk("nobody waits for this"));
  shard.Apply(AddFlags(kAlice, inbox, {{1, 1}}, 0));
  EXPECT_EQ(told.size(), 1u);
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  entry.mutable_add_domain()->set_domain("example.test");
  shard.Apply(entry);
  shard.Apply(DeleteMailbox(kAlice, "Trash"));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_TRUE(told[1].second.directory);
  EXPECT_EQ(told[1].second.mailboxes.size(), 1u);
}

}  // namespace
}  // namespace packetboat::model::testing
