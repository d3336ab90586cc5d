#ifndef PACKETBOAT_CLI_UP_PORTS_H_
#define PACKETBOAT_CLI_UP_PORTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "net/api/address.h"

namespace packetboat::cli {

// What this machine would let a process listen on. An answer holds for the moment: nothing is kept.
class Ports {
 public:
  virtual ~Ports() = default;

  virtual bool IsFree(const net::Endpoint& endpoint) const = 0;
  // Ports below 1024 are for root, or for whom the system lets use them.
  virtual bool MayUseLowPorts() const = 0;
  virtual bool HasIpv6() const = 0;
  // `count` different ones, on 127.0.0.1.
  virtual absl::StatusOr<std::vector<net::Endpoint>> FreeOnLoopback(size_t count) const = 0;
};

// Asks the kernel, by binding sockets.
class SystemPorts : public Ports {
 public:
  bool IsFree(const net::Endpoint& endpoint) const override;
  bool MayUseLowPorts() const override;
  bool HasIpv6() const override;
  absl::StatusOr<std::vector<net::Endpoint>> FreeOnLoopback(size_t count) const override;
};

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_UP_PORTS_H_
