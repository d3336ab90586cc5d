// The seam to the shell: back-pressure, deadlines, what stays bounded, who may be late. What the
// session says to its client is in the dialogs.

#include "mail/smtp/server_session.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "mail/smtp/session_driver.h"

namespace packetboat::smtp {
namespace {

constexpr char kToData[] = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n";

ServerConfig Config() {
  ServerConfig config;
  config.hostname = "mx.example.test";
  return config;
}

TEST(ServerSession, GreetsOnStart) {
  SessionDriver driver(Config());
  EXPECT_EQ(driver.output, "220 mx.example.test ESMTP Packetboat\r\n");
  EXPECT_EQ(driver.session.state(), State::kGreeted);
}

TEST(ServerSession, WantsNoMoreThanTheBoundWhileAnAnswerIsAwaited) {
  ServerConfig config = Config();
  config.limits.max_buffered_input_bytes = 100;
  SessionDriver driver(config);
  driver.Play("EHLO x\r\n");
  driver.Feed("MAIL FROM:<a@example.org>\r\n");
  EXPECT_NE(driver.open_query.value(), 0u);
  driver.Feed(std::string(99, 'x'));
  EXPECT_TRUE(driver.session.wants_input());
  driver.Feed("x");
  EXPECT_FALSE(driver.session.wants_input());
  driver.Answer(Accept{});
  EXPECT_TRUE(driver.session.wants_input());
}

TEST(ServerSession, WantsNoMoreThanTheBoundWhileTheBodyIsNotTaken) {
  ServerConfig config = Config();
  config.limits.max_untaken_body_bytes = 1000;
  config.limits.max_buffered_input_bytes = 100;
  SessionDriver driver(config);
  driver.Play("EHLO x\r\n");
  driver.Play(kToData);
  driver.Feed(std::string(1000, 'x'));
  EXPECT_EQ(driver.given, 1000u);
  EXPECT_TRUE(driver.session.wants_input());
  driver.Feed(std::string(100, 'y'));
  EXPECT_EQ(driver.given, 1000u);
  EXPECT_FALSE(driver.session.wants_input());
  EXPECT_EQ(driver.session.next_deadline(), absl::InfiniteFuture());
  driver.session.OnBodyTaken(1, driver.now);
  driver.Take();
  EXPECT_EQ(driver.given, 1001u);
  driver.session.OnBodyTaken(1001, driver.now);
  driver.Take();
  EXPECT_EQ(driver.given, 1100u);
  EXPECT_TRUE(driver.session.wants_input());
  EXPECT_LT(driver.session.next_deadline(), absl::InfiniteFuture());
}

TEST(ServerSession, CarriesOutNothingForAPeerThatDoesNotRead) {
  ServerConfig config = Config();
  config.limits.max_unwritten_bytes = 200;
  config.limits.max_buffered_input_bytes = 100;
  SessionDriver driver(config);
  driver.Play("EHLO x\r\n");
  const size_t said = driver.output.size();
  std::string group;
  for (int i = 0; i < 100; ++i) group += "RSET\r\n";
  driver.Feed(group);
  // One reply may stand beyond the bound.
  EXPECT_LT(driver.output.size() - said, 200u + 20u);
  EXPECT_FALSE(driver.session.wants_input());
  driver.Settle();
  EXPECT_EQ(driver.output.size() - said, 100 * std::string("250 2.0.0 Ok\r\n").size());
  EXPECT_TRUE(driver.session.wants_input());
}

TEST(ServerSession, APeerThatNeverReadsMeetsTheDeadline) {
  ServerConfig config = Config();
  config.limits.max_unwritten_bytes = 1;
  SessionDriver driver(config);
  driver.Feed("NOOP\r\n");
  driver.now += config.limits.command_timeout;
  driver.session.OnTimer(driver.now);
  driver.Take();
  EXPECT_TRUE(driver.closed);
}

TEST(ServerSession, TimerThatComesEarlyDoesNothing) {
  SessionDriver driver(Config());
  driver.session.OnTimer(driver.session.next_deadline() - absl::Nanoseconds(1));
  driver.Take();
  EXPECT_FALSE(driver.closed);
  driver.session.OnTimer(driver.session.next_deadline());
  driver.Take();
  EXPECT_TRUE(driver.closed);
  EXPECT_EQ(driver.session.next_deadline(), absl::InfiniteFuture());
}

TEST(ServerSession, DeadlineStartsAnewWithEachAnswer) {
  SessionDriver driver(Config());
  driver.Play("EHLO x\r\n");
  driver.Feed("MAIL FROM:<a@example.org>\r\n");
  EXPECT_EQ(driver.session.next_deadline(), absl::InfiniteFuture());
  driver.now += absl::Hours(1);
  driver.Answer(Accept{});
  EXPECT_EQ(driver.session.next_deadline(), driver.now + Limits().command_timeout);
}

TEST(ServerSession, AnswersToOtherQuestionsAreIgnored) {
  SessionDriver driver(Config());
  driver.Play("EHLO x\r\n");
  driver.Feed("MAIL FROM:<a@example.org>\r\n");
  const std::string said = driver.output;
  driver.session.Answer(QueryId(driver.open_query.value() + 1), Accept{}, driver.now);
  driver.session.Answer(QueryId(0), Accept{}, driver.now);
  driver.Take();
  EXPECT_EQ(driver.output, said);
  const QueryId open = driver.open_query;
  driver.Answer(Accept{});
  driver.session.Answer(open, Accept{}, driver.now);
  driver.Take();
  EXPECT_EQ(driver.output, said + "250 2.1.0 Ok\r\n");
}

TEST(ServerSession, NothingHappensAfterClose) {
  SessionDriver driver(Config());
  driver.Feed("QUIT\r\n");
  EXPECT_TRUE(driver.closed);
  EXPECT_FALSE(driver.session.wants_input());
  driver.session.Feed("NOOP\r\n", driver.now);
  driver.session.OnTimer(driver.now + absl::Hours(1));
  driver.session.OnPeerClosed();
  driver.session.Drain(driver.now);
  driver.session.OnWritten(1, driver.now);
  driver.session.OnTlsEstablished({}, driver.now);
  EXPECT_TRUE(driver.session.TakeActions().empty());
}

TEST(ServerSession, NotesWhoTalksBeforeTheGreeting) {
  ServerConfig config = Config();
  config.ask_connect = true;
  SessionDriver driver(config);
  EXPECT_FALSE(driver.session.facts().talked_early);
  driver.Feed("EHLO x\r\n");
  EXPECT_TRUE(driver.session.facts().talked_early);
  EXPECT_EQ(driver.output, "");
  driver.Answer(Accept{});
  EXPECT_TRUE(absl::StartsWith(driver.output, "220 "));
  EXPECT_TRUE(absl::StrContains(driver.output, "PIPELINING"));
}

TEST(ServerSession, KeepsWhatTheMxNeedsUntilTheMessageIsDecided) {
  SessionDriver driver(Config());
  driver.Play("EHLO client.example.org\r\n");
  driver.Play(kToData);
  driver.Feed("text\r\n.\r\n");
  EXPECT_NE(driver.open_query.value(), 0u);
  const Transaction& transaction = driver.session.transaction();
  EXPECT_EQ(transaction.id, "S1.1");
  EXPECT_EQ(transaction.reverse_path.ToString(), "<a@example.org>");
  ASSERT_EQ(transaction.recipients.size(), 1u);
  EXPECT_EQ(transaction.recipients[0].ToString(), "<b@example.test>");
  EXPECT_EQ(driver.session.facts().hello_name, "client.example.org");
  EXPECT_TRUE(driver.session.facts().extended);
  driver.session.OnPeerClosed();
  EXPECT_EQ(transaction.recipients.size(), 1u);
}

TEST(ServerSession, TlsForgetsTheHelloAndKeepsTheCounters) {
  ServerConfig config = Config();
  config.starttls = true;
  config.limits.max_errors = 1;
  SessionDriver driver(config);
  driver.Play("EHLO client.example.org\r\n");
  driver.Play("NONSENSE\r\n");
  driver.Play("STARTTLS\r\n");
  EXPECT_EQ(driver.handshakes, 1);
  EXPECT_FALSE(driver.session.wants_input());
  driver.session.OnTlsEstablished({"TLSv1.3", "TLS_AES_128_GCM_SHA256", "", {}, {}}, driver.now);
  EXPECT_EQ(driver.session.facts().hello_name, "");
  EXPECT_FALSE(driver.session.facts().extended);
  EXPECT_TRUE(driver.session.facts().tls.has_value());
  driver.Play("NONSENSE\r\n");
  EXPECT_TRUE(driver.closed);
}

TEST(ServerSession, ImplicitTlsGreetsOnlyBehindTheHandshake) {
  ServerConfig config = Config();
  config.mode = Mode::kSubmissions;
  SessionDriver driver(config);
  EXPECT_EQ(driver.output, "");
  EXPECT_FALSE(driver.session.wants_input());
  EXPECT_EQ(driver.session.next_deadline(), driver.now + Limits().tls_handshake_timeout);
  driver.session.OnTlsEstablished({}, driver.now);
  driver.Take();
  EXPECT_TRUE(absl::StartsWith(driver.output, "220 "));
}

// A message of 50 MB goes through without ever being held.
TEST(ServerSession, StreamsALargeMessage) {
  SessionDriver driver(Config());
  driver.Play("EHLO x\r\n");
  driver.Play(kToData);
  driver.Play("Subject: large\r\n\r\n");
  std::string block;
  for (int i = 0; i < 1000; ++i) block += "0123456789012345678901234567890123456789\r\n";
  uint64_t octets = driver.given;
  for (; octets + block.size() < 50'000'000; octets += block.size()) {
    driver.session.Feed(block, driver.now);
    driver.Settle();
    ASSERT_EQ(driver.given, octets + block.size());
    driver.body.clear();
  }
  driver.Play(".\r\n");
  EXPECT_TRUE(absl::EndsWith(driver.output, "250 2.0.0 Ok: queued as S1.1\r\n"));
}

TEST(ServerSession, ConfirmsOnlyInputBehindTheWrittenReply) {
  SessionDriver driver(Config());
  driver.Play("EHLO x\r\n");
  driver.Play(kToData);
  driver.Feed("text\r\n.\r\n");
  driver.Answer(Accept{});
  const uint64_t end_of_reply = driver.sent;
  // Not yet written, then all but its last octet.
  driver.Feed("RSET\r\n");
  EXPECT_TRUE(driver.confirmed.empty());
  driver.session.OnWritten(end_of_reply - 1, driver.now);
  driver.Feed("RSET\r\n");
  EXPECT_TRUE(driver.confirmed.empty());
  driver.session.OnWritten(end_of_reply, driver.now);
  driver.Feed("RSET\r\n");
  EXPECT_EQ(driver.confirmed, std::vector<std::string>{"S1.1"});
}

// What lay in the socket while the session wanted no input was sent before the 250 was written.
TEST(ServerSession, BacklogConfirmsNothingUntilALaterReplyIsProven) {
  ServerConfig config = Config();
  config.limits.max_buffered_input_bytes = 10;
  SessionDriver driver(config);
  driver.Play("EHLO x\r\n");
  driver.Play(kToData);
  driver.Feed("text\r\n.\r\n");
  driver.Feed("RSET\r\nRSET");
  ASSERT_FALSE(driver.session.wants_input());
  driver.Answer(Accept{});
  driver.session.OnWritten(driver.sent, driver.now);
  driver.Feed("\r\nRSET\r\nRSET\r\n");
  EXPECT_TRUE(driver.confirmed.empty());
  driver.Settle();
  driver.Play(kToData);
  driver.Feed("text\r\n.\r\n");
  driver.Answer(Accept{});
  EXPECT_TRUE(driver.confirmed.empty());
  driver.session.OnWritten(driver.sent, driver.now);
  driver.Feed("RSET\r\n");
  EXPECT_EQ(driver.confirmed, (std::vector<std::string>{"S1.1", "S1.2"}));
}

TEST(ServerSession, RemembersABoundedNumberOfUnconfirmedReplies) {
  ServerConfig config = Config();
  config.forbid_early_pipelining = false;
  SessionDriver driver(config);
  driver.Play("EHLO x\r\n");
  for (size_t i = 0; i <= kMaxUnconfirmedReplies; ++i) {
    driver.Feed("MAIL FROM:<>\r\n");
    driver.Answer(Accept{});
    driver.Feed("RCPT TO:<b@example.test>\r\n");
    driver.Answer(Accept{});
    driver.Feed("DATA\r\n.\r\n");
    driver.Answer(Accept{});
  }
  driver.session.OnWritten(driver.sent, driver.now);
  driver.Feed("RSET\r\n");
  EXPECT_EQ(driver.confirmed.size(), kMaxUnconfirmedReplies);
  EXPECT_EQ(driver.confirmed.front(), "S1.2");
}

}  // namespace
}  // namespace packetboat::smtp
