#include "mail/smtp/reply.h"

#include <string>

#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "mail/smtp/limits.h"

namespace packetboat::smtp {
namespace {

TEST(FormatReply, PutsCodesBeforeEveryLine) {
  EXPECT_EQ(FormatReply({250, "2.1.0", "Ok"}), "250 2.1.0 Ok\r\n");
  EXPECT_EQ(FormatReply({250, "", "one\ntwo\nthree"}), "250-one\r\n250-two\r\n250 three\r\n");
  EXPECT_EQ(FormatReply({550, "5.1.1", "no\nnever"}), "550-5.1.1 no\r\n550 5.1.1 never\r\n");
  EXPECT_EQ(FormatReply({334, "", ""}), "334 \r\n");
}

TEST(FormatReply, NoTextBeginsAnotherReply) {
  EXPECT_EQ(FormatReply({550, "5.1.1", "a\r250 ok"}), "550 5.1.1 a 250 ok\r\n");
  EXPECT_EQ(FormatReply({550, "5.1.1", std::string("a\0b\x7f", 4)}), "550 5.1.1 a b \r\n");
}

TEST(FormatReply, ShowsUtf8OnlyToWhoAskedForIt) {
  EXPECT_EQ(FormatReply({550, "5.1.1", "f\xc3\xbcr"}), "550 5.1.1 f??r\r\n");
  EXPECT_EQ(FormatReply({550, "5.1.1", "f\xc3\xbcr"}, ReplyCharset::kUtf8),
            "550 5.1.1 f\xc3\xbcr\r\n");
}

TEST(FormatReply, SplitsTextsThatDoNotFitIntoALine) {
  const size_t room = kMaxReplyLineBytes - std::string("550 5.1.1 \r\n").size();
  EXPECT_EQ(FormatReply({550, "5.1.1", std::string(room, 'x')}).size(), kMaxReplyLineBytes);
  EXPECT_EQ(FormatReply({550, "5.1.1", std::string(room + 1, 'x')}),
            "550-5.1.1 " + std::string(room, 'x') + "\r\n550 5.1.1 x\r\n");
}

TEST(FormatReply, SplitsAtBlanksAndNeverInsideACharacter) {
  std::string text(400, 'x');
  text += " " + std::string(200, 'y');
  EXPECT_EQ(
      FormatReply({550, "5.1.1", text}),
      "550-5.1.1 " + std::string(400, 'x') + "\r\n550 5.1.1 " + std::string(200, 'y') + "\r\n");
  std::string umlauts;
  for (int i = 0; i < 1000; ++i) umlauts += "\xc3\xbc";
  const std::string formatted = FormatReply({550, "5.1.1", umlauts}, ReplyCharset::kUtf8);
  for (absl::string_view line : absl::StrSplit(formatted, "\r\n", absl::SkipEmpty())) {
    EXPECT_LE(line.size() + 2, kMaxReplyLineBytes);
    EXPECT_EQ(line.substr(10, 2), "\xc3\xbc");
  }
}

}  // namespace
}  // namespace packetboat::smtp
