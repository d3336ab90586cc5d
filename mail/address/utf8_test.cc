#include "mail/address/utf8.h"

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace packetboat {
namespace {

TEST(Utf8, AcceptsTheEdgesOfEachLength) {
  for (const absl::string_view text :
       {absl::string_view("\0", 1), absl::string_view("\x7f"), absl::string_view("\xc2\x80"),
        absl::string_view("\xdf\xbf"), absl::string_view("\xe0\xa0\x80"),
        absl::string_view("\xed\x9f\xbf"), absl::string_view("\xee\x80\x80"),
        absl::string_view("\xef\xbf\xbf"), absl::string_view("\xf0\x90\x80\x80"),
        absl::string_view("\xf4\x8f\xbf\xbf")}) {
    EXPECT_EQ(Utf8CharacterBytes(text), text.size());
    EXPECT_TRUE(IsUtf8(text));
  }
}

TEST(Utf8, RefusesOverlongSurrogatesAndBeyondUnicode) {
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc2", "\xe2\x82",
        "\xf0\x9f\x98", "\xc2x", "\xe2\x82x"}) {
    EXPECT_EQ(Utf8CharacterBytes(text), 0u);
    EXPECT_FALSE(IsUtf8(text));
  }
}

TEST(Utf8, AsciiIsTheLowerHalf) {
  EXPECT_TRUE(IsAscii(absl::string_view("\0a\x7f", 3)));
  EXPECT_FALSE(IsAscii("\x80"));
  EXPECT_TRUE(IsAscii(""));
}

}  // namespace
}  // namespace packetboat
