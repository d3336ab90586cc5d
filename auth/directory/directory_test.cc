#include "auth/directory/directory.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace packetboat::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DirectoryTest : public ::testing::Test {
 protected:
  explicit DirectoryTest(Directory::Options options = {.domains = {},
                                                       .alias_depth = 3,
                                                       .alias_targets = 3,
                                                       .postmaster = ""})
      : directory_(std::move(options)) {
    directory_.PutDomain("example.test");
    PutAccount(1, "alice@example.test");
    PutAccount(2, "bob@example.test");
  }

  void PutAccount(uint64_t id, const std::string& address, bool of_user_file = false) {
    directory_.PutAccount({.id = AccountId(id),
                           .shard = ShardId(0),
                           .address = address,
                           .password_hash = "",
                           .of_user_file = of_user_file});
  }

  Resolved Resolve(const std::string& address) const {
    return directory_.Resolve(*address::Mailbox::Parse(address));
  }

  std::vector<uint64_t> LocalIds(const std::string& address) const {
    std::vector<uint64_t> ids;
    for (const LocalTarget& target : Resolve(address).local)
      ids.push_back(target.account.id.value());
    return ids;
  }

  Directory directory_;
};

TEST_F(DirectoryTest, AccountIsFoundWithoutRegardToCase) {
  EXPECT_THAT(LocalIds("Alice@EXAMPLE.test"), ElementsAre(1));
  EXPECT_EQ(Resolve("alice@example.test").resolution, Resolution::kOk);
}

TEST_F(DirectoryTest, UnknownUserAndForeignDomainAreToldApart) {
  EXPECT_EQ(Resolve("carol@example.test").resolution, Resolution::kNoSuchUser);
  EXPECT_EQ(Resolve("alice@elsewhere.test").resolution, Resolution::kNotLocal);
}

TEST_F(DirectoryTest, SubaddressLeadsToTheUserAndKeepsTheDetail) {
  const Resolved resolved = Resolve("alice+lists@example.test");
  ASSERT_EQ(resolved.local.size(), 1u);
  EXPECT_EQ(resolved.local[0].account.id, AccountId(1));
  EXPECT_EQ(resolved.local[0].detail, "lists");
  PutAccount(3, "alice+work@example.test");
  EXPECT_THAT(LocalIds("alice+work@example.test"), ElementsAre(3)) << "the exact name comes first";
}

TEST_F(DirectoryTest, AliasLeadsToAllItsTargetsEachOnce) {
  directory_.PutAlias(
      {"team@example.test",
       {"alice@example.test", "bob@example.test", "ALICE@example.test", "friend@elsewhere.test"}});
  const Resolved resolved = Resolve("team@example.test");
  EXPECT_THAT(LocalIds("team@example.test"), ElementsAre(1, 2));
  EXPECT_THAT(resolved.remote, ElementsAre("friend@elsewhere.test"));
}

TEST_F(DirectoryTest, AliasThatNamesItselfMeansItsAccount) {
  directory_.PutAlias({"alice@example.test", {"alice@example.test", "bob@example.test"}});
  EXPECT_THAT(LocalIds("alice@example.test"), ElementsAre(1, 2));
}

TEST_F(DirectoryTest, CircleOfAliasesIsALoop) {
  directory_.PutAlias({"a@example.test", {"b@example.test"}});
  directory_.PutAlias({"b@example.test", {"a@example.test"}});
  EXPECT_EQ(Resolve("a@example.test").resolution, Resolution::kLoop);
}

TEST_F(DirectoryTest, AliasesAreFollowedAsDeepAsTheLimitAndNoDeeper) {
  directory_.PutAlias({"a1@example.test", {"a2@example.test"}});
  directory_.PutAlias({"a2@example.test", {"a3@example.test"}});
  directory_.PutAlias({"a3@example.test", {"bob@example.test"}});
  EXPECT_THAT(LocalIds("a1@example.test"), ElementsAre(2));
  directory_.PutAlias({"a0@example.test", {"a1@example.test"}});
  EXPECT_EQ(Resolve("a0@example.test").resolution, Resolution::kLoop);
}

TEST_F(DirectoryTest, TargetsAreBounded) {
  directory_.PutAlias({"many@example.test", {"a@x.test", "b@x.test", "c@x.test", "d@x.test"}});
  EXPECT_THAT(Resolve("many@example.test").remote, ElementsAre("a@x.test", "b@x.test", "c@x.test"));
}

