#include "net/testing/fake_network.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/testing/fake_event_loop.h"
#include "net/testing/network_contract.h"

namespace packetboat::net::testing {
namespace {

using ::testing::ElementsAre;

// A fake network that runs while the test waits.
class FakeUnderTest : public NetworkUnderTest, public Driver {
 public:
  explicit FakeUnderTest(FakeLink link = {}) : network_(loop_, link) {}

  Network& network() override { return network_; }
  Driver* driver() override { return this; }
  void Until(const std::function<bool()>& condition) override {
    CHECK(loop_.RunUntil(condition)) << "what the test waits for does not happen";
  }
  std::shared_ptr<TlsServerContext> ServerContext(absl::string_view name) override {
    return std::make_shared<FakeTlsServerContext>(std::vector<std::string>{std::string(name)});
  }
  TlsClientOptions ClientOptions(absl::string_view name) override {
    TlsClientOptions options;
    options.server_name = std::string(name);
    return options;
  }
  void Stop() override { network_.BreakConnections(); }

  FakeEventLoop& loop() { return loop_; }
  FakeNetwork& fake() { return network_; }

 private:
  FakeClock clock_;
  FakeEventLoop loop_{clock_};
  FakeNetwork network_;
};

std::unique_ptr<NetworkUnderTest> MakeDirect() { return std::make_unique<FakeUnderTest>(); }

// Octets come late and in odd pieces.
std::unique_ptr<NetworkUnderTest> MakeErratic() {
  static SeededRandom* const random = new SeededRandom(1);
  FakeLink link;
  link.least_latency = absl::Microseconds(1);
  link.most_latency = absl::Microseconds(900);
  link.random = random;
  return std::make_unique<FakeUnderTest>(link);
}

std::unique_ptr<NetworkUnderTest> MakeDistant() {
  FakeLink link;
  link.least_latency = absl::Milliseconds(3);
  return std::make_unique<FakeUnderTest>(link);
}

INSTANTIATE_TEST_SUITE_P(Direct, NetworkContract, ::testing::Values(&MakeDirect));
INSTANTIATE_TEST_SUITE_P(Distant, NetworkContract, ::testing::Values(&MakeDistant));

TEST(FakeEventLoopTest, TasksKeepTheirOrderAndTimersTheirs) {
  FakeClock clock;
  FakeEventLoop loop(clock);
  std::vector<int> order;
  loop.RunAfter(absl::Seconds(2), [&] { order.push_back(4); });
  loop.RunAfter(absl::Seconds(1), [&] { order.push_back(3); });
  loop.Post([&] {
    EXPECT_TRUE(loop.InLoop());
    order.push_back(1);
    loop.Post([&] { order.push_back(2); });
  });
  loop.RunReady();
  EXPECT_THAT(order, ElementsAre(1, 2));
  loop.Advance(absl::Seconds(2));
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4));
  EXPECT_FALSE(loop.InLoop());
}

TEST(FakeEventLoopTest, TimeStopsAtEachTimer) {
  FakeClock clock;
  FakeEventLoop loop(clock);
  const absl::Time start = loop.Now();
  absl::Time seen;
  loop.RunAfter(absl::Seconds(1),
                [&] { loop.RunAfter(absl::Seconds(1), [&] { seen = loop.Now(); }); });
  loop.Advance(absl::Seconds(10));
  EXPECT_EQ(seen, start + absl::Seconds(2));
  EXPECT_EQ(loop.Now(), start + absl::Seconds(10));
}

TEST(FakeEventLoopTest, CancelledTimerNeverRuns) {
  FakeClock clock;
  FakeEventLoop loop(clock);
  bool ran = false;
  const TimerId timer = loop.RunAfter(absl::ZeroDuration(), [&] { ran = true; });
  loop.Cancel(timer);
  loop.Cancel(timer);
  loop.Advance(absl::Seconds(1));
  EXPECT_FALSE(ran);
}

