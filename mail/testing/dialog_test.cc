#include "mail/testing/dialog.h"

#include <deque>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::mail_testing {
namespace {

// Echoes every flight and records what it was told.
class Echo : public DialogTarget {
 public:
  absl::Status Send(absl::string_view octets) override {
    absl::StrAppend(&log_, "[", octets, "]");
    lines_.emplace_back(octets.substr(0, octets.find("\r\n")));
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ReadLine() override {
    if (lines_.empty()) return absl::FailedPreconditionError("silence");
    std::string line = lines_.front();
    lines_.pop_front();
    return line;
  }
  absl::Status ExpectClosed() override { return absl::FailedPreconditionError("open"); }
  absl::Status ExpectMessage(absl::string_view octets) override {
    absl::StrAppend(&log_, "message(", octets, ")");
    return absl::OkStatus();
  }
  absl::Status Direct(absl::string_view word, absl::string_view text) override {
    absl::StrAppend(&log_, word, "(", text, ")");
    return absl::OkStatus();
  }
  const std::string& log() const { return log_; }

 private:
  std::string log_;
  std::deque<std::string> lines_;
};

absl::Status RunText(absl::string_view text, Echo& echo) {
  absl::StatusOr<Dialog> dialog = ParseDialog("file", text);
  return dialog.ok() ? RunDialog(*dialog, echo) : dialog.status();
}

TEST(Dialog, ConsecutiveClientLinesAreOneFlight) {
  Echo echo;
  EXPECT_TRUE(RunText("# comment\nC: a\nC- b\n\nC{2}: c\nS: a\nC: d\nflight\nC:\n", echo).ok());
  EXPECT_EQ(echo.log(), "[a\r\nbc\r\nc\r\n][d\r\n][\r\n]");
}

TEST(Dialog, ResolvesEscapes) {
  Echo echo;
  EXPECT_TRUE(RunText("C- \\r\\n\\t\\0\\\\\\x41\\{3:ab\\n}\\*", echo).ok());
  EXPECT_EQ(echo.log(), std::string("[\r\n\t\0\\Aab\nab\nab\n*]", 18));
  for (const char* bad : {"C- \\q", "C- \\x4", "C- \\{3ab}", "C- \\{x:a}", "C- \\"}) {
    EXPECT_FALSE(RunText(bad, echo).ok()) << bad;
  }
}

TEST(Dialog, NamesFileAndLineOfWhatWentWrong) {
  Echo echo;
  EXPECT_EQ(RunText("\nC: a\nS: b\n", echo).message(), "file:3: wanted \"b\", got \"a\"");
  EXPECT_EQ(RunText("S: b\n", echo).message(), "file:1: wanted \"b\", but silence");
  EXPECT_EQ(RunText("C: a\nclosed\n", echo).message(), "file:2: open");
}

TEST(Dialog, GivesMessagesAndOtherWordsToTheTarget) {
  Echo echo;
  EXPECT_TRUE(RunText("answer rcpt 550 no\nM: a\nM- b\nwait 3s\n", echo).ok());
  EXPECT_EQ(echo.log(), "answer(rcpt 550 no)message(a\r\nb)wait(3s)");
}

TEST(Dialog, SettingsStandBeforeTheSteps) {
  const absl::StatusOr<Dialog> dialog = ParseDialog("file", "set a b c\nset a d\nC: x\n");
  ASSERT_TRUE(dialog.ok());
  EXPECT_EQ(dialog->Setting("a", ""), "d");
  EXPECT_EQ(dialog->Setting("b", "none"), "none");
  EXPECT_FALSE(ParseDialog("file", "C: x\nset a b\n").ok());
  EXPECT_FALSE(ParseDialog("file", "set a\n").ok());
}

TEST(Dialog, PatternsMatchWholeLines) {
  EXPECT_TRUE(MatchesDialogPattern("250 Ok", "250 Ok"));
  EXPECT_FALSE(MatchesDialogPattern("250 Ok", "250 Ok!"));
  EXPECT_TRUE(MatchesDialogPattern("250 *", "250 "));
  EXPECT_TRUE(MatchesDialogPattern("* a * c", "x a b c"));
  EXPECT_FALSE(MatchesDialogPattern("* a * c", "x a b d"));
  EXPECT_TRUE(MatchesDialogPattern("\\* OK \\{3:x}", "* OK xxx"));
}

}  // namespace
}  // namespace packetboat::mail_testing
