#include "net/asio/asio_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/asio/tls_context.h"
#include "net/testing/certs.h"
#include "net/testing/recording_handler.h"

namespace packetboat::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RecordingHandler;
using ::testing::StartsWith;
using testing::TestCa;

constexpr absl::string_view kServerName = "mx1.example.test";

// Hands out the handlers of accepted connections in their order.
class Accepted {
 public:
  std::function<void(RecordingHandler&)> prepare;

  AcceptCallback Callback() {
    return [this](const Endpoint&, const Endpoint&) -> std::shared_ptr<ConnectionHandler> {
      auto handler = std::make_shared<RecordingHandler>();
      if (prepare) prepare(*handler);
      absl::MutexLock lock(&mutex_);
      handlers_.push_back(handler);
      return handler;
    };
  }

  std::shared_ptr<RecordingHandler> Wait(size_t index = 0) {
    absl::MutexLock lock(&mutex_);
    const auto there = [&] { return handlers_.size() > index; };
    mutex_.Await(absl::Condition(&there));
    return handlers_[index];
  }

  size_t size() {
    absl::MutexLock lock(&mutex_);
    return handlers_.size();
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::shared_ptr<RecordingHandler>> handlers_;
};

// A plain blocking socket: a peer that does what no client of ours would.
class RawClient {
 public:
  explicit RawClient(const Endpoint& to, int receive_buffer = 0) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    if (receive_buffer > 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    std::memcpy(&address.sin_addr, to.address.bytes().data(), 4);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(fd_); }

