#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/model/directory_reader.h"
#include "store/model/limits.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {
namespace {

using entry::Result;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

entry::Entry Entry() {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  return entry;
}

void Set(record::Address& address, const std::string& key) {
  address.set_text(key);
  address.set_key(key);
}

class Directory : public ::testing::Test {
 protected:
  Directory() { AddDomain("example.test"); }

  DirectoryReader reader() { return DirectoryReader(shard_.database()); }

  Result::Outcome AddDomain(const std::string& domain) {
    entry::Entry entry = Entry();
    entry.mutable_add_domain()->set_domain(domain);
    return shard_.Apply(entry).outcome();
  }
  Result::Outcome RemoveDomain(const std::string& domain) {
    entry::Entry entry = Entry();
    entry.mutable_remove_domain()->set_domain(domain);
    return shard_.Apply(entry).outcome();
  }
  Result AddAccount(const std::string& key, uint32_t shards = 4) {
    entry::Entry entry = Entry();
    Set(*entry.mutable_add_account()->mutable_address(), key);
    entry.mutable_add_account()->set_source(record::DirectoryAccount::DIRECTORY);
    entry.mutable_add_account()->add_password_hashes("{ARGON2ID}$x");
    entry.mutable_add_account()->set_shards(shards);
    return shard_.Apply(entry);
  }
  Result RemoveAccount(const std::string& key) {
    entry::Entry entry = Entry();
    entry.mutable_remove_account()->set_key(key);
    return shard_.Apply(entry);
  }
  Result::Outcome PutAlias(const std::string& key, const std::vector<std::string>& targets,
                           bool only_new = false) {
    entry::Entry entry = Entry();
    Set(*entry.mutable_put_alias()->mutable_address(), key);
    for (const std::string& target : targets) {
      Set(*entry.mutable_put_alias()->add_targets(), target);
    }
    entry.mutable_put_alias()->set_only_new(only_new);
    return shard_.Apply(entry).outcome();
  }
  Result Ensure(const std::vector<std::string>& keys) {
    entry::Entry entry = Entry();
    for (const std::string& key : keys) Set(*entry.mutable_ensure_accounts()->add_addresses(), key);
    entry.mutable_ensure_accounts()->set_shards(4);
    return shard_.Apply(entry);
  }

