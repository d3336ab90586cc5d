#ifndef PACKETBOAT_NET_ASIO_PROXIED_ACCEPT_H_
#define PACKETBOAT_NET_ASIO_PROXIED_ACCEPT_H_

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/asio/loop.h"
#include "net/proxy_protocol/header.h"

namespace packetboat::net {

// Reads the PROXY header off a connection that was accepted from a load balancer, and not one octet
// more. Lives in its loop, which may cancel it.
class ProxiedAccept : public std::enable_shared_from_this<ProxiedAccept> {
 public:
  // What the header named, or why the connection is of no use: kInvalidArgument for a bad header,
  // kDeadlineExceeded, kUnavailable when the balancer has gone, kCancelled.
  using Outcome = absl::StatusOr<std::optional<ProxiedEndpoints>>;
  using Done = absl::AnyInvocable<void(asio::ip::tcp::socket, const Outcome&)>;

  ProxiedAccept(AsioLoop& loop, asio::ip::tcp::socket socket, absl::Duration timeout, Done done);

  // Once. Ends in `done`, on the loop.
  void Start();

 private:
  asio::awaitable<void> ReadHeader();
  absl::Status ReadSome(bool* would_block);
  void Cancel(absl::Status why);

  AsioLoop& loop_;
  asio::ip::tcp::socket socket_;
  const absl::Duration timeout_;
  Done done_;
  ProxyHeaderReader reader_;
  absl::Status status_;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_ASIO_PROXIED_ACCEPT_H_