  bool connected() const { return connected_; }
  void Write(absl::string_view text) {
    ASSERT_EQ(send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void EndStream() { shutdown(fd_, SHUT_WR); }
  std::string ReadToEnd() {
    std::string all;
    char buffer[65536];
    for (ssize_t n; (n = recv(fd_, buffer, sizeof buffer, 0)) > 0;) all.append(buffer, n);
    return all;
  }

 private:
  int fd_;
  bool connected_;
};

class AsioNetworkTest : public ::testing::Test {
 protected:
  static ListenOptions Loopback() {
    ListenOptions options;
    options.name = "test";
    options.endpoint = {IpAddress::LoopbackV4(), 0};
    return options;
  }

  std::unique_ptr<Listener> Listen(ListenOptions options) {
    absl::StatusOr<std::unique_ptr<Listener>> listener =
        network_.Listen(std::move(options), accepted_.Callback());
    EXPECT_TRUE(listener.ok()) << listener.status();
    return *std::move(listener);
  }

  std::shared_ptr<RecordingHandler> Dial(const Endpoint& to, DialOptions options = {}) {
    auto handler = std::make_shared<RecordingHandler>();
    options.endpoint = to;
    network_.Dial(network_.NextLoop(), std::move(options), handler);
    return handler;
  }

  std::shared_ptr<TlsServerContext> ServerContext(absl::string_view name = kServerName) {
    const x509::Identity identity = ca_.Issue(name);
    return *MakeTlsServerContext([identity]() -> absl::StatusOr<std::vector<TlsKeyPair>> {
      return std::vector<TlsKeyPair>{{identity.certificate.ToPem(), identity.key.ToPem()}};
    });
  }

  TlsClientOptions Verifying(absl::string_view name = kServerName) {
    TlsClientOptions options;
    options.server_name = std::string(name);
    options.verify = TlsClientOptions::Verify::kRoots;
    options.roots_pem = ca_.roots_pem();
    return options;
  }

  const TestCa ca_;
  Accepted accepted_;
  AsioNetwork network_{2};
};

TEST_F(AsioNetworkTest, OctetsGoBothWaysAndBothEndsCloseInOrder) {
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

TEST_F(AsioNetworkTest, Ipv6Works) {
  ListenOptions options = Loopback();
  options.endpoint = {IpAddress::LoopbackV6(), 0};
  const auto listener = Listen(std::move(options));
  const auto client = Dial(listener->endpoint());
  client->Run([](Connection& c) { c.Send("hello"); });
  accepted_.Wait()->WaitForData("hello");
}

TEST_F(AsioNetworkTest, PortThatIsTakenIsAnErrorThatNamesIt) {
  const auto listener = Listen(Loopback());
  ListenOptions options = Loopback();
  options.endpoint = listener->endpoint();
  const auto second = network_.Listen(std::move(options), accepted_.Callback());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr(listener->endpoint().ToString()));
}

TEST_F(AsioNetworkTest, DialToAClosedPortEndsInOnClosedAlone) {
  auto listener = Listen(Loopback());
  const Endpoint endpoint = listener->endpoint();
  listener.reset();
  const auto client = Dial(endpoint);
  EXPECT_FALSE(client->WaitForClosed().ok());
  EXPECT_THAT(client->events(), ElementsAre("closed"));
}

TEST_F(AsioNetworkTest, ReplyBeforeCloseArrivesAlthoughThePeerKeepsSending) {
  const auto listener = Listen(Loopback());
  accepted_.prepare = [](RecordingHandler& handler) {
    handler.on_data = [](Connection& c, absl::string_view) {
      c.Send("554 5.5.0 no\r\n");
      c.Close();
    };
  };
  RawClient client(listener->endpoint());
  // More than is read before the reply: without lingering the kernel would answer with a reset.
  client.Write(std::string(300'000, 'x'));
  client.EndStream();
  EXPECT_EQ(client.ReadToEnd(), "554 5.5.0 no\r\n");
  EXPECT_TRUE(accepted_.Wait()->WaitForClosed().ok());
}

TEST_F(AsioNetworkTest, PeerThatEndsItsStreamStillGetsTheAnswerOfAHandlerThatKeepsOn) {
  const auto listener = Listen(Loopback());
  accepted_.prepare = [](RecordingHandler& handler) {
    handler.on_end = [](Connection&) { return true; };
  };
  RawClient client(listener->endpoint());
  client.Write("question");
  client.EndStream();
  const auto server = accepted_.Wait();
  server->WaitForData("question");
  server->Run([](Connection& c) {
    c.Send("answer");
    c.Close();
  });
  EXPECT_EQ(client.ReadToEnd(), "answer");
  EXPECT_TRUE(server->WaitForClosed().ok());
}

TEST_F(AsioNetworkTest, PausedConnectionSlowsThePeerDownInsteadOfBuffering) {
  const auto listener = Listen(Loopback());
  accepted_.prepare = [](RecordingHandler& handler) {
    handler.on_open = [](Connection& c) { c.PauseReading(); };
  };
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

TEST_F(AsioNetworkTest, ClientThatNeverReadsIsCutOffAtTheUnsentLimit) {
  ListenOptions options = Loopback();
  options.limits.max_unsent_bytes = 1 << 20;
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint(), 4096);
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

TEST_F(AsioNetworkTest, UnsentLimitHoldsAtNAndBreaksAtNPlusOne) {
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

TEST_F(AsioNetworkTest, PeerThatTakesNothingIsDroppedAtTheWriteTimeout) {
  ListenOptions options = Loopback();
  options.limits.write_timeout = absl::Milliseconds(20);
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint(), 4096);
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) { c.Send(std::string(size_t{8} << 20, 'x')); });
  EXPECT_EQ(server->WaitForClosed().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(AsioNetworkTest, PeerThatNeverClosesIsLeftAtTheLingerTimeout) {
  ListenOptions options = Loopback();
  options.limits.linger_timeout = absl::Milliseconds(20);
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint());
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) { c.Close(); });
  EXPECT_TRUE(server->WaitForClosed().ok());
}

TEST_F(AsioNetworkTest, LingeringTakesNoMoreThanItsOctets) {
  ListenOptions options = Loopback();
  options.limits.linger_timeout = absl::InfiniteDuration();
  options.limits.linger_bytes = 1000;
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint());
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) { c.Close(); });
  client.Write(std::string(1000, 'x'));
  client.Write("x");
  EXPECT_TRUE(server->WaitForClosed().ok());
}

TEST_F(AsioNetworkTest, AbortTellsTheReasonAndNothingElse) {
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) {
    c.Abort(absl::PermissionDeniedError("not you"));
    c.Send("never sent");
    c.Close();
  });
  EXPECT_EQ(server->WaitForClosed(), absl::PermissionDeniedError("not you"));
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_EQ(client->data(), "");
}

