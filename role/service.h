#ifndef PACKETBOAT_ROLE_SERVICE_H_
#define PACKETBOAT_ROLE_SERVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/health.h"
#include "base/metrics.h"
#include "base/random.h"
#include "net/api/network.h"

namespace packetboat::config {
class Config;
}

namespace packetboat::role {

// An open port, as `--endpoints` tells it.
struct Listening {
  std::string role;  // "mx"
  std::string
      protocol;  // "smtp", "submission", "submissions", "lmtp", "imap", "imaps", "http", "grpc"
  std::string host;
  int port = 0;
  std::string tls;  // "none", "starttls", "implicit"
};

// A role that is running. Destroying it stops it at once.
class Service {
 public:
  virtual ~Service() = default;

  virtual std::vector<Listening> listening() const = 0;

  // Takes nothing new, lets transactions in flight end, at most for `timeout`; returns when that is
  // done.
  virtual void Drain(absl::Duration timeout) = 0;
};

// What a role is started in. Everything outlives the service.
struct Environment {
  const config::Config* config;
  net::Network* network;
  Clock* clock;
  Random* random;
  HealthRegistry* health;
  MetricsRegistry* metrics;
};

// Fails with a text for the operator: what is wrong, and what to do.
using StartFunction =
    std::function<absl::StatusOr<std::unique_ptr<Service>>(const Environment& environment)>;

}  // namespace packetboat::role

#endif  // PACKETBOAT_ROLE_SERVICE_H_
