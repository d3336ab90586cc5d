#include "mail/address/normalize.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::address {
namespace {

TEST(ToALabels, LowersAndEncodes) {
  const struct {
    const char* domain;
    const char* a_labels;
  } kCases[] = {
      {"Example.COM", "example.com"},
      {"bücher.example", "xn--bcher-kva.example"},
      {"BÜCHER.example", "xn--bcher-kva.example"},
      {"bu\xcc\x88"
       "cher.example",
       "xn--bcher-kva.example"},              // u and a combining diaeresis
      {"faß.example", "xn--fa-hia.example"},  // nontransitional: not fass
      {"例子.广告", "xn--fsqu00a.xn--4rr70v"},
      {"例子。广告", "xn--fsqu00a.xn--4rr70v"},  // the ideographic full stop separates too
      {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
      {"r3---sn-x.example", "r3---sn-x.example"},  // ASCII is never refused
      {"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<Domain> domain = ToALabels(*Domain::Parse(c.domain));
    ASSERT_TRUE(domain.ok()) << c.domain << ": " << domain.status();
    EXPECT_EQ(domain->text(), c.a_labels);
  }
}

TEST(ToALabels, RefusesWhatIdnaForbids) {
  for (const char* text : {"a\xe2\x80\x8d"
                           "b.example",
                           "xn--\xc3\xbc.example", "\xcc\x88u.example", "a.\xe2\x80\xae.b"}) {
    const absl::StatusOr<Domain> domain = Domain::Parse(text);
    ASSERT_TRUE(domain.ok()) << text;
    EXPECT_FALSE(ToALabels(*domain).ok()) << text;
  }
  // Its A-label has more than 63 octets.
  std::string label;
  for (int i = 0; i < 62; ++i) absl::StrAppend(&label, "ü");
  EXPECT_FALSE(ToALabels(*Domain::Parse(label + ".example")).ok());
}

TEST(ToULabels, ShowsWhatCanBeShown) {
  EXPECT_EQ(ToULabels(*Domain::Parse("xn--bcher-kva.EXAMPLE")).text(), "bücher.example");
  EXPECT_EQ(ToULabels(*Domain::Parse("xn--zzzzzzzz99999.example")).text(),
            "xn--zzzzzzzz99999.example");
  EXPECT_EQ(ToULabels(*Domain::Parse("[192.0.2.1]")).text(), "[192.0.2.1]");
}

TEST(LookupKey, EqualForOneMailbox) {
  const struct {
    const char* one;
    const char* other;
  } kCases[] = {
      {"Joe@Example.org", "jOE@example.ORG"},
      {"\"joe\"@example.org", "joe@example.org"},
      {"JOS\xc3\x89@example.org", "jose\xcc\x81@example.org"},
      {"ΣΊΣΥΦΟΣ@example.org", "σίσυφος@example.org"},
      {"Straße@example.org", "STRASSE@example.org"},
      {"a@bücher.example", "A@xn--bcher-kva.example"},
      {"a@[IPv6:2001:DB8::0:1]", "A@[ipv6:2001:db8::1]"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(*LookupKey(*Mailbox::Parse(c.one)), *LookupKey(*Mailbox::Parse(c.other))) << c.one;
  }
  EXPECT_EQ(*LookupKey(*Mailbox::Parse("Joe+Tag@Example.org")), "joe+tag@example.org");
  EXPECT_EQ(*LookupKey(*Mailbox::Parse("\"A b\"@example.org")), "\"a b\"@example.org");
}

TEST(LookupKey, DiffersForDifferentMailboxes) {
  EXPECT_NE(*LookupKey(*Mailbox::Parse("jose@example.org")),
            *LookupKey(*Mailbox::Parse("josé@example.org")));
  EXPECT_NE(*LookupKey(*Mailbox::Parse("a@fass.example")),
            *LookupKey(*Mailbox::Parse("a@faß.example")));
  EXPECT_NE(*LookupKey(*Mailbox::Parse("joe@example.org")),
            *LookupKey(*Mailbox::Parse("\"joe \"@example.org")));
}

}  // namespace
}  // namespace packetboat::address