TEST_F(AsioNetworkTest, WrittenCountsWhatTheKernelHasTaken) {
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

TEST_F(AsioNetworkTest, DeadlineComesOnceAndCanBeMovedAndTakenBack) {
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  std::atomic<int> timers{0};
  accepted_.Wait();
  client->WaitForOpen();
  absl::Notification second;
  client->Run([&](Connection& c) {
    client->on_timer = [&](Connection& same) {
      if (++timers == 1) same.SetDeadline(same.loop().Now());
      if (timers == 2) second.Notify();
    };
    c.SetDeadline(c.loop().Now());
    c.SetDeadline(absl::InfiniteFuture());
    c.SetDeadline(c.loop().Now() + absl::Milliseconds(1));
  });
  second.WaitForNotification();
  network_.Stop();
  EXPECT_EQ(timers, 2);
}

TEST_F(AsioNetworkTest, ConnectionLimitHoldsAtNAndRefusesNPlusOneWithTheText) {
  ListenOptions options = Loopback();
  options.max_connections = 2;
  options.refusal = "421 4.3.2 too many connections\r\n";
  const auto listener = Listen(std::move(options));
  RawClient first(listener->endpoint());
  accepted_.Wait(0);
  {
    RawClient second(listener->endpoint());
    accepted_.Wait(1);
    EXPECT_EQ(listener->open_connections(), 2u);
    RawClient third(listener->endpoint());
    EXPECT_EQ(third.ReadToEnd(), "421 4.3.2 too many connections\r\n");
  }
  EXPECT_TRUE(accepted_.Wait(1)->WaitForClosed().ok());
  // The place is free again once the connection is gone for good, shortly after OnClosed.
  while (listener->open_connections() > 1) absl::SleepFor(absl::Milliseconds(1));
  RawClient fourth(listener->endpoint());
  accepted_.Wait(2);
}

TEST_F(AsioNetworkTest, HandlerThatIsRefusedCostsTheConnectionItsPlaceOnlyBriefly) {
  const auto listener = network_.Listen(
      Loopback(), [](const Endpoint&, const Endpoint&) -> std::shared_ptr<ConnectionHandler> {
        return nullptr;
      });
  RawClient client((*listener)->endpoint());
  EXPECT_EQ(client.ReadToEnd(), "");
  while ((*listener)->open_connections() > 0) absl::SleepFor(absl::Milliseconds(1));
}

TEST_F(AsioNetworkTest, DrainFreesThePortAndLeavesConnectionsAlone) {
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  const auto server = accepted_.Wait();
  client->WaitForOpen();
  listener->StopAccepting();
  listener->StopAccepting();
  EXPECT_FALSE(RawClient(listener->endpoint()).connected());
  client->Run([](Connection& c) { c.Send("still here"); });
  server->WaitForData("still here");
  ListenOptions options = Loopback();
  options.endpoint = listener->endpoint();
  EXPECT_TRUE(network_.Listen(std::move(options), accepted_.Callback()).ok());
}

TEST_F(AsioNetworkTest, StopEndsEveryConnectionAndTellsIt) {
  const auto listener = Listen(Loopback());
  RawClient client(listener->endpoint());
  const auto server = accepted_.Wait();
  server->WaitForOpen();
  network_.Stop();
  EXPECT_TRUE(server->closed());
  EXPECT_EQ(server->WaitForClosed().code(), absl::StatusCode::kCancelled);
  network_.Stop();
}

TEST_F(AsioNetworkTest, CallbacksOfOneConnectionAreNeverConcurrent) {
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  const auto guard = [&] {
    if (inside.fetch_add(1) != 0) overlapped = true;
    inside.fetch_sub(1);
  };
  accepted_.prepare = [&](RecordingHandler& handler) {
    handler.on_data = [&](Connection& c, absl::string_view octets) {
      guard();
      EXPECT_TRUE(c.loop().InLoop());
      c.Send(std::string(octets));
    };
    handler.on_written = [&](Connection&, uint64_t) { guard(); };
  };
  const auto listener = Listen(Loopback());
  const auto client = Dial(listener->endpoint());
  for (int i = 0; i < 200; ++i) client->Run([](Connection& c) { c.Send(std::string(5000, 'x')); });
  client->WaitForBytes(1'000'000);
  network_.Stop();  // the hooks refer to what is declared here
  EXPECT_FALSE(overlapped);
}

TEST_F(AsioNetworkTest, ImplicitTlsEncryptsWhatWasSentFromTheStart) {
  ListenOptions options = Loopback();
  options.tls = ServerContext();
  const auto listener = Listen(std::move(options));
  accepted_.prepare = [](RecordingHandler& handler) {
    handler.on_open = [](Connection& c) { c.Send("* OK ready\r\n"); };
  };
  DialOptions dial;
  dial.tls = Verifying();
  const auto client = Dial(listener->endpoint(), std::move(dial));
  EXPECT_EQ(client->WaitForData("ready\r\n"), "* OK ready\r\n");
  const TlsInfo info = client->WaitForTls();
  EXPECT_EQ(info.version, "TLSv1.3");
  EXPECT_THAT(info.cipher, StartsWith("TLS_"));
  EXPECT_TRUE(info.peer_verified.ok()) << info.peer_verified;
  EXPECT_EQ(info.peer_chain_der.size(), 1u);
  const TlsInfo seen = accepted_.Wait()->WaitForTls();
  EXPECT_EQ(seen.server_name, kServerName);
  EXPECT_TRUE(seen.peer_chain_der.empty());
  client->Run([](Connection& c) { c.Close(); });
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_TRUE(accepted_.Wait()->WaitForClosed().ok());
}

TEST_F(AsioNetworkTest, LargeTransfersOverTlsArriveWhole) {
  ListenOptions options = Loopback();
  options.tls = ServerContext();
  const auto listener = Listen(std::move(options));
  DialOptions dial;
  dial.tls = Verifying();
  const auto client = Dial(listener->endpoint(), std::move(dial));
  std::string block;
  for (int i = 0; i < 500'000; ++i) absl::StrAppend(&block, i, "\r\n");
  client->Run([&](Connection& c) { c.Send(block); });
  accepted_.Wait()->Run([&](Connection& c) { c.Send(block); });
  EXPECT_EQ(accepted_.Wait()->WaitForBytes(block.size()), block);
  EXPECT_EQ(client->WaitForBytes(block.size()), block);
  client->WaitForWritten(block.size());
}

TEST_F(AsioNetworkTest, StartTlsUpgradesBothEndsAfterTheReplyInTheClear) {
  const auto listener = Listen(Loopback());
  const auto context = ServerContext();
  accepted_.prepare = [&](RecordingHandler& handler) {
    handler.on_data = [&](Connection& c, absl::string_view octets) {
      if (octets != "STARTTLS\r\n") return;
      c.Send("220 go ahead\r\n");
      c.StartTlsServer(context);
      // Sent behind the start of TLS: goes out encrypted.
      c.Send("secure greeting\r\n");
    };
  };
  const auto client = Dial(listener->endpoint());
  client->on_data = [this](Connection& c, absl::string_view octets) {
    if (octets == "220 go ahead\r\n") c.StartTlsClient(Verifying());
  };
  client->Run([](Connection& c) { c.Send("STARTTLS\r\n"); });
  client->WaitForTls();
  client->WaitForData("secure greeting\r\n");
  EXPECT_EQ(client->data(), "220 go ahead\r\nsecure greeting\r\n");
  client->Run([](Connection& c) { c.Send("EHLO again\r\n"); });
  accepted_.Wait()->WaitForData("EHLO again\r\n");
  network_.Stop();
  EXPECT_EQ(accepted_.Wait()->data(), "STARTTLS\r\nEHLO again\r\n");
}

TEST_F(AsioNetworkTest, PlaintextAfterStartTlsNeverReachesTheHandler) {
  const auto listener = Listen(Loopback());
  const auto context = ServerContext();
  accepted_.prepare = [&](RecordingHandler& handler) {
    handler.on_data = [&](Connection& c, absl::string_view) { c.StartTlsServer(context); };
  };
  RawClient client(listener->endpoint());
  client.Write("STARTTLS\r\n");
  const auto server = accepted_.Wait();
  server->WaitForData("STARTTLS\r\n");
  client.Write("MAIL FROM:<injected@example.test>\r\n");
  EXPECT_FALSE(server->WaitForClosed().ok());
  network_.Stop();
  EXPECT_EQ(server->data(), "STARTTLS\r\n");
}

TEST_F(AsioNetworkTest, HandshakeThatStopsHalfwayEndsAtTheTimeout) {
  ListenOptions options = Loopback();
  options.tls = ServerContext();
  options.limits.handshake_timeout = absl::Milliseconds(20);
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint());
  // The header of a ClientHello record, and no more.
  client.Write(absl::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9));
  const auto server = accepted_.Wait();
  EXPECT_EQ(server->WaitForClosed().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(server->data(), "");
}

TEST_F(AsioNetworkTest, HandshakeWithGarbageEndsWithAReason) {
  ListenOptions options = Loopback();
  options.tls = ServerContext();
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint());
  client.Write("EHLO client.example.test\r\n");
  const absl::Status why = accepted_.Wait()->WaitForClosed();
  EXPECT_THAT(why.message(), HasSubstr("TLS handshake"));
}