TEST_F(DirectoryTest, CatchAllTakesWhatNothingElseKnows) {
  directory_.PutAlias({"@example.test", {"bob@example.test"}});
  EXPECT_THAT(LocalIds("whoever@example.test"), ElementsAre(2));
  EXPECT_THAT(LocalIds("alice@example.test"), ElementsAre(1));
}

TEST_F(DirectoryTest, PostmasterAndAbuseAlwaysResolve) {
  directory_.PutDomain("empty.test");
  PutAccount(9, "carol@other.test");
  directory_.PutDomain("other.test");
  EXPECT_THAT(LocalIds("Postmaster@example.test"), ElementsAre(1));
  EXPECT_THAT(LocalIds("abuse@other.test"), ElementsAre(9));
  EXPECT_THAT(LocalIds("postmaster@empty.test"), ElementsAre(1));
  EXPECT_EQ(directory_.Resolve(std::nullopt).resolution, Resolution::kOk);
  directory_.PutAlias({"postmaster@example.test", {"bob@example.test"}});
  EXPECT_THAT(LocalIds("postmaster@example.test"), ElementsAre(2));
}

TEST_F(DirectoryTest, AccountOfAUserFileNeedsItsLine) {
  PutAccount(5, "dave@example.test", /*of_user_file=*/true);
  EXPECT_EQ(Resolve("dave@example.test").resolution, Resolution::kNoSuchUser);
  EXPECT_FALSE(directory_.FindAccount("dave@example.test").has_value());
  directory_.SetFileUsers({"dave@example.test"});
  EXPECT_THAT(LocalIds("dave@example.test"), ElementsAre(5));
}

TEST_F(DirectoryTest, RemovalAndReuseOfAnAddress) {
  directory_.RemoveAccount(AccountId(1));
  EXPECT_EQ(Resolve("alice@example.test").resolution, Resolution::kNoSuchUser);
  PutAccount(7, "alice@example.test");
  directory_.RemoveAccount(AccountId(1));
  EXPECT_THAT(LocalIds("alice@example.test"), ElementsAre(7));
}

TEST_F(DirectoryTest, NobodyIsAnsweredFromHalfACopy) {
  directory_.BeginCopy();
  EXPECT_THAT(LocalIds("alice@example.test"), ElementsAre(1)) << "the old copy answers meanwhile";
  directory_.PutDomain("example.test");
  PutAccount(3, "carol@example.test");
  EXPECT_THAT(LocalIds("carol@example.test"), IsEmpty());
  directory_.EndCopy();
  EXPECT_THAT(LocalIds("carol@example.test"), ElementsAre(3));
  EXPECT_EQ(Resolve("alice@example.test").resolution, Resolution::kNoSuchUser);
}

TEST_F(DirectoryTest, CopyThatBrokeOffIsForgotten) {
  directory_.BeginCopy();
  PutAccount(3, "carol@example.test");
  directory_.DropCopy();
  PutAccount(4, "dave@example.test");
  directory_.EndCopy();
  EXPECT_THAT(LocalIds("alice@example.test"), ElementsAre(1));
  EXPECT_THAT(LocalIds("carol@example.test"), IsEmpty());
  EXPECT_THAT(LocalIds("dave@example.test"), ElementsAre(4));
}

TEST_F(DirectoryTest, InternationalDomainIsFoundInEitherForm) {
  directory_.PutDomain("xn--mnchen-3ya.test");
  PutAccount(6, "j\u00f6rg@xn--mnchen-3ya.test");
  EXPECT_THAT(LocalIds("J\u00d6RG@M\u00fcnchen.test"), ElementsAre(6));
}

class PostmasterTest : public DirectoryTest {
 protected:
  PostmasterTest()
      : DirectoryTest({.domains = {"config.test"}, .postmaster = "bob@example.test"}) {}
};

TEST_F(PostmasterTest, ConfiguredPostmasterComesBeforeTheOldestAccount) {
  EXPECT_THAT(LocalIds("postmaster@example.test"), ElementsAre(2));
  EXPECT_THAT(LocalIds("abuse@config.test"), ElementsAre(2));
}

}  // namespace
}  // namespace packetboat::auth
