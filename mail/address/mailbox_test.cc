#include "mail/address/mailbox.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "mail/address/limits.h"

namespace packetboat::address {
namespace {

// A name of exactly `bytes` octets in labels of at most 63.
std::string LongDomain(size_t bytes) {
  std::string domain;
  while (bytes > 64) {
    domain += std::string(std::min<size_t>(63, bytes - 2), 'd') + ".";
    bytes -= std::min<size_t>(63, bytes - 2) + 1;
  }
  return domain + std::string(bytes, 'e');
}

TEST(LocalPart, AcceptsWhatRfc5321Allows) {
  const struct {
    const char* text;
    const char* unquoted;
    const char* canonical;
  } kCases[] = {
      {"joe", "joe", "joe"},
      {"Joe.Q.Public", "Joe.Q.Public", "Joe.Q.Public"},
      {"!#$%&'*+-/=?^_`{|}~", "!#$%&'*+-/=?^_`{|}~", "!#$%&'*+-/=?^_`{|}~"},
      {"\"joe\"", "joe", "joe"},
      {"\"\"", "", "\"\""},
      {"\"a b\"", "a b", "\"a b\""},
      {"\"a@b\"", "a@b", "\"a@b\""},
      {"\"a\\\"b\\\\c\\d\"", "a\"b\\cd", "\"a\\\"b\\\\cd\""},
      {"\".a..b.\"", ".a..b.", "\".a..b.\""},
      {"用户", "用户", "用户"},
      {"\"δοκ ιμή\"", "δοκ ιμή", "\"δοκ ιμή\""},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<LocalPart> local_part = LocalPart::Parse(c.text);
    ASSERT_TRUE(local_part.ok()) << c.text << ": " << local_part.status();
    EXPECT_EQ(local_part->unquoted(), c.unquoted);
    EXPECT_EQ(local_part->ToString(), c.canonical);
    EXPECT_EQ(*LocalPart::Parse(local_part->ToString()), *local_part);
  }
}

TEST(LocalPart, RefusesBadSyntax) {
  for (const char* text :
       {"", ".a", "a.", "a..b", "a b", "a@b", "a\"b\"", "\"a", "\"a\"b", "\"a\\", "a\x01",
        "\"a\tb\"", "\"a\\\tb\"", "\"a\r\nb\"", "\xff", "a\xc3", "\"\\\xc3\xa9\"", "(c)a", "a,b"}) {
    EXPECT_EQ(LocalPart::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(LocalPart, SixtyFourOctetsAreTheLimit) {
  EXPECT_TRUE(LocalPart::Parse(std::string(kMaxLocalPartBytes, 'x')).ok());
  EXPECT_EQ(LocalPart::Parse(std::string(kMaxLocalPartBytes + 1, 'x')).status().code(),
            absl::StatusCode::kOutOfRange);
  // The quotes count only where they are needed.
  const std::string needless = absl::StrCat("\"", std::string(kMaxLocalPartBytes, 'x'), "\"");
  EXPECT_TRUE(LocalPart::Parse(needless).ok());
  EXPECT_TRUE(LocalPart::FromUnquoted(" " + std::string(kMaxLocalPartBytes - 3, 'x')).ok());
  EXPECT_FALSE(LocalPart::FromUnquoted(" " + std::string(kMaxLocalPartBytes - 2, 'x')).ok());
}

TEST(LocalPart, PostmasterInAnyCase) {
  EXPECT_TRUE(LocalPart::Parse("PostMaster")->IsPostmaster());
  EXPECT_TRUE(LocalPart::Parse("\"postmaster\"")->IsPostmaster());
  EXPECT_FALSE(LocalPart::Parse("postmaster1")->IsPostmaster());
}

TEST(Domain, AcceptsNamesAndLiterals) {
  const struct {
    const char* text;
    Domain::Kind kind;
    const char* canonical;
    const char* ip;
  } kCases[] = {
      {"Example.COM", Domain::Kind::kName, "Example.COM", ""},
      {"localhost", Domain::Kind::kName, "localhost", ""},
      {"3com.example", Domain::Kind::kName, "3com.example", ""},
      {"xn--bcher-kva.example", Domain::Kind::kName, "xn--bcher-kva.example", ""},
      {"bücher.example", Domain::Kind::kName, "bücher.example", ""},
      {"[192.0.2.1]", Domain::Kind::kIpv4Literal, "[192.0.2.1]", "192.0.2.1"},
      {"[IPv6:2001:DB8:0::1]", Domain::Kind::kIpv6Literal, "[IPv6:2001:db8::1]", "2001:db8::1"},
      {"[ipv6:::ffff:192.0.2.1]", Domain::Kind::kIpv6Literal, "[IPv6:::ffff:192.0.2.1]",
       "::ffff:192.0.2.1"},
      {"[x-tag:some!thing]", Domain::Kind::kGeneralLiteral, "[x-tag:some!thing]", ""},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<Domain> domain = Domain::Parse(c.text);
    ASSERT_TRUE(domain.ok()) << c.text << ": " << domain.status();
    EXPECT_EQ(domain->kind(), c.kind) << c.text;
    EXPECT_EQ(domain->text(), c.canonical);
    EXPECT_EQ(domain->ip_address(), c.ip);
  }
}

TEST(Domain, RefusesBadSyntax) {
  for (const char* text : {"",
                           ".",
                           "a.",
                           ".a",
                           "a..b",
                           "-a.example",
                           "a-.example",
                           "a_b.example",
                           "a b",
                           "a@b",
                           "a\xff",
                           "[",
                           "[]",
                           "[1.2.3]",
                           "[1.2.3.256]",
                           "[1.2.3.4",
                           "1.2.3.4]",
                           "[1.2.3.4]x",
                           "[IPv6:]",
                           "[IPv6:1::2::3]",
                           "[IPv6:12345::]",
                           "[IPv6:fe80::1%eth0]",
                           "[:x]",
                           "[tag-:x]",
                           "[tag:]",
                           "[tag:a b]",
                           "[tag:a\\b]",
                           "[::1]"}) {
    EXPECT_EQ(Domain::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Mailbox, ADefaultStringViewIsNothing) {
  EXPECT_FALSE(Domain::Parse(absl::string_view()).ok());
  EXPECT_FALSE(LocalPart::Parse(absl::string_view()).ok());
  EXPECT_FALSE(Mailbox::Parse(absl::string_view()).ok());
}

TEST(Domain, LimitsOfLabelAndWhole) {
  EXPECT_TRUE(Domain::Parse(std::string(kMaxLabelBytes, 'x') + ".example").ok());
  EXPECT_EQ(Domain::Parse(std::string(kMaxLabelBytes + 1, 'x') + ".example").status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(Domain::Parse(LongDomain(kMaxDomainBytes)).ok());
  EXPECT_EQ(Domain::Parse(LongDomain(kMaxDomainBytes + 1)).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST(Mailbox, SplitsAtTheAtBehindTheLocalPart) {
  const Mailbox mailbox = *Mailbox::Parse("\"a@b\"@Example.org");
  EXPECT_EQ(mailbox.local_part().unquoted(), "a@b");
  EXPECT_EQ(mailbox.domain().text(), "Example.org");
  EXPECT_EQ(mailbox.ToString(), "\"a@b\"@Example.org");
}

TEST(Mailbox, RefusesWhatIsNotOneAddress) {
  for (const char* text : {"", "@", "a", "a@", "@b", "a@b@c", "a@b c", " a@b", "a @b", "a@b ",
                           "<a@b>", "a@[1.2.3.4]x", "a@b\r\nRCPT", "a@b.", "a@b,c"}) {
    EXPECT_FALSE(Mailbox::Parse(text).ok()) << text;
  }
}

TEST(Mailbox, LeavesRoomForTheBracketsOfAPath) {
  const std::string local(60, 'l');
  const size_t room = kMaxPathBytes - 2 - local.size() - 1;
  EXPECT_TRUE(Mailbox::Parse(absl::StrCat(local, "@", LongDomain(room))).ok());
  EXPECT_EQ(Mailbox::Parse(absl::StrCat(local, "@", LongDomain(room + 1))).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST(Mailbox, TellsWhetherItNeedsSmtputf8) {
  EXPECT_TRUE(Mailbox::Parse("joe@xn--bcher-kva.example")->IsAscii());
  EXPECT_FALSE(Mailbox::Parse("joe@bücher.example")->IsAscii());
  EXPECT_FALSE(Mailbox::Parse("jöe@example.org")->IsAscii());
}

TEST(SplitSubaddress, SplitsAtTheFirstSeparator) {
  const struct {
    const char* local_part;
    const char* separators;
    const char* user;
    const char* detail;  // null: none
  } kCases[] = {
      {"joe+list", "+", "joe", "list"}, {"joe+a+b", "+", "joe", "a+b"},
      {"joe+", "+", "joe", ""},         {"joe", "+", "joe", nullptr},
      {"+list", "+", "+list", nullptr}, {"joe-list", "+", "joe-list", nullptr},
      {"joe-a+b", "+-", "joe", "a+b"},  {"joe+list", "", "joe+list", nullptr},
      {"\"joe +x\"", "+", "joe ", "x"},
  };
  for (const auto& c : kCases) {
    const Subaddress split = SplitSubaddress(*LocalPart::Parse(c.local_part), c.separators);
    EXPECT_EQ(split.user.unquoted(), c.user) << c.local_part;
    ASSERT_EQ(split.detail.has_value(), c.detail != nullptr) << c.local_part;
    EXPECT_EQ(split.detail.value_or(""), c.detail == nullptr ? "" : c.detail);
  }
}

}  // namespace
}  // namespace packetboat::address
