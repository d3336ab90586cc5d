#include "tests/bench/smtp_sender.h"

#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace packetboat::bench {
namespace {

constexpr size_t kBytes = 10'000;

class SmtpSenderTest : public testing::Test {
 protected:
  SmtpSenderTest()
      : text_(4 * kBytes / BodyText::kLineBytes, 1),
        sender_({.name = "s1", .recipients = {"a@x", "b@x"}, .message_bytes = kBytes}, text_,
                [this](absl::Duration took) { took_.push_back(took); }) {}

  // Says this, and returns what the sender answers.
  std::string Say(absl::string_view bytes) {
    now_ += absl::Milliseconds(1);
    sender_.Feed(bytes, now_);
    std::string output(sender_.output());
    sender_.Sent(output.size());
    return output;
  }

  void Greet() {
    EXPECT_EQ(Say("220 here\r\n"), "EHLO load.example\r\n");
    EXPECT_EQ(Say("250-here\r\n250-PIPELINING\r\n"), "");
    EXPECT_EQ(Say("250 SIZE\r\n"), "MAIL FROM:<s1@load.example>\r\nRCPT TO:<a@x>\r\nDATA\r\n");
  }

  const BodyText text_;
  std::vector<absl::Duration> took_;
  absl::Time now_;
  SmtpSender sender_;
};

TEST_F(SmtpSenderTest, SendsMessageAfterMessageToTheRecipientsInTurn) {
  Greet();
  std::set<std::string> messages;
  for (const char* next : {"b@x", "a@x", "b@x"}) {
    const std::string message = Say("250 ok\r\n250 ok\r\n354 go\r\n");
    EXPECT_EQ(message.size(), kBytes + 3);
    EXPECT_TRUE(absl::EndsWith(message, "\r\n.\r\n"));
    messages.insert(message);
    EXPECT_TRUE(absl::StrContains(Say("250 queued\r\n"), next));
  }
  EXPECT_EQ(messages.size(), 3u) << "no message equals another";
  EXPECT_EQ(took_, std::vector<absl::Duration>(3, absl::Milliseconds(2)));
}

TEST_F(SmtpSenderTest, RepliesMayComeInPieces) {
  Greet();
  EXPECT_EQ(Say("250 ok\r\n25"), "");
  EXPECT_EQ(Say("0 ok\r\n354"), "");
  EXPECT_EQ(Say(" go\r\n").size(), kBytes + 3);
}

TEST_F(SmtpSenderTest, EndsAfterTheMessageThatIsUnderWay) {
  Greet();
  sender_.Stop();
  EXPECT_EQ(Say("250 ok\r\n250 ok\r\n354 go\r\n").size(), kBytes + 3);
  EXPECT_FALSE(sender_.done());
  EXPECT_EQ(Say("250 queued\r\n"), "");
  EXPECT_TRUE(sender_.done());
  EXPECT_EQ(took_.size(), 1u);
  EXPECT_EQ(sender_.refusal(), "");
}

TEST_F(SmtpSenderTest, AnyOtherReplyIsARefusal) {
  Greet();
  Say("250 ok\r\n451 4.3.0 later\r\n");
  EXPECT_EQ(sender_.refusal(), "451 4.3.0 later");
  EXPECT_TRUE(sender_.done());
  EXPECT_EQ(Say("354 go\r\n"), "");
}

TEST_F(SmtpSenderTest, AMessageHasItsSizeWhateverIsLeftForTheLastLine) {
  for (size_t bytes = kMinMessageBytes; bytes < kMinMessageBytes + BodyText::kLineBytes; ++bytes) {
    SmtpSender sender({.name = "s", .recipients = {"a@x"}, .message_bytes = bytes}, text_,
                      [](absl::Duration) {});
    for (const char* said : {"220 here\r\n", "250 here\r\n", "250 a\r\n250 b\r\n354 c\r\n"}) {
      sender.Sent(sender.output().size());
      sender.Feed(said, absl::Time());
    }
    EXPECT_EQ(sender.output().size(), bytes + 3);
  }
}

}  // namespace
}  // namespace packetboat::bench
