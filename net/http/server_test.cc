#include "net/http/server.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "net/testing/fake_event_loop.h"
#include "net/testing/fake_network.h"
#include "net/testing/recording_handler.h"

namespace packetboat::http {
namespace {

const Handler& TestHandler() {
  static const auto* const handler = new Handler([](absl::string_view path) -> Response {
    if (path == "/healthz") return {.code = 200, .body = "fine\n"};
    return {.code = 404, .body = "no such page\n"};
  });
  return *handler;
}

std::string Ask(const std::string& request, bool* closed = nullptr) {
  RequestReader reader(TestHandler());
  std::string out = reader.Feed(request);
  if (closed != nullptr) *closed = reader.closed();
  return out;
}

TEST(RequestReaderTest, GetAnswersWithTheBodyAndHeadWithout) {
  const std::string get = Ask("GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(absl::StartsWith(get, "HTTP/1.1 200 OK\r\n")) << get;
  EXPECT_TRUE(absl::EndsWith(get, "Content-Length: 5\r\n\r\nfine\n")) << get;
  const std::string head = Ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(absl::EndsWith(head, "Content-Length: 5\r\n\r\n")) << head;
  EXPECT_TRUE(absl::StrContains(Ask("GET /other HTTP/1.1\r\n\r\n"), " 404 "));
}

TEST(RequestReaderTest, PipelinedRequestsAreAnsweredInEveryCut) {
  const std::string requests =
      "GET /healthz HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n";
  const std::string whole = Ask(requests);
  for (size_t cut = 0; cut <= requests.size(); ++cut) {
    RequestReader reader(TestHandler());
    std::string out = reader.Feed(requests.substr(0, cut));
    out += reader.Feed("");
    out += reader.Feed(requests.substr(cut));
    EXPECT_EQ(out, whole) << cut;
    EXPECT_TRUE(reader.closed()) << "the last one speaks HTTP/1.0";
  }
}

TEST(RequestReaderTest, WhatIsNotUnderstoodEndsTheConnection) {
  for (const auto& [request, code] : std::vector<std::pair<std::string, std::string>>{
           {"POST /healthz HTTP/1.1\r\n\r\n", " 405 "},
           {"GET /healthz HTTP/2.0\r\n\r\n", " 505 "},
           {"GET healthz HTTP/1.1\r\n\r\n", " 400 "},
           {"GET /healthz\r\n\r\n", " 400 "},
           {"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", " 400 "},
           {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", " 400 "},
           {"\r\n\r\n", " 400 "}}) {
    bool closed = false;
    EXPECT_TRUE(absl::StrContains(Ask(request, &closed), code)) << request;
    EXPECT_TRUE(closed) << request;
  }
}

TEST(RequestReaderTest, RequestsAreBounded) {
  const std::string start = "GET /healthz HTTP/1.1\r\nX: ";
  const std::string end = "\r\n\r\n";
  const std::string fits(kMaxRequestBytes - start.size() - end.size(), 'x');
  EXPECT_TRUE(absl::StrContains(Ask(absl::StrCat(start, fits, end)), " 200 "));
  EXPECT_TRUE(absl::StrContains(Ask(absl::StrCat(start, fits, "x", end)), " 431 "));
  bool closed = false;
  EXPECT_TRUE(absl::StrContains(Ask(std::string(kMaxRequestBytes + 1, 'x'), &closed), " 431 "));
  EXPECT_TRUE(closed);
}

TEST(RequestReaderTest, PipelinedResponsesAreBounded) {
  const Handler large = [](absl::string_view) -> Response {
    return {.body = std::string(kMaxWaitingBytes / 2, 'x')};
  };
  const std::string request = "GET / HTTP/1.1\r\n\r\n";
  RequestReader one(large);
  one.Feed(request);
  EXPECT_FALSE(one.closed());
  RequestReader three(large);
  const std::string out = three.Feed(absl::StrCat(request, request, request));
  EXPECT_TRUE(three.closed());
  EXPECT_LT(out.size(), kMaxWaitingBytes + 1024) << "two of three";
}

// A server and its clients on a network in virtual time.
class ServerTest : public ::testing::Test, public net::testing::Driver {
 protected:
  ServerTest()
      : server_(*Server::Start({net::IpAddress::LoopbackV4(), 0}, network_, TestHandler())) {}

  void Until(const std::function<bool()>& condition) override {
    ASSERT_TRUE(loop_.RunUntil(condition));
  }

  std::shared_ptr<net::testing::RecordingHandler> Dial() {
    auto client = std::make_shared<net::testing::RecordingHandler>(this);
    net::DialOptions options;
    options.endpoint = server_->endpoint();
    network_.Dial(loop_, options, client);
    return client;
  }

  FakeClock clock_;
  net::testing::FakeEventLoop loop_{clock_};
  net::testing::FakeNetwork network_{loop_};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, ConnectionIsKeptForTheNextRequestUntilItIsLate) {
  const auto client = Dial();
  for (int i = 1; i <= 3; ++i) {
    loop_.Advance(kRequestTimeout - absl::Seconds(1));
    client->Run([](net::Connection& c) { c.Send("GET /healthz HTTP/1.1\r\n\r\n"); });
    client->WaitForBytes(i * Ask("GET /healthz HTTP/1.1\r\n\r\n").size());
  }
  loop_.Advance(kRequestTimeout - absl::Seconds(1));
  EXPECT_FALSE(client->closed());
  loop_.Advance(absl::Seconds(1));
  EXPECT_TRUE(client->WaitForClosed().ok());
}

TEST_F(ServerTest, ClientThatDripsItsRequestIsCutOff) {
  const auto client = Dial();
  for (int i = 0; i < 15; ++i) {
    client->Run([](net::Connection& c) { c.Send("G"); });
    loop_.Advance(absl::Seconds(1));
  }
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_EQ(client->data(), "");
}

TEST_F(ServerTest, ClientThatNeverReadsCostsBoundedMemoryAndIsDropped) {
  server_ = *Server::Start({net::IpAddress::LoopbackV4(), 0}, network_, [](absl::string_view) {
    return Response{.body = std::string(300'000, 'x')};
  });
  const auto client = Dial();
  client->Run([](net::Connection& c) { c.PauseReading(); });
  for (int i = 0; i < 1000 && !client->closed(); ++i) {
    client->Run([](net::Connection& c) { c.Send("GET / HTTP/1.1\r\n\r\n"); });
  }
  loop_.Advance(kRequestTimeout);
  client->Run([](net::Connection& c) { c.ResumeReading(); });
  EXPECT_TRUE(client->WaitForClosed().ok());
  EXPECT_LT(client->data().size(), 2 * kMaxWaitingBytes);
}

TEST_F(ServerTest, ConnectionsAreLimited) {
  std::vector<std::shared_ptr<net::testing::RecordingHandler>> clients;
  for (size_t i = 0; i < kMaxConnections; ++i) clients.push_back(Dial());
  const auto one_more = Dial();
  EXPECT_TRUE(one_more->WaitForClosed().ok());
  for (const auto& client : clients) EXPECT_FALSE(client->closed());
}

}  // namespace
}  // namespace packetboat::http
