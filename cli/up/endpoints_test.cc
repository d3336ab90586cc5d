#include "cli/up/endpoints.h"

#include <gtest/gtest.h>

namespace packetboat::cli {
namespace {

TEST(EndpointsTest, TheFileHasTheFormThatScriptsRead) {
  Endpoints endpoints;
  endpoints.domain = "example.org";
  endpoints.ca = "/d/ca.pem";
  endpoints.name = "one";
  endpoints.listeners = {
      {.role = "mx", .protocol = "smtp", .host = "127.0.0.1", .port = 25, .tls = "starttls"},
      {.role = "store", .protocol = "imaps", .host = "::1", .port = 993, .tls = "implicit"}};
  endpoints.users = {"\"a b\"@example.org"};
  endpoints.processes = {{.role = "packetboat",
                          .name = "one",
                          .pid = 7,
                          .data = "/d",
                          .restart = {"/bin/packetboat", "up"}}};
  EXPECT_EQ(endpoints.ToJson(), R"({
  "domain": "example.org",
  "ca": "/d/ca.pem",
  "listeners": [
    {"role": "mx", "name": "one", "protocol": "smtp", "host": "127.0.0.1", "port": 25, "tls": "starttls"},
    {"role": "store", "name": "one", "protocol": "imaps", "host": "::1", "port": 993, "tls": "implicit"}
  ],
  "accounts": [
    {"user": "\"a b\"@example.org", "password": null}
  ],
  "processes": [
    {"role": "packetboat", "name": "one", "pid": 7, "data": "/d", "restart": ["/bin/packetboat", "up"]}
  ]
}
)");
}

TEST(EndpointsTest, NothingIsAnEmptyList) {
  EXPECT_NE(Endpoints().ToJson().find("\"accounts\": [],"), std::string::npos);
}

}  // namespace
}  // namespace packetboat::cli
