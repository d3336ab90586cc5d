#ifndef PACKETBOAT_NET_API_NETWORK_H_
#define PACKETBOAT_NET_API_NETWORK_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/api/address.h"
#include "net/api/connection.h"
#include "net/api/event_loop.h"
#include "net/api/tls.h"

namespace packetboat::net {

// Limits of one connection, whoever opened it.
struct ConnectionLimits {
  // What Send may queue. Beyond it the connection is closed.
  size_t max_unsent_bytes = size_t{16} << 20;
  // From the start of a handshake to its end.
  absl::Duration handshake_timeout = absl::Seconds(30);
  // How long the peer may take nothing at all while something is queued.
  absl::Duration write_timeout = absl::Minutes(5);
  // How long, and for how many octets, Close() waits for the peer's end.
  absl::Duration linger_timeout = absl::Seconds(2);
  size_t linger_bytes = size_t{1} << 20;
};

struct ListenOptions {
  // For logs and metrics: "smtp", "imaps".
  std::string name;
  // Port 0 takes a free one; see Listener::endpoint().
  Endpoint endpoint;
  // The kernel's queue of connections not yet accepted.
  int backlog = 1024;
  // Connections that are open at a time. One more is accepted, told `refusal` and closed.
  size_t max_connections = 4096;
  // Octets for a peer beyond max_connections, such as "421 4.3.2 ...\r\n". Not sent with implicit
  // TLS.
  std::string refusal;
  // Set: TLS from the first octet.
  std::shared_ptr<TlsServerContext> tls;
  // Load balancers: a connection from these networks must begin with a PROXY protocol header, in
  // front of TLS. Peer and local endpoint are those that it names, everywhere. Anything else in its
  // place, or none within `proxy_timeout`, closes the connection. A fake network does not know
  // this.
  std::vector<IpNetwork> proxy_from;
  absl::Duration proxy_timeout = absl::Seconds(5);
  ConnectionLimits limits;
};

struct DialOptions {
  Endpoint endpoint;
  // The address to connect from, if it matters. Its port may be 0.
  std::optional<Endpoint> from;
  absl::Duration connect_timeout = absl::Seconds(30);
  // Set: TLS from the first octet. OnOpen comes before the handshake, as on a listener.
  std::optional<TlsClientOptions> tls;
  ConnectionLimits limits;
};

// A connection that is not served: told `octets`, unless it begins with TLS, and closed at once.
struct Refusal {
  std::string octets;
};

// nullptr: a refusal without a word.
using AcceptResult = std::variant<std::shared_ptr<ConnectionHandler>, Refusal>;

// Makes the handler of a connection that was accepted, on that connection's loop. May be called
// from several loops at once.
using AcceptCallback =
    absl::AnyInvocable<AcceptResult(const Endpoint& peer, const Endpoint& local)>;

// An open port. Thread-safe. Destroying it stops accepting; open connections go on, and the accept
// callback is not called after that.
class Listener {
 public:
  virtual ~Listener() = default;

  // Where it really listens: the port is never 0.
  virtual const Endpoint& endpoint() const = 0;

  // For a drain: the port is closed at once, open connections go on. Repeatable.
  virtual void StopAccepting() = 0;

  virtual size_t open_connections() const = 0;
};

// A set of loops and the sockets on them. Thread-safe.
class Network {
 public:
  virtual ~Network() = default;

  // Fails if the port is taken or may not be bound. TCP over IPv4 or IPv6, never both by one
  // listener.
  virtual absl::StatusOr<std::unique_ptr<Listener>> Listen(ListenOptions options,
                                                           AcceptCallback accept) = 0;

  // Opens a connection on `loop`, one of this network's. The outcome is handler->OnOpen or
  // handler->OnClosed.
  virtual void Dial(EventLoop& loop, DialOptions options,
                    std::shared_ptr<ConnectionHandler> handler) = 0;

  // A loop for new work; they take turns.
  virtual EventLoop& NextLoop() = 0;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_API_NETWORK_H_
