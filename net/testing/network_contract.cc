#include "net/testing/network_contract.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"

namespace packetboat::net::testing {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::string_view kName = "mx1.example.test";

ListenOptions NetworkContract::Loopback() {
  ListenOptions options;
  options.name = "test";
  options.endpoint = {IpAddress::LoopbackV4(), 0};
  return options;
}

std::unique_ptr<Listener> NetworkContract::Listen(ListenOptions options) {
  absl::StatusOr<std::unique_ptr<Listener>> listener =
      network().Listen(std::move(options), accepted_.Callback());
  EXPECT_TRUE(listener.ok()) << listener.status();
  return *std::move(listener);
}

std::shared_ptr<RecordingHandler> NetworkContract::NewHandler() {
  return std::make_shared<RecordingHandler>(under_test_->driver());
}

std::shared_ptr<RecordingHandler> NetworkContract::Dial(const Endpoint& to, DialOptions options) {
  auto handler = NewHandler();
  options.endpoint = to;
  network().Dial(network().NextLoop(), std::move(options), handler);
  return handler;
}

TEST_P(NetworkContract, OctetsGoBothWaysAndBothEndsCloseInOrder) {
  const auto listener = Listen(Loopback());
  EXPECT_NE(listener->endpoint().port, 0);
  const auto client = Dial(listener->endpoint());
  const auto server = accepted_.Wait();
  server->Run([&](Connection& c) {
    EXPECT_EQ(c.local(), listener->endpoint());
    c.Send("220 ready\r\n");
  });
  client->Run([&](Connection& c) {
    EXPECT_EQ(c.peer(), listener->endpoint());
    c.Send("QUIT\r\n");
  });
  EXPECT_EQ(client->WaitForData("ready\r\n"), "220 ready\r\n");
  EXPECT_EQ(server->WaitForData("QUIT\r\n"), "QUIT\r\n");
  server->Run([](Connection& c) {
    c.Send("221 bye\r\n");
    c.Close();
  });
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_TRUE(server->WaitForClosed().ok());
  EXPECT_EQ(client->data(), "220 ready\r\n221 bye\r\n");
}

TEST_P(NetworkContract, PortThatIsTakenIsAnErrorThatNamesIt) {
  const auto listener = Listen(Loopback());
  ListenOptions options = Loopback();
  options.endpoint = listener->endpoint();
  const auto second = network().Listen(std::move(options), accepted_.Callback());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr(listener->endpoint().ToString()));
}

TEST_P(NetworkContract, DialToAClosedPortEndsInOnClosedAlone) {
  auto listener = Listen(Loopback());
  const Endpoint endpoint = listener->endpoint();
  listener.reset();
  const auto client = Dial(endpoint);
  EXPECT_EQ(client->WaitForClosed().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(client->events(), ElementsAre("closed"));
}

TEST_P(NetworkContract, PausedConnectionSlowsThePeerDownInsteadOfBuffering) {
  accepted_.prepare = [](RecordingHandler& handler) {
    handler.on_open = [](Connection& c) { c.PauseReading(); };
  };
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  const std::string block(size_t{12} << 20, 'x');
  client->Run([&](Connection& c) { c.Send(block); });
  const auto server = accepted_.Wait();
  client->WaitForWritten(1);
  EXPECT_EQ(server->data(), "");
  client->Run([&](Connection& c) { EXPECT_GT(c.unsent_bytes(), 0u); });
  server->Run([](Connection& c) { c.ResumeReading(); });
  EXPECT_EQ(server->WaitForBytes(block.size()).size(), block.size());
  client->WaitForWritten(block.size());
}

TEST_P(NetworkContract, ClientThatNeverReadsIsCutOffAtTheUnsentLimit) {
  ListenOptions options = Loopback();
  options.limits.max_unsent_bytes = 1 << 20;
  const auto listener = Listen(std::move(options));
  const auto client = Dial(listener->endpoint());
  client->Run([](Connection& c) { c.PauseReading(); });
  const auto server = accepted_.Wait();
  size_t highest = 0;
  while (!server->closed()) {
    server->Run([&](Connection& c) {
      c.Send(std::string(65536, 'x'));
      highest = std::max(highest, c.unsent_bytes());
    });
  }
  EXPECT_EQ(server->WaitForClosed().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(highest, size_t{1} << 20);
}

TEST_P(NetworkContract, UnsentLimitHoldsAtNAndBreaksAtNPlusOne) {
  ListenOptions options = Loopback();
  options.limits.max_unsent_bytes = 1000;
  const auto listener = Listen(std::move(options));
  const auto first = Dial(listener->endpoint());
  accepted_.Wait(0)->Run([](Connection& c) { c.Send(std::string(1000, 'x')); });
  first->WaitForBytes(1000);
  const auto second = Dial(listener->endpoint());
  accepted_.Wait(1)->Run([](Connection& c) { c.Send(std::string(1001, 'x')); });
  EXPECT_EQ(accepted_.Wait(1)->WaitForClosed().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(accepted_.Wait(0)->closed());
}

TEST_P(NetworkContract, PeerThatTakesNothingIsDroppedAtTheWriteTimeout) {
  ListenOptions options = Loopback();
  options.limits.write_timeout = absl::Milliseconds(20);
  const auto listener = Listen(std::move(options));
  const auto client = Dial(listener->endpoint());
  client->Run([](Connection& c) { c.PauseReading(); });
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) { c.Send(std::string(size_t{12} << 20, 'x')); });
  EXPECT_EQ(server->WaitForClosed().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_P(NetworkContract, PeerThatNeverClosesIsLeftAtTheLingerTimeout) {
  ListenOptions options = Loopback();
  options.limits.linger_timeout = absl::Milliseconds(20);
  const auto listener = Listen(std::move(options));
  const auto client = Dial(listener->endpoint());
  client->Run([&client](Connection&) { client->on_end = [](Connection&) { return true; }; });
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) { c.Close(); });
  EXPECT_TRUE(server->WaitForClosed().ok());
  EXPECT_FALSE(client->closed());
}

TEST_P(NetworkContract, PeerThatEndsItsStreamIsClosedByAHandlerThatDoesNotMind) {
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  const auto server = accepted_.Wait();
  client->Run([](Connection& c) {
    c.Send("last words");
    c.Close();
  });
  EXPECT_TRUE(server->WaitForClosed().ok());
  EXPECT_EQ(server->data(), "last words");
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_THAT(server->events(), ElementsAre("open", "data", "end", "closed"));
}

TEST_P(NetworkContract, AbortTellsTheReasonAndNothingElse) {
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) {
    c.Send("lost");
    c.Abort(absl::PermissionDeniedError("not you"));
    c.Send("never sent");
    c.Close();
  });
  EXPECT_EQ(server->WaitForClosed(), absl::PermissionDeniedError("not you"));
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_EQ(client->data(), "");
}

