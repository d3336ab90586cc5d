#include "auth/users/user_file.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace packetboat::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::SizeIs;

constexpr absl::string_view kSha512 =
    "$6$9MxsPDnq1lGyZyim$GGVfW9WwuolNCMmyRNY3kthjtm.i9i3FDeDoA7xiRaAd7mJ0szThMHCiZ1RDp9ilJ5C5E/2vn."
    "bH9/6lRzy5Y.";
constexpr absl::string_view kBlowfish =
    "$2y$05$ZEDQnwtWpzsS7IyqdFLM4OsVA1SJltCIMk7yao8yABZtoMaF546XG";

TEST(UserFileTest, DovecotPasswdFileAsTheGuideWritesIt) {
  const UserFile file = ParseUserFile(
      absl::StrCat("# users\n\nalice:", kSha512, ":::::\nbob@Other.Example:{BLF-CRYPT}", kBlowfish,
                   ":1000:1000::/home/bob::userdb_quota=1\r\n"),
      {.default_domain = "example.test"});
  EXPECT_THAT(file.mistakes, SizeIs(0));
  EXPECT_THAT(file.users, ElementsAre(Key("alice@example.test"), Key("bob@other.example")));
  EXPECT_TRUE(Verify(file.users.at("alice@example.test"), "correct horse"));
  EXPECT_TRUE(Verify(file.users.at("bob@other.example"), "correct horse"));
}

TEST(UserFileTest, OpenSmtpdTable) {
  const UserFile file = ParseUserFile(
      absl::StrCat("name@example.test ", kBlowfish, "\nother@example.test:\t", kSha512, "\n"),
      {.format = UserFileFormat::kTable});
  EXPECT_THAT(file.mistakes, SizeIs(0));
  EXPECT_THAT(file.users, ElementsAre(Key("name@example.test"), Key("other@example.test")));
  EXPECT_TRUE(Verify(file.users.at("name@example.test"), "correct horse"));
}

TEST(UserFileTest, BadLineCostsOnlyThatLineAndIsNamed) {
  const UserFile file =
      ParseUserFile(absl::StrCat("alice:", kSha512, "\nbob\ncarol@example.test:plain\n@:", kSha512,
                                 "\nALICE:", kBlowfish, "\ndave:", kSha512),
                    {.default_domain = "example.test"});
  EXPECT_THAT(file.users, ElementsAre(Key("alice@example.test"), Key("dave@example.test")));
  ASSERT_THAT(file.mistakes, SizeIs(4));
  EXPECT_EQ(file.mistakes[0].line, 2);
  EXPECT_EQ(file.mistakes[1].line, 3);
  EXPECT_FALSE(absl::StrContains(file.mistakes[1].text, "plain"));
  EXPECT_EQ(file.mistakes[2].line, 4);
  EXPECT_EQ(file.mistakes[3].line, 5);
  EXPECT_TRUE(Verify(file.users.at("alice@example.test"), "correct horse")) << "the first counts";
}

TEST(UserFileTest, BareNameNeedsDefaultDomain) {
  const UserFile file = ParseUserFile(absl::StrCat("alice:", kSha512), {});
  EXPECT_THAT(file.users, SizeIs(0));
  ASSERT_THAT(file.mistakes, SizeIs(1));
  EXPECT_TRUE(absl::StrContains(file.mistakes[0].text, "default_domain"));
}

}  // namespace
}  // namespace packetboat::auth
