#include "auth/password/password.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::auth {
namespace {

constexpr absl::string_view kPassword = "correct horse";

// What `doveadm pw -s SCHEME` of Dovecot 2.3 printed for kPassword.
constexpr absl::string_view kFromDovecot[] = {
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$mF64PLSyT16jgaIsWJRnAA$"
    "F046oPm0SJFgC1fr4ODCWJkcKjBgeNZpDco3gFuP3rA",
    "{SHA512-CRYPT}$6$9MxsPDnq1lGyZyim$GGVfW9WwuolNCMmyRNY3kthjtm.i9i3FDeDoA7xiRaAd7mJ0szThMHCiZ1RD"
    "p9ilJ5C5E/2vn.bH9/6lRzy5Y.",
    "{BLF-CRYPT}$2y$05$ZEDQnwtWpzsS7IyqdFLM4OsVA1SJltCIMk7yao8yABZtoMaF546XG",
};

PasswordHash MustParse(absl::string_view text, Scheme scheme = Scheme::kArgon2id) {
  absl::StatusOr<PasswordHash> hash = PasswordHash::Parse(text, scheme);
  EXPECT_TRUE(hash.ok()) << hash.status();
  return *std::move(hash);
}

bool Parses(absl::string_view text, Scheme scheme = Scheme::kArgon2id) {
  return PasswordHash::Parse(text, scheme).ok();
}

TEST(PasswordTest, HashesThatDovecotMadeAcceptTheirPasswordAndNoOther) {
  for (absl::string_view text : kFromDovecot) {
    const PasswordHash hash = MustParse(text);
    EXPECT_TRUE(Verify(hash, kPassword)) << text;
    EXPECT_FALSE(Verify(hash, "correct horsf")) << text;
    EXPECT_FALSE(Verify(hash, "")) << text;
    EXPECT_FALSE(Verify(hash, absl::StrCat(kPassword, absl::string_view("\0x", 2)))) << text;
    EXPECT_EQ(hash.ToString(), text);
  }
}

TEST(PasswordTest, GuideNameArgon2idCryptIsTheSameScheme) {
  const std::string bare(kFromDovecot[0].substr(kFromDovecot[0].find('$')));
  EXPECT_TRUE(Verify(MustParse(absl::StrCat("{ARGON2ID-CRYPT}", bare)), kPassword));
  EXPECT_TRUE(Verify(MustParse(absl::StrCat("{argon2id}", bare)), kPassword));
}

TEST(PasswordTest, BareHashNamesItsSchemeByItsForm) {
  for (absl::string_view text : kFromDovecot) {
    const absl::string_view bare = text.substr(text.find('$'));
    for (Scheme scheme : {Scheme::kArgon2id, Scheme::kSha512Crypt, Scheme::kBlfCrypt}) {
      EXPECT_TRUE(Verify(MustParse(bare, scheme), kPassword)) << text;
    }
  }
}

TEST(PasswordTest, SchemeAndFormMustAgree) {
  const std::string bare(kFromDovecot[0].substr(kFromDovecot[0].find('$')));
  EXPECT_FALSE(Parses(absl::StrCat("{BLF-CRYPT}", bare)));
  EXPECT_FALSE(Parses("plain text password"));
  EXPECT_FALSE(Parses("{PLAIN}secret"));
  EXPECT_FALSE(Parses("{ARGON2ID"));
  EXPECT_FALSE(Parses(""));
}

TEST(PasswordTest, MistakesAreNamedWithoutTheHash) {
  const absl::Status status = PasswordHash::Parse("{MD5}topsecret", Scheme::kArgon2id).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "MD5")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "SHA512-CRYPT")) << status;
  EXPECT_FALSE(absl::StrContains(status.message(), "topsecret")) << status;
}

TEST(PasswordTest, CostsAreBounded) {
  const auto argon2 = [](uint64_t memory, uint64_t passes, uint64_t lanes) {
    return absl::StrCat("$argon2id$v=19$m=", memory, ",t=", passes, ",p=", lanes,
                        "$c2FsdHNhbHQ$aGFzaA");
  };
  EXPECT_TRUE(Parses(argon2(kMaxArgon2MemoryKib, kMaxArgon2Passes, kMaxArgon2Lanes)));
  EXPECT_FALSE(Parses(argon2(kMaxArgon2MemoryKib + 1, 1, 1)));
  EXPECT_FALSE(Parses(argon2(64, kMaxArgon2Passes + 1, 1)));
  EXPECT_FALSE(Parses(argon2(64, 1, kMaxArgon2Lanes + 1)));
  EXPECT_FALSE(Parses(argon2(64, 0, 1)));

  const auto bcrypt = [](uint32_t rounds) {
    return absl::StrCat("$2y$", rounds, "$", std::string(53, 'a'));
  };
  EXPECT_TRUE(Parses(bcrypt(kMaxBcryptLogRounds)));
  EXPECT_FALSE(Parses(bcrypt(kMaxBcryptLogRounds + 1)));

  const auto sha512 = [](uint64_t rounds) {
    return absl::StrCat("$6$rounds=", rounds, "$salt$", std::string(86, 'a'));
  };
  EXPECT_TRUE(Parses(sha512(kMaxSha512Rounds)));
  EXPECT_FALSE(Parses(sha512(kMaxSha512Rounds + 1)));
}

TEST(PasswordTest, PasswordsOverTheLimitAreRefused) {
  SeededRandom random(1);
  const std::string longest(kMaxPasswordBytes, 'x');
  absl::StatusOr<PasswordHash> hash = Hash(longest, random);
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_TRUE(Verify(*hash, longest));
  EXPECT_FALSE(Hash(longest + "x", random).ok());
  EXPECT_FALSE(Verify(*hash, longest + "x"));
  EXPECT_FALSE(Hash("", random).ok());
  EXPECT_FALSE(Hash(absl::string_view("a\0b", 3), random).ok());
}

TEST(PasswordTest, NewHashesAreSaltedAndVerify) {
  SeededRandom random(1);
  absl::StatusOr<PasswordHash> one = Hash(kPassword, random);
  absl::StatusOr<PasswordHash> two = Hash(kPassword, random);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(one->ToString(), two->ToString());
  EXPECT_TRUE(Verify(*one, kPassword));
  EXPECT_TRUE(Verify(*two, kPassword));
  EXPECT_FALSE(Verify(*two, "other"));
}

}  // namespace
}  // namespace packetboat::auth
