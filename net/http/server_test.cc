#include "net/http/server.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

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

}  // namespace
}  // namespace packetboat::http