  Shard shard_;
};

TEST_F(Directory, GivesEveryChangeTheNextVersion) {
  EXPECT_EQ(Must(reader().Version()), 1u);
  EXPECT_EQ(AddAccount("alice@example.test").directory().version(), 2u);
  PutAlias("info@example.test", {"alice@example.test"});
  EXPECT_EQ(Must(reader().Version()), 3u);
  EXPECT_EQ(AddDomain("example.test"), Result::ALREADY_EXISTS);
  EXPECT_EQ(Must(reader().Version()), 3u);
}

TEST_F(Directory, NeverGivesAnAccountIdTwice) {
  const uint64_t first = AddAccount("alice@example.test").directory().accounts(0);
  EXPECT_EQ(RemoveAccount("alice@example.test").directory().accounts(0), first);
  EXPECT_GT(AddAccount("alice@example.test").directory().accounts(0), first);
}

TEST_F(Directory, SpreadsAccountsOverTheShards) {
  std::vector<uint32_t> shards;
  for (int i = 0; i < 6; ++i) {
    const std::string key = absl::StrCat("user", i, "@example.test");
    AddAccount(key);
    shards.push_back(Must(reader().FindAccount(key))->shard.value());
  }
  EXPECT_THAT(shards, ElementsAre(0, 1, 2, 3, 0, 1));
  RemoveAccount("user2@example.test");
  AddAccount("late@example.test");
  EXPECT_EQ(Must(reader().FindAccount("late@example.test"))->shard, ShardId(2));
}

TEST_F(Directory, PutsAnAccountWhereItIsTold) {
  entry::Entry entry = Entry();
  Set(*entry.mutable_add_account()->mutable_address(), "alice@example.test");
  entry.mutable_add_account()->set_source(record::DirectoryAccount::DIRECTORY);
  entry.mutable_add_account()->set_shards(4);
  entry.mutable_add_account()->set_shard(4);
  EXPECT_EQ(shard_.Apply(entry).outcome(), Result::MALFORMED);
  entry.mutable_add_account()->set_shard(3);
  EXPECT_EQ(shard_.Apply(entry).outcome(), Result::OK);
  EXPECT_EQ(Must(reader().FindAccount("alice@example.test"))->shard, ShardId(3));
}

TEST_F(Directory, WantsADomainBeforeItsAddressesAndKeepsItWhileItHasAny) {
  EXPECT_EQ(AddAccount("alice@other.test").outcome(), Result::NOT_FOUND);
  EXPECT_EQ(PutAlias("info@other.test", {"alice@example.test"}), Result::NOT_FOUND);
  AddAccount("alice@example.test");
  EXPECT_EQ(RemoveDomain("example.test"), Result::NOT_EMPTY);
  RemoveAccount("alice@example.test");
  PutAlias("@example.test", {"alice@elsewhere.test"});
  EXPECT_EQ(RemoveDomain("example.test"), Result::NOT_EMPTY);
  entry::Entry entry = Entry();
  entry.mutable_remove_alias()->set_key("@example.test");
  EXPECT_EQ(shard_.Apply(entry).outcome(), Result::OK);
  EXPECT_EQ(shard_.Apply(entry).outcome(), Result::NOT_FOUND);
  EXPECT_EQ(RemoveDomain("example.test"), Result::OK);
  EXPECT_FALSE(Must(reader().HasDomain("example.test")));
}

TEST_F(Directory, AnAddressIsAnAccountOrAnAlias) {
  AddAccount("alice@example.test");
  EXPECT_EQ(PutAlias("alice@example.test", {"bob@example.test"}), Result::ALREADY_EXISTS);
  EXPECT_EQ(PutAlias("info@example.test", {"alice@example.test"}), Result::OK);
  EXPECT_EQ(AddAccount("info@example.test").outcome(), Result::ALREADY_EXISTS);
  EXPECT_EQ(PutAlias("info@example.test", {"x@y.test"}, true), Result::ALREADY_EXISTS);
  EXPECT_EQ(PutAlias("info@example.test", {"x@y.test"}), Result::OK);
  EXPECT_EQ(Must(reader().FindAlias("info@example.test"))->targets[0].key, "x@y.test");
}

TEST_F(Directory, EnsuresAccountsOfPasswdFilesOnce) {
  const Result first = Ensure({"alice@new.test", "bob@new.test"});
  ASSERT_EQ(first.directory().accounts_size(), 2);
  const uint64_t version = Must(reader().Version());
  const Result second = Ensure({"bob@new.test", "alice@new.test"});
  EXPECT_EQ(second.directory().accounts(0), first.directory().accounts(1));
  EXPECT_EQ(second.directory().accounts(1), first.directory().accounts(0));
  EXPECT_EQ(Must(reader().Version()), version);
  EXPECT_EQ(Must(reader().FindAccount("bob@new.test"))->source, AccountSource::kPasswdFile);
  PutAlias("info@example.test", {"alice@new.test"});
  EXPECT_EQ(Ensure({"info@example.test"}).directory().accounts(0), 0u);
}

TEST_F(Directory, ChangesPasswordSourceAndQuota) {
  AddAccount("alice@example.test");
  entry::Entry password = Entry();
  password.mutable_set_password()->set_key("alice@example.test");
  password.mutable_set_password()->add_password_hashes("{SHA512-CRYPT}$6$y");
  EXPECT_EQ(shard_.Apply(password).outcome(), Result::OK);
  entry::Entry source = Entry();
  source.mutable_set_source()->set_key("alice@example.test");
  source.mutable_set_source()->set_source(record::DirectoryAccount::PASSWD_FILE);
  EXPECT_EQ(shard_.Apply(source).outcome(), Result::OK);
  entry::Entry quota = Entry();
  quota.mutable_set_quota()->set_key("alice@example.test");
  quota.mutable_set_quota()->set_quota_octets(1000);
  EXPECT_EQ(shard_.Apply(quota).outcome(), Result::OK);
  const AccountEntry alice = *Must(reader().FindAccount("alice@example.test"));
  EXPECT_THAT(alice.password_hashes, ElementsAre("{SHA512-CRYPT}$6$y"));
  EXPECT_EQ(alice.source, AccountSource::kPasswdFile);
  EXPECT_EQ(alice.quota_octets, 1000u);
  quota.mutable_set_quota()->set_key("nobody@example.test");
  EXPECT_EQ(shard_.Apply(quota).outcome(), Result::NOT_FOUND);
}

TEST_F(Directory, RemembersARemovalUntilTheShardHasConfirmedIt) {
  const uint64_t id = AddAccount("alice@example.test").directory().accounts(0);
  RemoveAccount("alice@example.test");
  EXPECT_THAT(Must(reader().PendingRemovals(10)),
              ElementsAre(PendingRemoval{AccountId(id), ShardId(0)}));
  entry::Entry entry = Entry();
  entry.mutable_confirm_removal()->set_account(id);
  shard_.Apply(entry);
  EXPECT_THAT(Must(reader().PendingRemovals(10)), IsEmpty());
}

TEST_F(Directory, ADeltaLeadsFromAnyVersionToThePresent) {
  AddAccount("alice@example.test");                     // 2
  AddAccount("bob@example.test");                       // 3
  RemoveAccount("alice@example.test");                  // 4
  PutAlias("info@example.test", {"bob@example.test"});  // 5
  AddDomain("second.test");                             // 6
  RemoveDomain("second.test");                          // 7
  const DirectoryDelta delta = *Must(reader().ChangesAfter(1, 100));
  EXPECT_EQ(delta.version, 7u);
  EXPECT_TRUE(delta.complete);
  ASSERT_EQ(delta.removed_accounts.size(), 1u);
  EXPECT_EQ(delta.removed_accounts[0].address.key, "alice@example.test");
  ASSERT_EQ(delta.accounts.size(), 1u);
  EXPECT_EQ(delta.accounts[0].address.key, "bob@example.test");
  ASSERT_EQ(delta.aliases.size(), 1u);
  EXPECT_THAT(delta.removed_domains, ElementsAre("second.test"));

  const DirectoryDelta piece = *Must(reader().ChangesAfter(1, 2));
  EXPECT_EQ(piece.version, 3u);
  EXPECT_FALSE(piece.complete);
  EXPECT_TRUE(Must(reader().ChangesAfter(7, 2))->complete);
  EXPECT_FALSE(Must(reader().ChangesAfter(8, 2)).has_value());
}

TEST_F(Directory, ForgetsChangesThatAreLongAgo) {
  entry::Entry quota = Entry();
  AddAccount("alice@example.test");
  quota.mutable_set_quota()->set_key("alice@example.test");
  while (Must(reader().Version()) < kDirectoryChangesKept) shard_.Apply(quota);
  EXPECT_TRUE(Must(reader().ChangesAfter(0, 10)).has_value());
  shard_.Apply(quota);
  EXPECT_FALSE(Must(reader().ChangesAfter(0, 10)).has_value());
  EXPECT_TRUE(Must(reader().ChangesAfter(1, 10)).has_value());
}

TEST_F(Directory, IsInShardZeroAlone) {
  Shard other(ShardId(1));
  entry::Entry entry = Entry();
  entry.mutable_add_domain()->set_domain("example.test");
  EXPECT_EQ(other.Apply(entry).outcome(), Result::MALFORMED);
}

TEST_F(Directory, IsWalkedWhole) {
  AddAccount("alice@example.test");
  AddAccount("bob@example.test");
  PutAlias("@example.test", {"bob@example.test"});
  std::vector<std::string> found;
  EXPECT_TRUE(reader()
                  .ForEachDomain([&](const DomainEntry& entry) {
                    found.push_back(entry.domain);
                    return true;
                  })
                  .ok());
  EXPECT_TRUE(reader()
                  .ForEachAccount([&](const AccountEntry& entry) {
                    found.push_back(entry.address.key);
                    return true;
                  })
                  .ok());
  EXPECT_TRUE(reader()
                  .ForEachAlias([&](const AliasEntry& entry) {
                    found.push_back(entry.address.key);
                    return true;
                  })
                  .ok());
  EXPECT_THAT(found, ElementsAre("example.test", "alice@example.test", "bob@example.test",
                                 "@example.test"));
}

}  // namespace
}  // namespace packetboat::model::testing
