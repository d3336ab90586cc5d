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
#include "absl/synchronization/notification.h"
#include "base/metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/asio/tls_context.h"
#include "net/testing/certs.h"
#include "net/testing/network_contract.h"
#include "net/testing/recording_handler.h"

namespace packetboat::net {
namespace {

using testing::Driver;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::NetworkContract;
using testing::NetworkUnderTest;
using testing::RecordingAcceptor;
using testing::RecordingHandler;
using testing::TestCa;

constexpr absl::string_view kServerName = "mx1.example.test";

// A plain blocking socket: a peer that does what no client of ours would.
class RawClient {
 public:
  explicit RawClient(const Endpoint& to) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    std::memcpy(&address.sin_addr, to.address.bytes().data(), 4);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { close(fd_); }

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
  const int fd_;
};

std::shared_ptr<TlsServerContext> MakeServerContext(const TestCa& ca, absl::string_view name) {
  const x509::Identity identity = ca.Issue(name);
  return *MakeTlsServerContext([identity]() -> absl::StatusOr<std::vector<TlsKeyPair>> {
    return std::vector<TlsKeyPair>{{identity.certificate.ToPem(), identity.key.ToPem()}};
  });
}

TlsClientOptions MakeClientOptions(const TestCa& ca, absl::string_view name) {
  TlsClientOptions options;
  options.server_name = std::string(name);
  options.verify = TlsClientOptions::Verify::kRoots;
  options.roots_pem = ca.roots_pem();
  return options;
}

class AsioUnderTest : public NetworkUnderTest {
 public:
  Network& network() override { return network_; }
  Driver* driver() override { return nullptr; }
  std::shared_ptr<TlsServerContext> ServerContext(absl::string_view name) override {
    return MakeServerContext(ca_, name);
  }
  TlsClientOptions ClientOptions(absl::string_view name) override {
    return MakeClientOptions(ca_, name);
  }
  void Stop() override { network_.Stop(); }

 private:
  const TestCa ca_;
  AsioNetwork network_{2};
};

std::unique_ptr<NetworkUnderTest> MakeAsio() { return std::make_unique<AsioUnderTest>(); }

INSTANTIATE_TEST_SUITE_P(Asio, NetworkContract, ::testing::Values(&MakeAsio));

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
    return MakeServerContext(ca_, name);
  }

  TlsClientOptions Verifying(absl::string_view name = kServerName) {
    return MakeClientOptions(ca_, name);
  }

  const TestCa ca_;
  RecordingAcceptor accepted_;
  AsioNetwork network_{2};
};

TEST_F(AsioNetworkTest, Ipv6Works) {
  ListenOptions options = Loopback();
  options.endpoint = {IpAddress::LoopbackV6(), 0};
  const auto listener = Listen(std::move(options));
  const auto client = Dial(listener->endpoint());
  client->Run([](Connection& c) { c.Send("hello"); });
  accepted_.Wait()->WaitForData("hello");
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

TEST_F(AsioNetworkTest, RefusedConnectionIsToldWhy) {
  const auto listener = *network_.Listen(Loopback(), [](const Endpoint&, const Endpoint&) {
    return AcceptResult(Refusal{"421 4.7.0 not now\r\n"});
  });
  RawClient client(listener->endpoint());
  EXPECT_EQ(client.ReadToEnd(), "421 4.7.0 not now\r\n");
  while (listener->open_connections() > 0) absl::SleepFor(absl::Milliseconds(1));
}

constexpr char kProxyLine[] = "PROXY TCP6 2001:db8::7 2001:db8::25 4711 25\r\n";

ListenOptions BehindABalancer(ListenOptions options) {
  options.proxy_from = {*IpNetwork::Parse("127.0.0.0/8")};
  options.proxy_timeout = absl::Minutes(1);
  return options;
}

std::string EndpointsOf(RecordingHandler& handler) {
  std::string both;
  handler.Run(
      [&](Connection& c) { both = absl::StrCat(c.peer().ToString(), " ", c.local().ToString()); });
  return both;
}

TEST_F(AsioNetworkTest, ProxyHeaderNamesPeerAndLocalAndIsNotData) {
  const auto listener = Listen(BehindABalancer(Loopback()));
  RawClient client(listener->endpoint());
  client.Write(absl::StrCat(kProxyLine, "EHLO x\r\n"));
  const auto server = accepted_.Wait();
  EXPECT_EQ(server->WaitForData("EHLO x\r\n"), "EHLO x\r\n");
  EXPECT_EQ(EndpointsOf(*server), "[2001:db8::7]:4711 [2001:db8::25]:25");
}

TEST_F(AsioNetworkTest, ProxyHeaderMayComeOctetByOctet) {
  const auto listener = Listen(BehindABalancer(Loopback()));
  RawClient client(listener->endpoint());
  for (char c : absl::string_view(kProxyLine)) client.Write(absl::string_view(&c, 1));
  const auto server = accepted_.Wait();
  server->WaitForOpen();
  EXPECT_EQ(EndpointsOf(*server), "[2001:db8::7]:4711 [2001:db8::25]:25");
}

TEST_F(AsioNetworkTest, TlsBeginsRightBehindTheProxyHeader) {
  ListenOptions options = BehindABalancer(Loopback());
  options.tls = ServerContext();
  const auto listener = Listen(std::move(options));
  auto client = std::make_shared<RecordingHandler>();
  client->on_open = [&](Connection& c) {
    c.Send(kProxyLine);
    c.StartTlsClient(Verifying());
    c.Send("hello");
  };
  DialOptions dial;
  dial.endpoint = listener->endpoint();
  network_.Dial(network_.NextLoop(), std::move(dial), client);
  const auto server = accepted_.Wait();
  EXPECT_EQ(server->WaitForData("hello"), "hello");
  EXPECT_EQ(EndpointsOf(*server), "[2001:db8::7]:4711 [2001:db8::25]:25");
}

TEST_F(AsioNetworkTest, BalancerThatSpeaksForItselfKeepsItsEndpoints) {
  const auto listener = Listen(BehindABalancer(Loopback()));
  RawClient client(listener->endpoint());
  client.Write(std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16));
  const auto server = accepted_.Wait();
  server->WaitForOpen();
  EXPECT_THAT(EndpointsOf(*server), HasSubstr(" " + listener->endpoint().ToString()));
}

