#include "role/http_endpoint.h"

#include <utility>

#include "base/status.h"
#include "net/api/address.h"
#include "net/http/server.h"

namespace packetboat::role {
namespace {

http::Response Page(absl::string_view path, const HealthRegistry& health,
                    MetricsRegistry& metrics) {
  if (path == "/metrics") {
    return {.code = 200,
            .content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = metrics.Text()};
  }
  if (path == "/healthz") return {.code = 200, .body = HealthText(health.Report())};
  if (path == "/readyz") {
    return {.code = health.Ready() ? 200 : 503, .body = HealthText(health.Report())};
  }
  return {.code = 404, .body = "/healthz, /readyz, /metrics\n"};
}

class RealEndpoint : public HttpEndpoint {
 public:
  explicit RealEndpoint(std::unique_ptr<http::Server> server) : server_(std::move(server)) {}

  Listening listening() const override {
    return {.role = "",
            .protocol = "http",
            .host = server_->endpoint().address.ToString(),
            .port = server_->endpoint().port,
            .tls = "none"};
  }

 private:
  const std::unique_ptr<http::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Start(const std::string& address,
                                                                  net::Network& network,
                                                                  const HealthRegistry& health,
                                                                  MetricsRegistry& metrics) {
  if (address.empty()) return nullptr;
  absl::StatusOr<net::Endpoint> endpoint = net::Endpoint::Parse(address);
  if (!endpoint.ok()) return Annotate(endpoint.status(), "node.http");
  absl::StatusOr<std::unique_ptr<http::Server>> server = http::Server::Start(
      *endpoint, network,
      [&health, &metrics](absl::string_view path) { return Page(path, health, metrics); });
  if (!server.ok()) return Annotate(server.status(), "node.http");
  return std::make_unique<RealEndpoint>(*std::move(server));
}

}  // namespace packetboat::role