TEST_P(NetworkContract, WrittenCountsWhatTheKernelHasTaken) {
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  client->Run([](Connection& c) {
    c.Send(std::string(100, 'a'));
    c.Send(std::string(20'000, 'b'));
    c.Send("c");
  });
  client->WaitForWritten(20'101);
  EXPECT_EQ(accepted_.Wait()->WaitForBytes(20'101),
            std::string(100, 'a') + std::string(20'000, 'b') + "c");
  client->Run([](Connection& c) { EXPECT_EQ(c.unsent_bytes(), 0u); });
}

TEST_P(NetworkContract, DeadlineComesOnceAndCanBeMovedAndTakenBack) {
  const auto listener = Listen(Loopback());
  const auto client = NewHandler();
  int timers = 0;
  client->on_timer = [&timers](Connection& c) {
    if (++timers == 1) c.SetDeadline(c.loop().Now());
  };
  DialOptions options;
  options.endpoint = listener->endpoint();
  network().Dial(network().NextLoop(), options, client);
  client->Run([](Connection& c) {
    c.SetDeadline(c.loop().Now());
    c.SetDeadline(absl::InfiniteFuture());
    c.SetDeadline(c.loop().Now() + absl::Milliseconds(1));
  });
  client->WaitForTimer();
  // Behind the second timer, which was due at once.
  bool later = false;
  client->Run([&](Connection& c) {
    c.loop().RunAfter(absl::Milliseconds(1), [&c, &later] {
      later = true;
      c.Close();
    });
  });
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_TRUE(later);
  EXPECT_EQ(timers, 2);
}

TEST_P(NetworkContract, ConnectionLimitHoldsAtNAndRefusesNPlusOneWithTheText) {
  ListenOptions options = Loopback();
  options.max_connections = 2;
  options.refusal = "421 4.3.2 too many connections\r\n";
  const auto listener = Listen(std::move(options));
  const auto first = Dial(listener->endpoint());
  const auto second = Dial(listener->endpoint());
  accepted_.Wait(1);
  EXPECT_EQ(listener->open_connections(), 2u);
  const auto third = Dial(listener->endpoint());
  EXPECT_TRUE(third->WaitForClosed().ok());
  EXPECT_EQ(third->data(), "421 4.3.2 too many connections\r\n");
}

TEST_P(NetworkContract, DrainFreesThePortAndLeavesConnectionsAlone) {
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  const auto server = accepted_.Wait();
  client->WaitForOpen();
  listener->StopAccepting();
  listener->StopAccepting();
  EXPECT_FALSE(Dial(listener->endpoint())->WaitForClosed().ok());
  client->Run([](Connection& c) { c.Send("still here"); });
  server->WaitForData("still here");
  ListenOptions options = Loopback();
  options.endpoint = listener->endpoint();
  EXPECT_TRUE(network().Listen(std::move(options), accepted_.Callback()).ok());
}

TEST_P(NetworkContract, ImplicitTlsEncryptsWhatWasSentFromTheStart) {
  ListenOptions options = Loopback();
  options.tls = under_test_->ServerContext(kName);
  accepted_.prepare = [](RecordingHandler& handler) {
    handler.on_open = [](Connection& c) { c.Send("* OK ready\r\n"); };
  };
  const auto listener = Listen(std::move(options));
  DialOptions dial;
  dial.tls = under_test_->ClientOptions(kName);
  const auto client = Dial(listener->endpoint(), std::move(dial));
  EXPECT_EQ(client->WaitForData("ready\r\n"), "* OK ready\r\n");
  const TlsInfo info = client->WaitForTls();
  EXPECT_EQ(info.version, "TLSv1.3");
  EXPECT_TRUE(info.peer_verified.ok()) << info.peer_verified;
  EXPECT_EQ(accepted_.Wait()->WaitForTls().server_name, kName);
  client->Run([](Connection& c) { c.Close(); });
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_TRUE(accepted_.Wait()->WaitForClosed().ok());
}

TEST_P(NetworkContract, StartTlsUpgradesBothEndsAfterTheReplyInTheClear) {
  const auto context = under_test_->ServerContext(kName);
  accepted_.prepare = [context](RecordingHandler& handler) {
    handler.on_data = [context](Connection& c, absl::string_view octets) {
      if (octets != "STARTTLS\r\n") return;
      c.Send("220 go ahead\r\n");
      c.StartTlsServer(context);
      c.Send("secure greeting\r\n");
    };
  };
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  const TlsClientOptions tls = under_test_->ClientOptions(kName);
  client->Run([&client, tls](Connection& c) {
    client->on_data = [tls](Connection& same, absl::string_view octets) {
      if (octets == "220 go ahead\r\n") same.StartTlsClient(tls);
    };
    c.Send("STARTTLS\r\n");
  });
  client->WaitForTls();
  client->WaitForData("secure greeting\r\n");
  EXPECT_EQ(client->data(), "220 go ahead\r\nsecure greeting\r\n");
  client->Run([](Connection& c) { c.Send("EHLO again\r\n"); });
  accepted_.Wait()->WaitForData("EHLO again\r\n");
  EXPECT_EQ(accepted_.Wait()->data(), "STARTTLS\r\nEHLO again\r\n");
}

TEST_P(NetworkContract, PlaintextAfterStartTlsNeverReachesTheHandler) {
  const auto context = under_test_->ServerContext(kName);
  accepted_.prepare = [context](RecordingHandler& handler) {
    handler.on_data = [context](Connection& c, absl::string_view) { c.StartTlsServer(context); };
  };
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  client->Run([](Connection& c) { c.Send("STARTTLS\r\n"); });
  const auto server = accepted_.Wait();
  server->WaitForData("STARTTLS\r\n");
  client->Run([](Connection& c) { c.Send("MAIL FROM:<injected@example.test>\r\n"); });
  EXPECT_FALSE(server->WaitForClosed().ok());
  EXPECT_EQ(server->data(), "STARTTLS\r\n");
}

TEST_P(NetworkContract, ClientThatNeverShakesHandsIsDroppedAtTheTimeout) {
  ListenOptions options = Loopback();
  options.tls = under_test_->ServerContext(kName);
  options.limits.handshake_timeout = absl::Milliseconds(20);
  const auto listener = Listen(std::move(options));
  const auto client = Dial(listener->endpoint());
  EXPECT_EQ(accepted_.Wait()->WaitForClosed().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(accepted_.Wait()->events(), ElementsAre("open", "closed"));
}

TEST_P(NetworkContract, ClientThatVerifiesRefusesAServerOfAnotherName) {
  ListenOptions options = Loopback();
  options.tls = under_test_->ServerContext(kName);
  const auto listener = Listen(std::move(options));
  DialOptions dial;
  dial.tls = under_test_->ClientOptions("mx2.example.test");
  const auto client = Dial(listener->endpoint(), dial);
  EXPECT_FALSE(client->WaitForClosed().ok());
  EXPECT_THAT(client->events(), ElementsAre("open", "closed"));
}

TEST_P(NetworkContract, ClientThatDoesNotVerifyIsToldWhatAVerificationWouldHaveSaid) {
  ListenOptions options = Loopback();
  options.tls = under_test_->ServerContext(kName);
  const auto listener = Listen(std::move(options));
  DialOptions dial;
  dial.tls = under_test_->ClientOptions("mx2.example.test");
  dial.tls->verify = TlsClientOptions::Verify::kNone;
  const auto client = Dial(listener->endpoint(), std::move(dial));
  EXPECT_FALSE(client->WaitForTls().peer_verified.ok());
  client->Run([](Connection& c) { c.Send("works"); });
  accepted_.Wait()->WaitForData("works");
}

TEST_P(NetworkContract, CloseDuringAHandshakeEndsTheConnection) {
  ListenOptions options = Loopback();
  options.tls = under_test_->ServerContext(kName);
  const auto listener = Listen(std::move(options));
  const auto client = Dial(listener->endpoint());
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) { c.Close(); });
  EXPECT_TRUE(server->WaitForClosed().ok());
}

}  // namespace packetboat::net::testing
