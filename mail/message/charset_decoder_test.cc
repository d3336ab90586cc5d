#include "mail/message/charset_decoder.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "mail/testing/cuts.h"

namespace packetboat::message {
namespace {

std::string Decode(absl::string_view charset, absl::string_view octets) {
  std::string utf8;
  EXPECT_TRUE(ConvertCharsetByIcu(charset, octets, &utf8)) << charset;
  return utf8;
}

TEST(CharsetDecoderTest, KnowsTheCharsetsOfMail) {
  EXPECT_EQ(Decode("iso-8859-1", "Z\xfcrich"), "Zürich");
  EXPECT_EQ(Decode("windows-1252", "\x80 1\x96\x32"), "€ 1–2");
  EXPECT_EQ(Decode("ISO-8859-15", "\xa4"), "€");
  EXPECT_EQ(Decode("koi8-r", "\xed\xcf\xd3\xcb\xd7\xc1"), "Москва");
  EXPECT_EQ(Decode("gb2312", "\xd6\xd0\xce\xc4"), "中文");
  EXPECT_EQ(Decode("big5", "\xa4\xa4\xa4\xe5"), "中文");
  EXPECT_EQ(Decode("Shift_JIS", "\x93\xfa\x96\x7b"), "日本");
  EXPECT_EQ(Decode("EUC-KR", "\xc7\xd1"), "한");
  EXPECT_EQ(Decode("utf-7", "+ZeVnLA-"), "日本");
  EXPECT_EQ(Decode("UTF-8", "caf\xc3\xa9"), "café");
}

TEST(CharsetDecoderTest, AsciiAboveItsRangeIsUtf8) {
  EXPECT_EQ(Decode("US-ASCII", "caf\xc3\xa9"), "café");
}

TEST(CharsetDecoderTest, WhatCannotBeIsAReplacementCharacter) {
  EXPECT_EQ(Decode("utf-8", "a\xff\x62"), "a\xef\xbf\xbd\x62");
  EXPECT_EQ(Decode("utf-8", "a\xc3"), "a\xef\xbf\xbd");
  EXPECT_EQ(Decode("Shift_JIS", "a\x93"), "a\xef\xbf\xbd");
}

TEST(CharsetDecoderTest, AnUnknownCharsetIsNone) {
  std::string utf8 = "as it was";
  for (const absl::string_view name : {"", "x-no-such", "utf-8,swaplfnl", "utf 8", "../../etc"}) {
    EXPECT_FALSE(ConvertCharsetByIcu(name, "abc", &utf8)) << name;
  }
  EXPECT_FALSE(ConvertCharsetByIcu(std::string(61, 'a'), "abc", &utf8));
  EXPECT_EQ(utf8, "as it was");
}

TEST(CharsetDecoderTest, StateGoesOverChunks) {
  const std::string long_text(5000, '\xe9');
  const std::vector<std::pair<absl::string_view, absl::string_view>> texts = {
      {"utf-8", "a\xc3\xa9\xf0\x9f\x98\x80z\xe2\x82"},
      {"iso-2022-jp", "\x1b$BF|K\\\x1b(B x \x1b$BF|"},
      {"utf-16", {"\xff\xfe\x0a\x00\x0a\x0b\x41\x00", 8}},
      {"utf-16be", {"\xd8\x3d\xde\x00\x00\x0a", 6}},
      {"iso-8859-1", long_text}};
  for (const auto& [charset, octets] : texts) {
    mail_testing::FeedInEveryCut(octets, [&](const std::vector<std::string>& chunks) {
      std::optional<CharsetDecoder> decoder = CharsetDecoder::Open(charset);
      std::string utf8;
      for (const std::string& chunk : chunks) decoder->Feed(chunk, &utf8);
      decoder->Finish(&utf8);
      return utf8;
    });
  }
}

}  // namespace
}  // namespace packetboat::message
