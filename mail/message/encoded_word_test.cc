#include "mail/message/encoded_word.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::message {
namespace {

TEST(DecodeHeaderText, DecodesTheExamplesOfRfc2047) {
  const struct {
    const char* text;
    const char* decoded;
  } kCases[] = {
      {"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
      {"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"},
      {"=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"},
      {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"},
      // s8.
      {"(=?ISO-8859-1?Q?a?=)", "(a)"},
      {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
      {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
      {"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
      {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
      {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a=?ISO-8859-2?Q?_b?=)"},
      // RFC 2231 s5.
      {"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
  };
  for (const auto& c : kCases) EXPECT_EQ(DecodeHeaderText(c.text), c.decoded) << c.text;
}

TEST(DecodeHeaderText, MakesTheBestOfTheRest) {
  const struct {
    const char* text;
    const char* decoded;
  } kCases[] = {
      {"", ""},
      {"plain", "plain"},
      {"raw ü", "raw ü"},
      {"raw \xfc", "raw \xef\xbf\xbd"},
      {"=?utf-8?b?w7w=?=", "ü"},
      {"=?UTF-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"},  // one character in two words
      {"=?UTF-8?B?w?= =?UTF-8?B?7w=?=", "\xef\xbf\xbd"},
      {"=?UTF-8?Q?=FF?=", "\xef\xbf\xbd"},
      {"=?us-ascii?Q?=FC?=", "\xef\xbf\xbd"},
      {"=?UTF-8?Q?with space?=", "with space"},
      {"a=?UTF-8?Q?b?=c", "abc"},
      {"=?UTF-8?Q?=zz=4?=", "=zz=4"},
      {"=?UTF-8?Q?"
       "?=",
       ""},
      {"=?koi8-r?Q?=C1?= =?koi8-r?Q?=C2?=", "=?koi8-r?Q?=C1?= =?koi8-r?Q?=C2?="},
      // No encoded words.
      {"=?UTF-8?Q?a", "=?UTF-8?Q?a"},
      {"=?UTF-8?X?a?=", "=?UTF-8?X?a?="},
      {"=??Q?a?=", "=??Q?a?="},
      {"=?UTF-8?Q?a?b?=", "=?UTF-8?Q?a?b?="},
      {"=?UTF-8?Q?a\tb?=", "=?UTF-8?Q?a\tb?="},
      {"=?=?UTF-8?Q?a?=", "=?a"},
      {"=?", "=?"},
  };
  for (const auto& c : kCases) EXPECT_EQ(DecodeHeaderText(c.text), c.decoded) << c.text;
}

// Knows one charset, in which all is upper case.
bool Shouting(absl::string_view charset, absl::string_view octets, std::string* utf8) {
  if (charset != "x-shout") return false;
  absl::StrAppend(utf8, absl::AsciiStrToUpper(octets));
  return true;
}

TEST(DecodeHeaderText, AsksTheConverterForOtherCharsets) {
  EXPECT_EQ(
      DecodeHeaderText("=?x-shout?Q?a?= =?x-shout?Q?b?= =?utf-8?Q?c?= =?x-other?Q?d?=", Shouting),
      "ABc=?x-other?Q?d?=");
}

TEST(TokenizeEncodedWords, PiecesAreTheText) {
  for (const char* text :
       {"", "a", "=?UTF-8?Q?a?= b =?UTF-8?Q?c?=", "=?=?=?=", "x =?UTF-8?B?Zg==?=y"}) {
    std::string together;
    for (const HeaderToken& token : TokenizeEncodedWords(text))
      together.append(token.raw.data(), token.raw.size());
    EXPECT_EQ(together, text);
  }
}

}  // namespace
}  // namespace packetboat::message
