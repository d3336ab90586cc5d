#include "mail/address/path.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "mail/address/limits.h"

namespace packetboat::address {
namespace {

TEST(ReversePath, ParsesToItsCanonicalForm) {
  const struct {
    const char* text;
    const char* canonical;
  } kCases[] = {
      {"<>", "<>"},
      {"<userx@y.foo.org>", "<userx@y.foo.org>"},
      {"<\"needless\"@example.org>", "<needless@example.org>"},
      {"<\"Joe Smith\"@example.org>", "<\"Joe Smith\"@example.org>"},
      {"<@hosta.int,@jkl.org:userc@d.bar.org>", "<userc@d.bar.org>"},  // RFC 5321 appendix C
      {"<@[192.0.2.1]:a@b>", "<a@b>"},
      {"<postmaster@[IPv6:2001:db8::1]>", "<postmaster@[IPv6:2001:db8::1]>"},
      {"<用户@例子.广告>", "<用户@例子.广告>"},
      {"<\">\"@a>", "<\">\"@a>"},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<ReversePath> path = ReversePath::Parse(c.text);
    ASSERT_TRUE(path.ok()) << c.text << ": " << path.status();
    EXPECT_EQ(path->ToString(), c.canonical);
    EXPECT_EQ(*ReversePath::Parse(path->ToString()), *path);
  }
}

TEST(ReversePath, RefusesBadSyntax) {
  for (const char* text : {"",           "<",           ">",           "a@b",          "< a@b>",
                           "<a@b >",     "<a@b",        "<a>",         "<postmaster>", "<<a@b>>",
                           "<a@b>>",     "<a@b> ",      "< >",         "<@a>",         "<@a:>",
                           "<@a,b:c@d>", "<@a @b:c@d>", "<@a:@b:c@d>", "<a@b>SIZE=1",  "<a@b\r\n>",
                           "<a@b,c@d>",  "<\"@b>",      "<a@b\0>"}) {
    EXPECT_FALSE(ReversePath::Parse(text).ok()) << text;
  }
}

TEST(ForwardPath, BarePostmasterNeedsNoDomain) {
  const ForwardPath path = *ForwardPath::Parse("<PostMaster>");
  EXPECT_TRUE(path.is_bare_postmaster());
  EXPECT_TRUE(path.IsAscii());
  EXPECT_EQ(path.ToString(), "<Postmaster>");
  EXPECT_FALSE(ForwardPath::Parse("<postmaster@example.org>")->is_bare_postmaster());
  EXPECT_FALSE(ForwardPath::Parse("<abuse>").ok());
}

TEST(ForwardPath, IsNeverNull) { EXPECT_FALSE(ForwardPath::Parse("<>").ok()); }

TEST(ConsumePath, LeavesTheParameters) {
  absl::string_view text = "<a@b> SIZE=1000 BODY=8BITMIME";
  ASSERT_TRUE(ConsumeReversePath(&text).ok());
  EXPECT_EQ(text, " SIZE=1000 BODY=8BITMIME");
  text = "<>";
  ASSERT_TRUE(ConsumeReversePath(&text)->is_null());
  EXPECT_EQ(text, "");
  text = "<postmaster> X=Y";
  ASSERT_TRUE(ConsumeForwardPath(&text)->is_bare_postmaster());
  EXPECT_EQ(text, " X=Y");
}

TEST(Path, TwoHundredFiftySixOctetsWithBracketsAndRoute) {
  const std::string address = "a@b.example";
  for (const size_t excess : {0, 1}) {
    const size_t hop_bytes = kMaxPathBytes - address.size() - 4 + excess;  // < @ : >
    std::string hop = "h";
    while (hop.size() + 2 <= hop_bytes) hop += ".h";
    hop.resize(hop_bytes, 'h');
    const std::string path = absl::StrCat("<@", hop, ":", address, ">");
    ASSERT_EQ(path.size(), kMaxPathBytes + excess);
    const absl::Status status = ForwardPath::Parse(path).status();
    EXPECT_EQ(status.code(), excess == 0 ? absl::StatusCode::kOk : absl::StatusCode::kOutOfRange)
        << status;
  }
}

}  // namespace
}  // namespace packetboat::address
