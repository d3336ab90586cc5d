#include "mx/inbound/session.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mx/inbound/client_limits.h"
#include "mx/inbound/server.h"
#include "net/testing/fake_event_loop.h"
#include "net/testing/fake_network.h"
#include "net/testing/recording_handler.h"

namespace packetboat::mx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Knows the addresses that a test gives it.
class TableAuth : public AuthClient {
 public:
  void Resolve(std::string address,
               absl::AnyInvocable<void(absl::StatusOr<Resolved>)> done) override {
    if (!failure.ok()) return done(failure);
    if (waits) {
      waiting.push_back(
          [answer = table[address], done = std::move(done)]() mutable { done(std::move(answer)); });
      return;
    }
    const auto found = table.find(address);
    done(found == table.end() ? Resolved{} : found->second);
  }
  absl::Status status() const override { return absl::OkStatus(); }

  std::map<std::string, Resolved> table;
  absl::Status failure;
  // Answers wait until the test gives them.
  bool waits = false;
  std::vector<absl::AnyInvocable<void()>> waiting;
};

// Keeps what is delivered; a test decides how it ends.
class RecordingStores : public StoreClient {
 public:
  void Deliver(
      Delivery delivery, absl::Time,
      absl::AnyInvocable<void(absl::StatusOr<std::vector<DeliveryOutcome>>)> done) override {
    bodies.push_back(*delivery.body->Read(0, 1 << 20));
    const auto failure = failures.find(delivery.shard);
    if (failure != failures.end()) {
      done(failure->second);
    } else {
      done(std::vector<DeliveryOutcome>(delivery.recipients.size(), outcome));
    }
    delivery.body.reset();  // it holds its part of the budget
    deliveries.push_back(std::move(delivery));
  }
  void CheckQuota(const LocalTarget& target, uint64_t octets,
                  absl::AnyInvocable<void(bool)> done) override {
    quota_checks.emplace_back(target.account, octets);
    done(target.account != full);
  }
  void ForgetKey(ShardId, AccountId, std::string key) override { forgotten.push_back(key); }
  void AwaitForgotten(std::vector<std::string> keys, absl::AnyInvocable<void()> done) override {
    if (!holds_keys) return done();
    awaited = std::move(keys);
    all_gone = std::move(done);
  }
  bool CanDeliver(ShardId shard) const override { return shard != unreachable; }
  absl::Status status() const override { return absl::OkStatus(); }

  std::vector<Delivery> deliveries;
  std::vector<std::string> bodies;
  std::vector<std::string> forgotten;
  bool holds_keys = false;
  std::vector<std::string> awaited;
  absl::AnyInvocable<void()> all_gone;
  std::map<ShardId, absl::Status> failures;
  DeliveryOutcome outcome = DeliveryOutcome::kDelivered;
  ShardId unreachable{99};
  AccountId full{0};
  std::vector<std::pair<AccountId, uint64_t>> quota_checks;
};

Resolved To(uint64_t account, uint32_t shard, const std::string& address, uint64_t quota = 0) {
  Resolved resolved;
  resolved.result = ResolveResult::kOk;
  resolved.local.push_back({AccountId(account), ShardId(shard), address, "", quota});
  return resolved;
}

class SessionTest : public ::testing::Test {
 protected:
  using Change = std::function<void(smtp::ServerConfig&, InboundContext&)>;

  explicit SessionTest(smtp::Mode mode = smtp::Mode::kMx, const Change& change = nullptr)
      : network_(loop_) {
    auth_.table["alice@example.test"] = To(1, 0, "alice@example.test");
    auth_.table["al@example.test"] = To(1, 0, "alice@example.test");
    auth_.table["bob@example.test"] = To(2, 1, "bob@example.test");
    auth_.table["far@example.test"] = To(3, 99, "far@example.test");
    auth_.table["x@elsewhere.test"].result = ResolveResult::kNotLocal;
    auth_.table["loop@example.test"].result = ResolveResult::kLoop;

    auto smtp = std::make_shared<smtp::ServerConfig>();
    smtp->mode = mode;
    smtp->hostname = "mx.test";
    smtp->ask_data = true;
    auto context = std::make_shared<InboundContext>();
    context->smtp = smtp;
    context->auth = &auth_;
    context->stores = &stores_;
    context->budget = &budget_;
    context->clock = &clock_;
    context->random = &random_;
    context->unconfirmed_messages = 3;
    context->metrics = std::make_shared<InboundMetrics>(metrics_, "smtp");
    if (change) change(*smtp, *context);
    net::ListenOptions listen;
    listen.endpoint = kServer;
    server_ = *InboundServer::Start({{listen, context}}, network_);
    Connect();
  }