TEST_F(AsioNetworkTest, ClientRefusesAServerOfAnotherNameOrAnotherCa) {
  ListenOptions options = Loopback();
  options.tls = ServerContext();
  const auto listener = Listen(std::move(options));
  DialOptions other_name;
  other_name.tls = Verifying("mx2.example.test");
  EXPECT_FALSE(Dial(listener->endpoint(), other_name)->WaitForClosed().ok());
  DialOptions other_ca;
  other_ca.tls = Verifying();
  other_ca.tls->roots_pem = TestCa().roots_pem();
  EXPECT_FALSE(Dial(listener->endpoint(), other_ca)->WaitForClosed().ok());
}

TEST_F(AsioNetworkTest, ClientThatDoesNotVerifyIsToldWhatAVerificationWouldHaveSaid) {
  ListenOptions options = Loopback();
  options.tls = ServerContext();
  const auto listener = Listen(std::move(options));
  DialOptions dial;
  dial.tls = TlsClientOptions{.server_name = std::string(kServerName),
                              .verify = TlsClientOptions::Verify::kNone};
  const auto client = Dial(listener->endpoint(), std::move(dial));
  EXPECT_FALSE(client->WaitForTls().peer_verified.ok());
  client->Run([](Connection& c) { c.Send("works"); });
  accepted_.Wait()->WaitForData("works");
}

