#include "base/json.h"

#include <string>

#include "gtest/gtest.h"

namespace packetboat {
namespace {

std::string Json(absl::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

TEST(JsonStringTest, EscapesWhatJsonMustEscape) {
  EXPECT_EQ(Json("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Json("\r\n\t"), R"("\r\n\t")");
  EXPECT_EQ(Json(absl::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
}

TEST(JsonStringTest, EscapesEverythingThatSomeToolTakesForALineEnd) {
  EXPECT_EQ(Json("\xC2\x85 \xE2\x80\xA8 \xE2\x80\xA9 \v\f"),
            R"("\u0085 \u2028 \u2029 \u000b\u000c")");
}

TEST(JsonStringTest, KeepsValidUtf8) {
  EXPECT_EQ(Json("h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x93\xA8"),
            "\"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x93\xA8\"");
}

TEST(JsonStringTest, ReplacesEachOctetThatIsNoUtf8) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(Json("a\xFFz"), "\"a" + r + "z\"");
  EXPECT_EQ(Json("\xC3"), "\"" + r + "\"") << "cut short";
  EXPECT_EQ(Json("\xC0\xAF"), "\"" + r + r + "\"") << "overlong";
  EXPECT_EQ(Json("\xED\xA0\x80"), "\"" + r + r + r + "\"") << "surrogate";
  EXPECT_EQ(Json("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"") << "beyond U+10FFFF";
  EXPECT_EQ(Json("\xE2\x82\"x"), "\"" + r + r + "\\\"x\"") << "a quote is never swallowed";
}

TEST(CutUtf8Test, NeverCutsInsideASequence) {
  EXPECT_EQ(CutUtf8("a\xE2\x82\xAC", 4), "a\xE2\x82\xAC");
  EXPECT_EQ(CutUtf8("a\xE2\x82\xAC", 3), "a");
  EXPECT_EQ(CutUtf8("a\xE2\x82\xAC", 2), "a");
  EXPECT_EQ(CutUtf8("a\xE2\x82\xAC", 1), "a");
  EXPECT_EQ(CutUtf8("abc", 0), "");
}

TEST(CutUtf8Test, CutsWhatIsNoUtf8AtTheLimit) {
  EXPECT_EQ(CutUtf8(std::string(9, '\x80'), 6).size(), 6u);
}

}  // namespace
}  // namespace packetboat