  // The connection that Say() and Settle() are about from now on; those before stay.
  void Connect(const std::string& from = "127.0.0.1:0") {
    client_ = std::make_shared<net::testing::RecordingHandler>(nullptr);
    client_->on_open = [this](net::Connection& connection) { connection_ = &connection; };
    network_.Dial(loop_, {.endpoint = kServer, .from = *net::Endpoint::Parse(from)}, client_);
    seen_ = 0;
    greeting_ = Settle();
  }

  // Lets happen what happens at once; replies since the last call.
  std::string Settle() {
    loop_.Advance(absl::Milliseconds(10));
    const std::string all = client_->data();
    return all.substr(std::exchange(seen_, all.size()));
  }

  std::string Say(const std::string& octets) {
    connection_->Send(octets);
    return Settle();
  }

  // A transaction up to the final dot; what was answered to that.
  std::string SendMessage(const std::vector<std::string>& recipients,
                          const std::string& message = "Subject: x\r\n\r\nbody\r\n") {
    Say("MAIL FROM:<s@sender.test>\r\n");
    for (const std::string& recipient : recipients) Say("RCPT TO:<" + recipient + ">\r\n");
    Say("DATA\r\n");
    return Say(message + ".\r\n");
  }

  const net::Endpoint kServer = *net::Endpoint::Parse("192.0.2.1:25");
  FakeClock clock_;
  net::testing::FakeEventLoop loop_{clock_};
  MetricsRegistry metrics_;
  net::testing::FakeNetwork network_;
  SeededRandom random_{1};
  BodyBudget budget_{1000};
  TableAuth auth_;
  RecordingStores stores_;
  std::unique_ptr<InboundServer> server_;
  std::shared_ptr<net::testing::RecordingHandler> client_;
  net::Connection* connection_ = nullptr;
  size_t seen_ = 0;
  std::string greeting_;
};

