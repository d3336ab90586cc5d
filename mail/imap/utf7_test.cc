#include "mail/imap/utf7.h"

#include <string>

#include "gtest/gtest.h"

namespace packetboat::imap {
namespace {

struct Name {
  const char* wire;
  const char* utf8;
};

constexpr Name kNames[] = {
    {"", ""},
    {"INBOX", "INBOX"},
    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"},  // RFC 3501 s5.1.3
    {"&U,BTF2XlZyyKng-", "台北日本語"},
    {"Entw&APw-rfe", "Entwürfe"},
    {"&BBIEMAQ2BD0EPgQ1-", "Важное"},
    {"A&-B", "A&B"},
    {"&-&-", "&&"},
    {"&APw-&-&APw-", "ü&ü"},
    {"&2D3eAA-", "😀"},
    {"&2D3eANg93gA-", "😀😀"},
    {"a&AOkA6QDp-b", "aéééb"},
    {"%*\"\\()", "%*\"\\()"},
    {"&,,0-", "\xef\xbf\xbd"},
};

TEST(Utf7, BothWays) {
  for (const Name& name : kNames) {
    EXPECT_EQ(DecodeMailboxName(name.wire), name.utf8) << name.wire;
    EXPECT_EQ(EncodeMailboxName(name.utf8), name.wire);
    EXPECT_TRUE(IsMailboxNameText(name.utf8));
  }
}

TEST(Utf7, RefusesEverySecondSpelling) {
  for (const char* wire : {
           "&Jjo!",               // RFC 3501 s5.1.3: no shift back
           "&U,BTFw-&ZeVnLIqe-",  // superfluous shift
           "&",                   // open
           "&APw",                // open
           "&AGE-",               // an "a"
           "&ACY-",               // a "&"
           "&APx-",               // bits left over
           "&APwA-",              // half a unit
           "&AP-",                // too short
           "&A-",                 //
           "&APw=-",              // padding
           "&2D0-",               // a high surrogate alone
           "&3gA-",               // a low surrogate alone
           "&3gDYPQ-",            // the wrong way round
           "&2D0AYQ-",            // a high surrogate and no low one
           "&ZeV/-",              // the slash of plain base64
           "Entw\xc3\xbcrfe",     // UTF-8
           "\x7f",                // DEL
           "a\tb",                // control
           "a\nb",                //
           "&AAA-",               // NUL
           "&AAo-",               // LF
           "&AIU-",               // NEL
           "&ICg-",               // LINE SEPARATOR
       }) {
    EXPECT_FALSE(DecodeMailboxName(wire).has_value()) << wire;
  }
}

TEST(Utf7, WhatIsNotUtf8BecomesReplacementCharacters) {
  EXPECT_EQ(EncodeMailboxName("a\xff"), "a&,,0-");
  EXPECT_EQ(EncodeMailboxName("\xc3"), "&,,0-");
  EXPECT_EQ(EncodeMailboxName("\xc0\x80"), "&,,3,,Q-");
  EXPECT_EQ(EncodeMailboxName("\xed\xa0\x80"), "&,,3,,f,9-");
}

TEST(Utf7, NameText) {
  for (const char* text : {"\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x9f\x98\x80",
                           "\xc0\xaf", "a\nb", "\x7f", "\xc2\x85", "\xe2\x80\xa8"}) {
    EXPECT_FALSE(IsMailboxNameText(text)) << text;
  }
}

}  // namespace
}  // namespace packetboat::imap
