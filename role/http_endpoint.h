#ifndef PACKETBOAT_ROLE_HTTP_ENDPOINT_H_
#define PACKETBOAT_ROLE_HTTP_ENDPOINT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/health.h"
#include "base/metrics.h"
#include "net/api/network.h"
#include "role/service.h"

namespace packetboat::role {

// /healthz: the process is alive, and what each of its parts says. /readyz: 200 or 503, the same
// text. /metrics: Prometheus.
class HttpEndpoint {
 public:
  // nullptr for an empty address. What it is given outlives it.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Start(const std::string& address,
                                                             net::Network& network,
                                                             const HealthRegistry& health,
                                                             MetricsRegistry& metrics);
  virtual ~HttpEndpoint() = default;

  virtual Listening listening() const = 0;
};

}  // namespace packetboat::role

#endif  // PACKETBOAT_ROLE_HTTP_ENDPOINT_H_