TEST_F(SessionTest, MessageIsDeliveredWithTraceFieldsAndNamedByThe250) {
  Say("EHLO client.test\r\n");
  const std::string reply = SendMessage({"alice@example.test"});
  ASSERT_THAT(reply, testing::StartsWith("250 2.0.0 "));
  ASSERT_THAT(stores_.deliveries, SizeIs(1));
  const Delivery& delivery = stores_.deliveries[0];
  EXPECT_THAT(reply, HasSubstr(delivery.transaction));
  EXPECT_EQ(delivery.shard, ShardId(0));
  ASSERT_THAT(delivery.recipients, SizeIs(1));
  EXPECT_EQ(delivery.recipients[0].account, AccountId(1));
  const std::string& prefix = delivery.recipients[0].prefix;
  EXPECT_THAT(prefix, testing::StartsWith("Return-Path: <s@sender.test>\r\n"
                                          "Delivered-To: alice@example.test\r\nReceived: "));
  EXPECT_THAT(prefix, HasSubstr("with ESMTP"));
  EXPECT_THAT(prefix, HasSubstr(delivery.transaction));
  EXPECT_THAT(prefix, HasSubstr("for <alice@example.test>"));
  EXPECT_THAT(stores_.bodies, ElementsAre("Subject: x\r\n\r\nbody\r\n"));
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(SessionTest, RecipientsAreToldApart) {
  Say("EHLO client.test\r\n");
  Say("MAIL FROM:<s@sender.test>\r\n");
  EXPECT_THAT(Say("RCPT TO:<nobody@example.test>\r\n"), testing::StartsWith("550 5.1.1 "));
  EXPECT_THAT(Say("RCPT TO:<x@elsewhere.test>\r\n"), testing::StartsWith("550 5.7.1 "));
  EXPECT_THAT(Say("RCPT TO:<loop@example.test>\r\n"), testing::StartsWith("550 5.4.6 "));
  EXPECT_THAT(Say("RCPT TO:<far@example.test>\r\n"), testing::StartsWith("451 4.3.0 "));
  EXPECT_THAT(Say("RCPT TO:<Alice@EXAMPLE.test>\r\n"), testing::StartsWith("250 2.1.5 "));
  auth_.failure = absl::UnavailableError("no auth");
  EXPECT_THAT(Say("RCPT TO:<nobody@example.test>\r\n"), testing::StartsWith("451 4.3.0 "))
      << "unknown is never said when nobody can tell";
}

TEST_F(SessionTest, TwoRecipientsThatEndInOneMailboxMakeOneCopy) {
  Say("EHLO client.test\r\n");
  EXPECT_THAT(SendMessage({"alice@example.test", "al@example.test", "bob@example.test"}),
              testing::StartsWith("250 "));
  ASSERT_THAT(stores_.deliveries, SizeIs(2));
  EXPECT_THAT(stores_.deliveries[0].recipients, SizeIs(1));
  EXPECT_THAT(stores_.deliveries[1].recipients, SizeIs(1));
  EXPECT_THAT(stores_.deliveries[0].recipients[0].prefix, testing::Not(HasSubstr("for <")))
      << "with several recipients nobody is named to the others";
}

TEST_F(SessionTest, OneShardWithoutAnOutcomeDefersTheWholeTransaction) {
  Say("EHLO client.test\r\n");
  stores_.failures[ShardId(1)] = absl::UnavailableError("no quorum");
  EXPECT_THAT(SendMessage({"alice@example.test", "bob@example.test"}),
              testing::StartsWith("451 4.3.0 "));
  EXPECT_THAT(stores_.deliveries, SizeIs(2)) << "both were tried";
}

TEST_F(SessionTest, UnknownOutcomeIsNever250) {
  Say("EHLO client.test\r\n");
  for (const absl::Status& status :
       {absl::UnknownError("x"), absl::InternalError("x"), absl::CancelledError("x"),
        absl::DeadlineExceededError("x"), absl::AbortedError("x")}) {
    stores_.failures[ShardId(0)] = status;
    EXPECT_THAT(SendMessage({"alice@example.test"}), testing::StartsWith("451 4.3.")) << status;
  }
  stores_.failures[ShardId(0)] = absl::ResourceExhaustedError("disk");
  EXPECT_THAT(SendMessage({"alice@example.test"}), testing::StartsWith("452 4.3.1 "));
  stores_.failures.clear();
  stores_.outcome = DeliveryOutcome::kNoSuchAccount;
  EXPECT_THAT(SendMessage({"alice@example.test"}), testing::StartsWith("451 4.3.0 "));
  stores_.outcome = DeliveryOutcome::kDuplicate;
  EXPECT_THAT(SendMessage({"alice@example.test"}), testing::StartsWith("250 2.0.0 "));
}

TEST_F(SessionTest, RetryHasTheSameKeyAndAnotherMessageAnother) {
  Say("EHLO client.test\r\n");
  SendMessage({"alice@example.test"});
  SendMessage({"al@example.test"}, "Return-Path: <x@y>\r\nSubject: x\r\n\r\nbody\r\n");
  SendMessage({"al@example.test"});
  const auto key = [&](size_t i) { return stores_.deliveries[i].recipients[0].key; };
  EXPECT_NE(key(0), key(1)) << "the key is of the message as received";
  EXPECT_EQ(key(0), key(2));
  EXPECT_EQ(stores_.bodies[1], stores_.bodies[0]) << "a foreign Return-Path is not kept";
}

TEST_F(SessionTest, KeyGoesOnceTheClientHasShownThatItReadThe250) {
  Say("EHLO client.test\r\n");
  SendMessage({"alice@example.test"});
  EXPECT_THAT(stores_.forgotten, IsEmpty());
  Say("NOOP\r\n");
  EXPECT_THAT(stores_.forgotten, ElementsAre(stores_.deliveries[0].recipients[0].key));
}

TEST_F(SessionTest, QuitIsAnsweredWhenTheKeysOfTheSessionAreGone) {
  stores_.holds_keys = true;
  Say("EHLO client.test\r\n");
  SendMessage({"alice@example.test"});
  EXPECT_EQ(Say("QUIT\r\n"), "") << "equal octets through another MX might still be a retry";
  EXPECT_EQ(stores_.awaited, stores_.forgotten);
  ASSERT_TRUE(stores_.all_gone);
  stores_.all_gone();
  EXPECT_THAT(Settle(), testing::StartsWith("221 "));
}

TEST_F(SessionTest, QuitOfASessionWithoutMailWaitsForNothing) {
  stores_.holds_keys = true;
  Say("EHLO client.test\r\n");
  EXPECT_THAT(Say("QUIT\r\n"), testing::StartsWith("221 "));
}

TEST_F(SessionTest, AMessageWhoseClientHasGoneIsNotTriedAnew) {
  Say("EHLO client.test\r\n");
  SendMessage({"alice@example.test"});
  ASSERT_THAT(stores_.deliveries, SizeIs(1));
  EXPECT_FALSE(*stores_.deliveries[0].abandoned);
  connection_->Abort(absl::CancelledError("gone"));
  Settle();
  EXPECT_TRUE(*stores_.deliveries[0].abandoned);
}

TEST_F(SessionTest, KeysOfUnconfirmedMessagesAreKeptUpToABound) {
  Say("EHLO client.test\r\n");
  // All in one flight: no reply can have been read before the end of it.
  std::string flight;
  for (int i = 0; i < 4; ++i) {
    const std::string text = "Subject: " + std::to_string(i) + "\r\n\r\nbody\r\n";
    flight += "MAIL FROM:<s@sender.test>\r\nRCPT TO:<alice@example.test>\r\nBDAT " +
              std::to_string(text.size()) + " LAST\r\n" + text;
  }
  Say(flight);
  ASSERT_THAT(stores_.deliveries, SizeIs(4));
  EXPECT_THAT(stores_.forgotten, IsEmpty());
  Say("NOOP\r\n");
  std::vector<std::string> last_three;
  for (int i = 1; i < 4; ++i) last_three.push_back(stores_.deliveries[i].recipients[0].key);
  EXPECT_THAT(stores_.forgotten, testing::UnorderedElementsAreArray(last_three))
      << "the key of the first lives out its window";
}

TEST_F(SessionTest, AFullMailboxIsToldAtRcptByItsQuotaAndSize) {
  auth_.table["full@example.test"] = To(4, 0, "full@example.test", 1000);
  auth_.table["roomy@example.test"] = To(5, 0, "roomy@example.test", 1000);
  stores_.full = AccountId(4);
  Say("EHLO client.test\r\n");
  Say("MAIL FROM:<s@sender.test> SIZE=123\r\n");
  EXPECT_THAT(Say("RCPT TO:<full@example.test>\r\n"), testing::StartsWith("452 4.2.2 "));
  EXPECT_THAT(Say("RCPT TO:<roomy@example.test>\r\n"), testing::StartsWith("250 2.1.5 "));
  EXPECT_THAT(Say("RCPT TO:<alice@example.test>\r\n"), testing::StartsWith("250 2.1.5 "));
  EXPECT_THAT(stores_.quota_checks,
              ElementsAre(std::pair(AccountId(4), 123u), std::pair(AccountId(5), 123u)))
      << "an account without a quota costs no question";
}

TEST_F(SessionTest, OneFullMemberKeepsNoMessageFromTheOthers) {
  Resolved both = To(4, 0, "full@example.test", 1000);
  both.local.push_back({AccountId(5), ShardId(0), "roomy@example.test", "", 1000});
  auth_.table["team@example.test"] = both;
  stores_.full = AccountId(4);
  Say("EHLO client.test\r\n");
  Say("MAIL FROM:<s@sender.test>\r\n");
  EXPECT_THAT(Say("RCPT TO:<team@example.test>\r\n"), testing::StartsWith("250 2.1.5 "));
}

TEST_F(SessionTest, WhatBecameOfRecipientsMessagesAndSessionsIsCounted) {
  Say("EHLO client.test\r\n");
  SendMessage({"nobody@example.test", "alice@example.test"});
  Say("QUIT\r\n");
  const std::string text = metrics_.Text();
  EXPECT_THAT(text, HasSubstr("packetboat_mx_recipients_total{protocol=\"smtp\","
                              "result=\"no_such_user\"} 1"));
  EXPECT_THAT(text, HasSubstr("packetboat_mx_recipients_total{protocol=\"smtp\","
                              "result=\"accepted\"} 1"));
  EXPECT_THAT(text, HasSubstr("packetboat_mx_messages_total{outcome=\"accepted\","
                              "protocol=\"smtp\"} 1"));
  EXPECT_THAT(text, HasSubstr("packetboat_mx_sessions_ended_total{protocol=\"smtp\","
                              "reason=\"quit\"} 1"));
  EXPECT_THAT(text, HasSubstr("packetboat_mx_sessions{protocol=\"smtp\"} 0"));
  EXPECT_THAT(text, HasSubstr("packetboat_mx_commit_seconds_count{protocol=\"smtp\"} 1"));
}

TEST_F(SessionTest, QuitThatWasPipelinedBehindTheDotProvesNothing) {
  Say("EHLO client.test\r\n");
  SendMessage({"alice@example.test"}, "Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n");
  ASSERT_THAT(stores_.deliveries, SizeIs(1));
  EXPECT_THAT(stores_.forgotten, IsEmpty());
}

TEST_F(SessionTest, MessagesInFlightAreBounded) {
  Say("EHLO client.test\r\n");
  const std::string head = "Subject: x\r\n\r\n";
  const std::string fits(1000 - head.size() - 2, 'x');
  EXPECT_THAT(SendMessage({"alice@example.test"}, head + fits + "\r\n"),
              testing::StartsWith("250 "));
  EXPECT_THAT(SendMessage({"alice@example.test"}, head + fits + "x\r\n"),
              testing::StartsWith("452 4.3.1 "));
  EXPECT_EQ(budget_.used(), 0u);
  ASSERT_TRUE(budget_.Take(1000));
  Say("MAIL FROM:<>\r\n");
  Say("RCPT TO:<alice@example.test>\r\n");
  EXPECT_THAT(Say("DATA\r\n"), testing::StartsWith("452 4.3.1 "));
  budget_.GiveBack(1000);
}

TEST_F(SessionTest, ClientThatGoesAwayInTheMiddleLeavesNothing) {
  Say("EHLO client.test\r\n");
  Say("MAIL FROM:<s@sender.test>\r\n");
  Say("RCPT TO:<alice@example.test>\r\n");
  Say("DATA\r\n");
  Say("Subject: x\r\n");
  EXPECT_GT(budget_.used(), 0u);
  connection_->Abort(absl::CancelledError("gone"));
  Settle();
  EXPECT_THAT(stores_.deliveries, IsEmpty());
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(SessionTest, ClientThatEndsItsSideGetsEveryReply) {
  Say("EHLO client.test\r\n");
  auth_.waits = true;
  connection_->Send(
      "MAIL FROM:<s@sender.test>\r\nRCPT TO:<alice@example.test>\r\n"
      "RCPT TO:<bob@example.test>\r\nQUIT\r\n");
  connection_->Close();
  Settle();
  ASSERT_THAT(auth_.waiting, SizeIs(1)) << "the end has come before the answer";
  auth_.waiting[0]();
  loop_.Advance(absl::Milliseconds(10));
  ASSERT_THAT(auth_.waiting, SizeIs(2)) << "what had been sent is carried out";
  EXPECT_GT(network_.open_connections(), 0u);
  auth_.waiting[1]();
  loop_.Advance(absl::Milliseconds(10));
  EXPECT_EQ(network_.open_connections(), 0u) << "QUIT was answered";
}

TEST_F(SessionTest, ClientThatEndsItsSideInTheMiddleIsLetGo) {
  Say("EHLO client.test\r\n");
  Say("MAIL FROM:<s@sender.test>\r\n");
  connection_->Close();
  loop_.Advance(absl::Milliseconds(10));
  EXPECT_EQ(network_.open_connections(), 0u);
}

constexpr char kNamed[] = "XCLIENT ADDR=198.51.100.7 NAME=client.example.org PORT=4711\r\n";

constexpr char kProxy[] = "127.1.0.1:0";

// XCLIENT is granted to kProxy.
class LimitedSessionTest : public SessionTest {
 protected:
  LimitedSessionTest()
      : SessionTest(smtp::Mode::kMx, [](smtp::ServerConfig& smtp, InboundContext& context) {
          smtp.ask_connect = true;
          smtp.xclient_from = {*net::IpNetwork::Parse("127.1.0.0/16")};
          ClientLimitOptions limits;
          limits.address_connections = 2;
          limits.address_errors = 3;
          context.client_limits = std::make_shared<ClientLimits>(limits);
          context.allow_from = {*net::IpNetwork::Parse("127.0.0.0/8"),
                                *net::IpNetwork::Parse("198.51.100.0/24")};
        }) {}
};

TEST_F(LimitedSessionTest, OneConnectionMoreThanAnAddressMayHaveIsTold421) {
  Connect();
  EXPECT_THAT(greeting_, testing::StartsWith("220 "));
  Connect();
  EXPECT_EQ(greeting_, "421 4.7.0 mx.test too many connections from your address\r\n");
  EXPECT_TRUE(client_->closed());
  Connect("127.0.0.2:0");
  EXPECT_THAT(greeting_, testing::StartsWith("220 ")) << "nobody else is hurt";
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("packetboat_mx_connections_refused_total{protocol=\"smtp\","
                        "reason=\"address_connections\"} 1"));
  Say("QUIT\r\n");
  Connect("127.0.0.2:0");
  Connect("127.0.0.2:0");
  EXPECT_THAT(greeting_, testing::StartsWith("220 ")) << "a place is free again after QUIT";
}

TEST_F(LimitedSessionTest, ClientOfAnotherNetworkIsNotServed) {
  Connect("192.0.2.77:0");
  EXPECT_EQ(greeting_, "554 5.7.1 mx.test does not serve your address\r\n");
  EXPECT_TRUE(client_->closed());
}

TEST_F(LimitedSessionTest, ErrorsOfAnAddressCountOverItsSessions) {
  for (int i = 0; i < 2; ++i) EXPECT_THAT(Say("NONSENSE\r\n"), testing::StartsWith("500 "));
  Connect();
  EXPECT_THAT(Say("NONSENSE\r\n"), testing::EndsWith("recognized\r\n")) << "three are borne";
  EXPECT_THAT(Say("NONSENSE\r\n"),
              testing::EndsWith("421 4.7.0 mx.test too many errors from your address\r\n"));
  EXPECT_TRUE(client_->closed());
  Connect();
  EXPECT_EQ(greeting_, "421 4.7.0 mx.test too many errors from your address\r\n");
  Connect("127.0.0.2:0");
  EXPECT_THAT(greeting_, testing::StartsWith("220 "));
}

TEST_F(LimitedSessionTest, ErrorsWithinATransactionEndTheSessionBehindIt) {
  Say("EHLO client.test\r\n");
  Say("MAIL FROM:<s@sender.test>\r\n");
  Say("RCPT TO:<alice@example.test>\r\n");
  std::string replies;
  for (int i = 0; i < 4; ++i) replies = Say("RCPT TO:<nobody@example.test>\r\n");
  EXPECT_THAT(replies, testing::StartsWith("550 5.1.1 "));
  Say("DATA\r\n");
  EXPECT_THAT(Say("Subject: x\r\n\r\nbody\r\n.\r\n"),
              testing::AllOf(testing::StartsWith("250 2.0.0 "), HasSubstr("\r\n421 4.7.0 ")));
  EXPECT_THAT(stores_.deliveries, SizeIs(1));
}

TEST_F(LimitedSessionTest, ClientThatXclientNamesIsTheOneInReceived) {
  Connect(kProxy);
  Say("EHLO proxy.test\r\n");
  EXPECT_THAT(Say(kNamed), testing::StartsWith("220 "));
  Say("EHLO client.test\r\n");
  SendMessage({"alice@example.test"});
  ASSERT_THAT(stores_.deliveries, SizeIs(1));
  EXPECT_THAT(stores_.deliveries[0].recipients[0].prefix,
              HasSubstr("Received: from client.test (client.example.org [198.51.100.7]) by"));
}

TEST_F(LimitedSessionTest, XclientPutsASessionAmongThoseOfTheNamedClient) {
  for (int i = 0; i < 2; ++i) {
    Connect(kProxy);
    EXPECT_THAT(Say(kNamed), testing::StartsWith("220 "));
  }
  Connect(kProxy);
  EXPECT_THAT(greeting_, testing::StartsWith("220 "));
  EXPECT_EQ(Say(kNamed), "421 4.7.0 mx.test too many connections from your address\r\n");
  EXPECT_TRUE(client_->closed());
  Connect("198.51.100.7:0");
  EXPECT_THAT(greeting_, testing::StartsWith("421 4.7.0 "));
}

TEST_F(LimitedSessionTest, ProxiesThemselvesAreNotCountedNorAreUnknownClients) {
  for (int i = 0; i < 5; ++i) {
    Connect(kProxy);
    EXPECT_THAT(Say("XCLIENT ADDR=[UNAVAILABLE]\r\n"), testing::StartsWith("220 "));
    EXPECT_THAT(Say("NONSENSE\r\n"), testing::StartsWith("500 "));
  }
}

TEST_F(LimitedSessionTest, PlacesAreFreeWhenConnectionsAreLost) {
  Connect();
  network_.BreakConnections();
  Settle();
  Connect();
  Connect();
  EXPECT_THAT(greeting_, testing::StartsWith("220 "));
}

TEST_F(SessionTest, ClientThatNeverReadsIsLetGoAndTakesNoMore) {
  Say("EHLO client.test\r\n");
  network_.set_link({.window_bytes = 100});
  connection_->PauseReading();
  std::string flight;
  for (int i = 0; i < 2000; ++i) flight += "MAIL FROM:<>\r\nRSET\r\n";
  connection_->Send(flight);
  loop_.Advance(absl::Minutes(4));
  EXPECT_GT(network_.open_connections(), 0u);
  loop_.Advance(absl::Minutes(2));
  EXPECT_THAT(metrics_.Text(), HasSubstr("packetboat_mx_sessions{protocol=\"smtp\"} 0"));
}

class LmtpSessionTest : public SessionTest {
 protected:
  LmtpSessionTest() : SessionTest(smtp::Mode::kLmtp) {}
};

TEST_F(LmtpSessionTest, EveryRecipientHasAnAnswerOfItsOwn) {
  Say("LHLO client.test\r\n");
  stores_.failures[ShardId(1)] = absl::UnavailableError("no quorum");
  const std::string replies = SendMessage({"bob@example.test", "alice@example.test"});
  const size_t line_end = replies.find("\r\n");
  EXPECT_THAT(replies.substr(0, line_end), testing::StartsWith("451 4.3.0 "));
  EXPECT_THAT(replies.substr(line_end + 2), testing::StartsWith("250 2.0.0 "));
  EXPECT_THAT(stores_.deliveries[0].recipients[0].prefix, HasSubstr("with LMTP"));
}

}  // namespace
}  // namespace packetboat::mx
