#include "mail/imap/text_search.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace packetboat::imap {
namespace {

TEST(CasemapTest, CaseDoesNotMatter) {
  EXPECT_EQ(Casemap("Hello, World 1!"), "HELLO, WORLD 1!");
  EXPECT_EQ(Casemap("ÄÖÜ Привет ΣΊΣΥΦΟΣ"), Casemap("äöü пРИВЕТ σίσυφοΣ"));
  // RFC 5051 s2.3 takes the title case of single characters: a sharp s is no SS.
  EXPECT_NE(Casemap("Straße"), Casemap("STRASSE"));
}

TEST(CasemapTest, CharactersAreDecomposed) {
  EXPECT_EQ(Casemap("\xc3\xa9"), Casemap("e\xcc\x81"));              // é
  EXPECT_EQ(Casemap("\xe1\xba\xad"), Casemap("a\xcc\xa3\xcc\x82"));  // twice
  EXPECT_EQ(Casemap("\xef\xbc\xa1"), "A");                           // full width
  EXPECT_EQ(Casemap("\xe2\x91\xa0"), "1");                           // in a circle
  EXPECT_EQ(Casemap("\xed\x95\x9c"), "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab");
}

TEST(CasemapTest, WhatIsNotUtf8Stays) {
  EXPECT_EQ(Casemap("a\xff\xc3z\xe2\x82"), "A\xff\xc3Z\xe2\x82");
}

TEST(ContainsMappedTest, AnAccentMayBeLeftOut) {
  EXPECT_TRUE(ContainsMapped("Café au lait", Casemap("CAFÉ AU")));
  EXPECT_TRUE(ContainsMapped("Café", Casemap("cafe")));
  EXPECT_FALSE(ContainsMapped("Cafe", Casemap("café")));
}

TEST(TextFinderTest, FindsAcrossPiecesButNotAcrossABreak) {
  TextFinder finder({Casemap("lunch"), Casemap("noon"), Casemap("é")});
  finder.Feed("at no");
  finder.Break();
  finder.Feed("on a Lun");
  EXPECT_FALSE(finder.found(0));
  finder.Feed("CH caf\xc3\xa9");
  EXPECT_TRUE(finder.found(0));
  EXPECT_FALSE(finder.found(1));
  EXPECT_TRUE(finder.found(2));
  EXPECT_FALSE(finder.all_found());
}

TEST(TextFinderTest, TheEmptyTextIsEverywhere) { EXPECT_TRUE(TextFinder({""}).all_found()); }

}  // namespace
}  // namespace packetboat::imap