TEST_F(AsioNetworkTest, ProxyHeaderFromAnybodyElseIsData) {
  ListenOptions options = Loopback();
  options.proxy_from = {*IpNetwork::Parse("192.0.2.0/24")};
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint());
  client.Write(kProxyLine);
  const auto server = accepted_.Wait();
  EXPECT_EQ(server->WaitForData("\r\n"), kProxyLine);
  EXPECT_THAT(EndpointsOf(*server), HasSubstr(" " + listener->endpoint().ToString()));
}

TEST_F(AsioNetworkTest, BalancerWithoutAGoodHeaderIsClosedWithoutAWord) {
  const auto listener = Listen(BehindABalancer(Loopback()));
  for (const char* octets : {"EHLO x\r\n", "PROXY TCP4 x y 1 2\r\n"}) {
    RawClient client(listener->endpoint());
    client.Write(octets);
    EXPECT_EQ(client.ReadToEnd(), "");
  }
  RawClient gone(listener->endpoint());
  gone.EndStream();
  EXPECT_EQ(gone.ReadToEnd(), "");
  while (listener->open_connections() > 0) absl::SleepFor(absl::Milliseconds(1));
}

TEST_F(AsioNetworkTest, BalancerThatSaysNothingIsClosedAfterProxyTimeout) {
  ListenOptions options = BehindABalancer(Loopback());
  options.proxy_timeout = absl::Milliseconds(20);
  const auto listener = Listen(std::move(options));
  RawClient client(listener->endpoint());
  client.Write("PROXY TCP4");
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(AsioNetworkTest, StopEndsWhatWaitsForAProxyHeader) {
  const auto listener = Listen(BehindABalancer(Loopback()));
  RawClient client(listener->endpoint());
  while (listener->open_connections() == 0) absl::SleepFor(absl::Milliseconds(1));
  network_.Stop();
  EXPECT_EQ(client.ReadToEnd(), "");
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

TEST(AsioMetricsTest, ListenersAreCountedUnderTheirNames) {
  MetricsRegistry metrics;
  AsioNetwork network(1, &metrics);
  const TestCa ca;
  RecordingAcceptor accepted;
  ListenOptions options;
  options.name = "smtps";
  options.endpoint = {IpAddress::LoopbackV4(), 0};
  options.tls = MakeServerContext(ca, kServerName);
  options.max_connections = 1;
  const auto listener = *network.Listen(std::move(options), accepted.Callback());
  RawClient client(listener->endpoint());
  accepted.Wait()->WaitForOpen();
  EXPECT_THAT(metrics.Text(), HasSubstr("packetboat_net_connections_open{listener=\"smtps\"} 1"));
  RawClient refused(listener->endpoint());
  EXPECT_EQ(refused.ReadToEnd(), "");
  client.Write("EHLO no TLS at all\r\n");
  EXPECT_FALSE(accepted.Wait()->WaitForClosed().ok());
  network.Stop();
  const std::string text = metrics.Text();
  for (const char* line : {"packetboat_net_connections_accepted_total{listener=\"smtps\"} 1",
                           "packetboat_net_connections_refused_total{listener=\"smtps\"} 1",
                           "packetboat_net_tls_handshakes_failed_total{listener=\"smtps\"} 1",
                           "packetboat_net_connections_open{listener=\"smtps\"} 0"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
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