TEST(FakeEventLoopTest, WaitForWhatNeverHappensEnds) {
  FakeClock clock;
  FakeEventLoop loop(clock);
  loop.RunAfter(absl::Seconds(5), [] {});
  EXPECT_FALSE(loop.RunUntil([] { return false; }));
  const absl::Time now = loop.Now();
  EXPECT_FALSE(loop.RunUntil([] { return false; }, absl::Seconds(1)));
  EXPECT_EQ(loop.Now(), now);
}

// Everything that a client and a server saw, as one text.
std::string Exchange(uint64_t seed) {
  SeededRandom random(seed);
  FakeLink link;
  link.most_latency = absl::Milliseconds(5);
  link.random = &random;
  FakeUnderTest under_test(link);
  RecordingAcceptor accepted(&under_test);
  std::string trace;
  accepted.prepare = [&](RecordingHandler& handler) {
    handler.on_data = [&](Connection& c, absl::string_view octets) {
      absl::StrAppend(&trace, absl::FormatTime(c.loop().Now()), " ", octets.size(), "\n");
      c.Send(std::string(octets));
    };
  };
  ListenOptions options;
  options.endpoint = {IpAddress::LoopbackV4(), 25};
  const auto listener = *under_test.network().Listen(options, accepted.Callback());
  const auto client = std::make_shared<RecordingHandler>(&under_test);
  DialOptions dial;
  dial.endpoint = listener->endpoint();
  under_test.network().Dial(under_test.loop(), dial, client);
  const std::string sent(10'000, 'x');
  client->Run([&](Connection& c) { c.Send(sent); });
  EXPECT_EQ(client->WaitForBytes(sent.size()), sent);
  return trace;
}

TEST(FakeNetworkTest, EqualSeedsGiveEqualRunsAndOthersDoNot) {
  EXPECT_EQ(Exchange(1), Exchange(1));
  EXPECT_NE(Exchange(1), Exchange(2));
}

TEST(FakeNetworkTest, OrderSurvivesRandomDelaysAndPieces) {
  const auto under_test = MakeErratic();
  RecordingAcceptor accepted(under_test->driver());
  ListenOptions options;
  options.endpoint = {IpAddress::LoopbackV4(), 0};
  const auto listener = *under_test->network().Listen(options, accepted.Callback());
  const auto client = std::make_shared<RecordingHandler>(under_test->driver());
  DialOptions dial;
  dial.endpoint = listener->endpoint();
  under_test->network().Dial(under_test->network().NextLoop(), dial, client);
  std::string sent;
  for (int i = 0; i < 20'000; ++i) absl::StrAppend(&sent, i, "\r\n");
  client->Run([&](Connection& c) { c.Send(sent); });
  EXPECT_EQ(accepted.Wait()->WaitForBytes(sent.size()), sent);
}

TEST(FakeNetworkTest, BrokenConnectionsEndAtBothEnds) {
  FakeUnderTest under_test;
  RecordingAcceptor accepted(&under_test);
  ListenOptions options;
  options.endpoint = {*IpAddress::Parse("192.0.2.1"), 25};
  const auto listener = *under_test.network().Listen(options, accepted.Callback());
  const auto client = std::make_shared<RecordingHandler>(&under_test);
  DialOptions dial;
  dial.endpoint = listener->endpoint();
  dial.from = Endpoint{*IpAddress::Parse("203.0.113.9"), 0};
  under_test.network().Dial(under_test.loop(), dial, client);
  accepted.Wait()->Run(
      [](Connection& c) { EXPECT_EQ(c.peer().address, *IpAddress::Parse("203.0.113.9")); });
  under_test.fake().BreakConnections();
  EXPECT_EQ(client->WaitForClosed().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(accepted.Wait()->WaitForClosed().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(under_test.fake().open_connections(), 0u);
}

}  // namespace
}  // namespace packetboat::net::testing
