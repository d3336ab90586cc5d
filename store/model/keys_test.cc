#include "store/model/keys.h"

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace packetboat::model {
namespace {

constexpr AccountId kAccount{5};
constexpr MailboxId kMailbox{6};

bool Contains(const kv::Range& range, const std::string& key) {
  return key >= range.lower && (range.upper.empty() || key < range.upper);
}

TEST(Keys, SortAsTheirNumbers) {
  const Keys keys(ShardId(1));
  const std::vector<uint32_t> uids = {
      0, 1, 255, 256, 65535, 1u << 31, std::numeric_limits<uint32_t>::max()};
  for (size_t i = 1; i < uids.size(); ++i) {
    EXPECT_LT(keys.Flags(kAccount, kMailbox, Uid(uids[i - 1])),
              keys.Flags(kAccount, kMailbox, Uid(uids[i])));
    EXPECT_LT(keys.Change(kAccount, kMailbox, ModSeq(uids[i - 1]), Uid(9)),
              keys.Change(kAccount, kMailbox, ModSeq(uids[i]), Uid(1)));
    EXPECT_LT(Keys(ShardId(uids[i - 1])).AllAliases().lower,
              Keys(ShardId(uids[i])).Body(RaftIndex(1)));
  }
}

TEST(Keys, SortTimesBeforeTheEpochToo) {
  const Keys keys(ShardId(1));
  const std::vector<int64_t> times = {std::numeric_limits<int64_t>::min(), -1, 0, 1,
                                      std::numeric_limits<int64_t>::max()};
  for (size_t i = 1; i < times.size(); ++i) {
    EXPECT_LT(keys.IdleBody(times[i - 1], RaftIndex(9)), keys.IdleBody(times[i], RaftIndex(1)));
    const std::string key = keys.IdleBody(times[i], RaftIndex(77));
    KeyReader reader(key, kShardKeyPrefix);
    EXPECT_EQ(reader.Time(), times[i]);
    EXPECT_EQ(reader.U64(), 77u);
  }
}

TEST(Keys, KeepAccountsAndMailboxesUnderOnePrefixEach) {
  const Keys keys(ShardId(1));
  const kv::Range account = keys.AccountRange(kAccount);
  const kv::Range mailbox = keys.MailboxRange(kAccount, kMailbox);
  for (const std::string& key :
       {keys.Account(kAccount), keys.MailboxByName(kAccount, "x"), keys.Subscription(kAccount, "x"),
        keys.DeliveryKey(kAccount, "x"), keys.Mailbox(kAccount, kMailbox),
        keys.Counters(kAccount, kMailbox)}) {
    EXPECT_TRUE(Contains(account, key));
    EXPECT_FALSE(Contains(mailbox, key));
    EXPECT_FALSE(Contains(keys.AccountRange(AccountId(4)), key));
    EXPECT_FALSE(Contains(keys.AccountRange(AccountId(6)), key));
  }
  for (const std::string& key :
       {keys.Flags(kAccount, kMailbox, Uid(1)), keys.Message(kAccount, kMailbox, Uid(1)),
        keys.Change(kAccount, kMailbox, ModSeq(1), Uid(1)),
        keys.Tombstone(kAccount, kMailbox, ModSeq(1), Uid(1)),
        keys.StagedSource(kAccount, kMailbox, Uid(1))}) {
    EXPECT_TRUE(Contains(account, key));
    EXPECT_TRUE(Contains(mailbox, key));
    EXPECT_FALSE(Contains(keys.MailboxRange(kAccount, MailboxId(7)), key));
  }
}

TEST(Keys, RangesBehindAModSeqBeginAboveIt) {
  const Keys keys(ShardId(1));
  const kv::Range range = keys.ChangesAfter(kAccount, kMailbox, ModSeq(7));
  EXPECT_FALSE(Contains(range, keys.Change(kAccount, kMailbox, ModSeq(7),
                                           Uid(std::numeric_limits<uint32_t>::max()))));
  EXPECT_TRUE(Contains(range, keys.Change(kAccount, kMailbox, ModSeq(8), Uid(0))));
  const kv::Range nothing =
      keys.ChangesAfter(kAccount, kMailbox, ModSeq(std::numeric_limits<uint64_t>::max()));
  EXPECT_FALSE(nothing.lower < nothing.upper);
}

TEST(Keys, NamesBelowAreChildrenAlone) {
  const Keys keys(ShardId(1));
  const kv::Range below = keys.NamesBelow(kAccount, "a");
  EXPECT_TRUE(Contains(below, keys.MailboxByName(kAccount, "a/b")));
  EXPECT_TRUE(Contains(below, keys.MailboxByName(kAccount, "a/b/c")));
  EXPECT_FALSE(Contains(below, keys.MailboxByName(kAccount, "a")));
  EXPECT_FALSE(Contains(below, keys.MailboxByName(kAccount, "ab")));
  EXPECT_FALSE(Contains(below, keys.MailboxByName(kAccount, "a b")));
}

TEST(Keys, AddressesStandTogetherByDomain) {
  const Keys keys(ShardId(0));
  const kv::Range range = keys.AccountsInDomain("example.test");
  EXPECT_TRUE(Contains(range, keys.AccountByAddress("alice@example.test")));
  EXPECT_TRUE(Contains(range, keys.AccountByAddress("a@b@example.test")));
  EXPECT_FALSE(Contains(range, keys.AccountByAddress("alice@example.test.org")));
  EXPECT_FALSE(Contains(range, keys.AccountByAddress("alice@an.example.test")));
  EXPECT_FALSE(Contains(range, keys.Alias("alice@example.test")));
}

TEST(KeyReader, SaysWhenAKeyEndsTooEarly) {
  KeyReader reader("abc", 0);
  EXPECT_EQ(reader.U32(), 0u);
  EXPECT_FALSE(reader.ok());
  KeyReader shorter("abc", 5);
  EXPECT_FALSE(shorter.ok());
}

}  // namespace
}  // namespace packetboat::model
