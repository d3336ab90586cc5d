#include "cli/up/ports.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"

namespace packetboat::cli {
namespace {

// A TCP socket that is bound and listens, or the reason why not. Closed with this.
class BoundSocket {
 public:
  explicit BoundSocket(const net::Endpoint& endpoint) {
    const bool v4 = endpoint.address.is_v4();
    socket_ = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    // As servers do: connections that are ending do not count.
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!v4) setsockopt(socket_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sockaddr_storage address = {};
    const socklen_t length = v4 ? FillV4(endpoint, address) : FillV6(endpoint, address);
    const bool bound = socket_ >= 0 &&
                       bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
                       listen(socket_, 1) == 0;
    if (!bound) error_ = errno;
  }
  BoundSocket(BoundSocket&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), error_(other.error_) {}
  BoundSocket& operator=(BoundSocket&&) = delete;
  ~BoundSocket() {
    if (socket_ >= 0) close(socket_);
  }

  // 0 when it listens.
  int error() const { return error_; }

  uint16_t port() const {
    sockaddr_in address = {};
    socklen_t length = sizeof address;
    if (getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
    return ntohs(address.sin_port);
  }

 private:
  static socklen_t FillV4(const net::Endpoint& endpoint, sockaddr_storage& out) {
    auto& address = reinterpret_cast<sockaddr_in&>(out);
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, endpoint.address.bytes().data(), sizeof address.sin_addr);
    return sizeof address;
  }

  static socklen_t FillV6(const net::Endpoint& endpoint, sockaddr_storage& out) {
    auto& address = reinterpret_cast<sockaddr_in6&>(out);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    std::memcpy(&address.sin6_addr, endpoint.address.bytes().data(), sizeof address.sin6_addr);
    return sizeof address;
  }

  int socket_ = -1;
  int error_ = 0;
};

constexpr uint16_t kSmtpPort = 25;

}  // namespace

bool SystemPorts::IsFree(const net::Endpoint& endpoint) const {
  return BoundSocket(endpoint).error() == 0;
}

bool SystemPorts::MayUseLowPorts() const {
  // One that is taken answers EADDRINUSE: the right to it was there.
  const int error = BoundSocket({net::IpAddress::LoopbackV4(), kSmtpPort}).error();
  return error != EACCES && error != EPERM;
}

bool SystemPorts::HasIpv6() const {
  return BoundSocket({net::IpAddress::LoopbackV6(), 0}).error() == 0;
}

absl::StatusOr<std::vector<net::Endpoint>> SystemPorts::FreeOnLoopback(size_t count) const {
  std::vector<BoundSocket> held;
  std::vector<net::Endpoint> endpoints;
  for (size_t i = 0; i < count; ++i) {
    held.emplace_back(net::Endpoint{net::IpAddress::LoopbackV4(), 0});
    if (held.back().error() != 0) {
      return absl::ErrnoToStatus(held.back().error(), "no free port on loopback");
    }
    endpoints.push_back({net::IpAddress::LoopbackV4(), held.back().port()});
  }
  return endpoints;
}

}  // namespace packetboat::cli
