#ifndef PACKETBOAT_NET_HTTP_SERVER_H_
#define PACKETBOAT_NET_HTTP_SERVER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "net/api/network.h"

// Just enough of HTTP/1.1 (RFC 9112) for health checks and scrapers: GET and HEAD without a body.

namespace packetboat::http {

// A request line and its fields with their line ends; beyond: 431.
inline constexpr size_t kMaxRequestBytes = 8 * 1024;
// From connect, or the end of the last response, to the end of the next request.
inline constexpr absl::Duration kRequestTimeout = absl::Seconds(15);
inline constexpr size_t kMaxConnections = 64;
// Of responses that wait for a client: once there are more, no further request is read until they
// are fewer, and a client that has pipelined more in one go loses the rest.
inline constexpr size_t kMaxWaitingBytes = 1024 * 1024;

struct Response {
  int code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// By path, without the query. May be called from several loops at once; must not block.
using Handler = std::function<Response(absl::string_view path)>;

// Reads requests as octets arrive and makes responses; no I/O. Thread-compatible.
class RequestReader {
 public:
  explicit RequestReader(const Handler& handler) : handler_(handler) {}

  // What is to be sent for the requests that `octets` complete; pipelined ones in their order.
  std::string Feed(absl::string_view octets);

  // Nothing more will be answered: send what there is and close.
  bool closed() const { return closed_; }

 private:
  std::string Answer(absl::string_view head);
  std::string Refuse(int code);

  const Handler& handler_;
  std::string input_;
  bool closed_ = false;
};

// An open port. Thread-safe; open connections end with it or soon after.
class Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start(const net::Endpoint& endpoint,
                                                       net::Network& network, Handler handler);

  const net::Endpoint& endpoint() const { return listener_->endpoint(); }

 private:
  explicit Server(std::unique_ptr<net::Listener> listener) : listener_(std::move(listener)) {}

  std::unique_ptr<net::Listener> listener_;
};

}  // namespace packetboat::http

#endif  // PACKETBOAT_NET_HTTP_SERVER_H_