TEST_F(AsioNetworkTest, CertificateForAnAddressIsVerifiedAgainstIt) {
  ListenOptions options = Loopback();
  options.tls = ServerContext("127.0.0.1");
  const auto listener = Listen(std::move(options));
  DialOptions right;
  right.tls = Verifying("127.0.0.1");
  EXPECT_TRUE(Dial(listener->endpoint(), std::move(right))->WaitForTls().peer_verified.ok());
  DialOptions wrong;
  wrong.tls = Verifying("127.0.0.2");
  EXPECT_FALSE(Dial(listener->endpoint(), std::move(wrong))->WaitForClosed().ok());
}

TEST_F(AsioNetworkTest, UnreadableRootsFailTheConnectionAndNameTheReason) {
  ListenOptions options = Loopback();
  options.tls = ServerContext();
  const auto listener = Listen(std::move(options));
  DialOptions dial;
  dial.tls = Verifying();
  dial.tls->roots_pem = "nothing";
  EXPECT_THAT(Dial(listener->endpoint(), std::move(dial))->WaitForClosed().message(),
              HasSubstr("no PEM certificate"));
}

TEST_F(AsioNetworkTest, CloseDuringAHandshakeEndsTheConnection) {
  ListenOptions options = Loopback();
  options.tls = ServerContext();
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint());
  const auto server = accepted_.Wait();
  server->Run([](Connection& c) { c.Close(); });
  EXPECT_TRUE(server->WaitForClosed().ok());
}

TEST(AsioLoopTest, TasksRunInOrderAndTimersAfterTheirDelay) {
  AsioNetwork network(1);
  EventLoop& loop = network.NextLoop();
  std::vector<int> order;
  absl::Notification done;
  const absl::Time start = loop.Now();
  loop.Post([&] {
    loop.Post([&] { order.push_back(2); });
    order.push_back(1);
    loop.RunAfter(absl::Milliseconds(2), [&] {
      order.push_back(3);
      done.Notify();
    });
  });
  done.WaitForNotification();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
  EXPECT_GE(loop.Now() - start, absl::Milliseconds(2));
  EXPECT_FALSE(loop.InLoop());
}

TEST(AsioLoopTest, TimerThatIsCancelledOnItsLoopNeverRuns) {
  AsioNetwork network(1);
  EventLoop& loop = network.NextLoop();
  absl::Notification done;
  bool ran = false;
  loop.Post([&] {
    const TimerId due = loop.RunAfter(absl::ZeroDuration(), [&] { ran = true; });
    // Long enough that it is due already.
    absl::SleepFor(absl::Milliseconds(2));
    loop.Cancel(due);
    loop.Cancel(due);
    loop.Cancel(TimerId());
    loop.RunAfter(absl::Milliseconds(1), [&] { done.Notify(); });
  });
  done.WaitForNotification();
  EXPECT_FALSE(ran);
}

TEST(AsioLoopTest, TasksLeftBehindByStopAreDestroyedAndNotRun) {
  auto network = std::make_unique<AsioNetwork>(1);
  EventLoop& loop = network->NextLoop();
  const auto token = std::make_shared<int>(0);
  bool ran = false;
  loop.RunAfter(absl::Hours(1), [&ran, token] { ran = true; });
  network->Stop();
  loop.Post([&ran, token] { ran = true; });
  network.reset();
  EXPECT_FALSE(ran);
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace packetboat::net
