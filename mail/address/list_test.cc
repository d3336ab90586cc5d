#include "mail/address/list.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "mail/address/limits.h"

namespace packetboat::address {
namespace {

// One entry per line: `name|route|mailbox|host`, `{name` and `}` for groups.
std::string Show(const AddressList& list) {
  std::string out;
  for (const ListEntry& entry : list.entries) {
    switch (entry.kind) {
      case ListEntry::Kind::kMailbox:
        absl::StrAppend(&out, entry.name, "|", entry.route, "|", entry.mailbox, "|", entry.host,
                        "\n");
        break;
      case ListEntry::Kind::kGroupStart:
        absl::StrAppend(&out, "{", entry.mailbox, "\n");
        break;
      case ListEntry::Kind::kGroupEnd:
        absl::StrAppend(&out, "}\n");
        break;
    }
  }
  return out;
}

struct Case {
  const char* value;
  const char* shown;
};

TEST(ParseAddressList, ReadsTheExamplesOfRfc5322) {
  const Case kCases[] = {
      {"John Doe <jdoe@machine.example>", "John Doe||jdoe|machine.example\n"},
      {"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
       "Mary Smith||mary|x.test\n||jdoe|example.org\nWho?||one|y.test\n"},
      {"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
       "||boss|nil.test\nGiant; \"Big\" Box||sysservices|example.net\n"},
      {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
       "{A Group\nEd Jones||c|a.test\n||joe|where.test\nJohn||jdoe|one.test\n}\n"},
      {"Undisclosed recipients:;", "{Undisclosed recipients\n}\n"},
      {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete||pete|silly.test\n"},
      {"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         "
       "joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
       "{A Group\nChris Jones||c|public.example\n||joe|example.org\nJohn||jdoe|one.test\n}\n"},
      {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
       "{Hidden recipients\n}\n"},
      // Obsolete forms, appendix A.6.
      {"Joe Q. Public <john.q.public@example.com>", "Joe Q. Public||john.q.public|example.com\n"},
      {"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
       "Mary Smith|@node.test|mary|example.net\n||jdoe|test.example\n"},
      {"<@a.test,@b.test:c@d.test>", "|@a.test,@b.test|c|d.test\n"},
      {"jdoe . smith (x) @ test", "x||jdoe.smith|test\n"},
  };
  for (const Case& c : kCases) {
    const AddressList list = ParseAddressList(c.value);
    EXPECT_EQ(Show(list), c.shown) << c.value;
    EXPECT_TRUE(list.well_formed) << c.value;
  }
}

TEST(ParseAddressList, ReadsWhatElseIsGoodSyntax) {
  const Case kCases[] = {
      {"", ""},
      {" \r\n ", ""},
      {"\"john doe\"@example.org", "||john doe|example.org\n"},
      {"\"a\".b.\"c\"@example.org", "||a.b.c|example.org\n"},
      {"root@[192.0.2.1]", "||root|[192.0.2.1]\n"},
      {"jdoe@example.org (John Doe)", "John Doe||jdoe|example.org\n"},
      {"(John Doe) jdoe@example.org, (x), a@b.test", "John Doe||jdoe|example.org\n||a|b.test\n"},
      {"(ignored) jdoe@example.org (John (Q.) Doe)", "John (Q.) Doe||jdoe|example.org\n"},
      {"=?UTF-8?Q?J=C3=B6rg?= =?UTF-8?Q?_X?= <j@x.test>",
       "=?UTF-8?Q?J=C3=B6rg?= =?UTF-8?Q?_X?=||j|x.test\n"},
      {"Jörg <jörg@bücher.test>", "Jörg||jörg|bücher.test\n"},
      {"\"folded\r\n name\" <a@b.test>", "folded name||a|b.test\n"},
      {"a:b@c;,d:;", "{a\n||b|c\n}\n{d\n}\n"},
  };
  for (const Case& c : kCases) {
    const AddressList list = ParseAddressList(c.value);
    EXPECT_EQ(Show(list), c.shown) << c.value;
    EXPECT_TRUE(list.well_formed) << c.value;
  }
}

TEST(ParseAddressList, MakesTheBestOfBrokenOnesAndSaysSo) {
  const Case kCases[] = {
      {"jdoe", "||jdoe|\n"},
      {"John Doe", "||JohnDoe|\n"},
      {"<>", "|||\n"},
      {"jdoe@", "||jdoe|\n"},
      {"@example.org", "|||example.org\n"},
      {"<jdoe@example.org", "||jdoe|example.org\n"},
      {"jdoe@example.org>", "||jdoe|example.org\n"},
      {"<jdoe@example.org>, >", "||jdoe|example.org\n"},
      {"a@b.test c@d.test, e@f.test", "||a|b.test\n||e|f.test\n"},
      {"a@b.test; c@d.test", "||a|b.test\n||c|d.test\n"},
      {"a@b.test <a@b.test>", "a@b.test||a|b.test\n"},
      {"Joe [work] <a@b.test>", "Joe [work]||a|b.test\n"},
      {"\"unterminated <a@b.test>", "||unterminated <a@b.test>|\n"},
      {"(unterminated <a@b.test>", ""},
      {"group: a@b.test", "{group\n||a|b.test\n}\n"},
      {"one: a@b.test, two: c@d.test;", "{one\n||a|b.test\n}\n{two\n||c|d.test\n}\n"},
      {": a@b.test;", "{\n||a|b.test\n}\n"},
      {"a..b@c.test", "||a..b|c.test\n"},
      {"a.@c.test", "||a.|c.test\n"},
      {"a@b..test", "||a|b..test\n"},
      {"a@b.test.", "||a|b.test.\n"},
      {"a b@c.test", "||ab|c.test\n"},
      {"<@a.test b@c.test>", "|@a.test|b|c.test\n"},
      {"a@[1.2.3.4", "||a|[1.2.3.4\n"},
      {"\x01 <a@b.test>", "\x01||a|b.test\n"},
  };
  for (const Case& c : kCases) {
    const AddressList list = ParseAddressList(c.value);
    EXPECT_EQ(Show(list), c.shown) << c.value;
    EXPECT_FALSE(list.well_formed) << c.value;
  }
}

TEST(ParseAddressList, DeepCommentsNeedNoStack) {
  const size_t depth = 1'000'000;
  const std::string nested = std::string(depth, '(') + std::string(depth, ')');
  const AddressList list = ParseAddressList(nested + "a@b.test");
  ASSERT_EQ(list.entries.size(), 1u);
  EXPECT_EQ(list.entries[0].name.size(), 2 * depth - 2);
  EXPECT_EQ(list.entries[0].host, "b.test");
}

TEST(ParseAddressList, KeepsTenThousandEntries) {
  std::string value;
  for (size_t i = 0; i < kMaxListEntries; ++i) value += "a@b,";
  EXPECT_EQ(ParseAddressList(value).entries.size(), kMaxListEntries);
  EXPECT_TRUE(ParseAddressList(value).well_formed);
  value += "a@b";
  EXPECT_EQ(ParseAddressList(value).entries.size(), kMaxListEntries);
  EXPECT_FALSE(ParseAddressList(value).well_formed);
}

TEST(ParseAddressList, AFullListStillClosesItsGroup) {
  for (const size_t before : {kMaxListEntries - 2, kMaxListEntries - 1, kMaxListEntries}) {
    std::string value;
    for (size_t i = 0; i < before; ++i) value += "a@b,";
    const AddressList list = ParseAddressList(value + "group:c@d,e@f;");
    EXPECT_EQ(list.entries.size(), before == kMaxListEntries - 1 ? before : kMaxListEntries);
    EXPECT_FALSE(list.well_formed);
    const bool has_group = before == kMaxListEntries - 2;
    EXPECT_EQ(list.entries.back().kind == ListEntry::Kind::kGroupEnd, has_group);
  }
}

TEST(ToMailbox, GivesTheAddressOrSaysWhyNot) {
  const AddressList list = ParseAddressList("\"a b\"@Example.org, broken, ok@[IPv6:::1], bad@a_b");
  ASSERT_EQ(list.entries.size(), 4u);
  EXPECT_EQ(ToMailbox(list.entries[0])->ToString(), "\"a b\"@Example.org");
  EXPECT_FALSE(ToMailbox(list.entries[1]).ok());
  EXPECT_EQ(ToMailbox(list.entries[2])->ToString(), "ok@[IPv6:::1]");
  EXPECT_FALSE(ToMailbox(list.entries[3]).ok());
}

}  // namespace
}  // namespace packetboat::address
