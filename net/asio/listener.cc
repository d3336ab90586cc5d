#include "net/asio/listener.h"

#include <sys/socket.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "net/asio/connection.h"
#include "net/asio/proxied_accept.h"

namespace packetboat::net {
namespace {

using asio::ip::tcp;

// Out of file descriptors or memory: trying again at once would only burn the processor.
constexpr std::chrono::milliseconds kPauseAfterError{100};

}  // namespace

tcp::endpoint ToAsio(const Endpoint& endpoint) {
  const absl::Span<const uint8_t> bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    asio::ip::address_v4::bytes_type octets;
    std::copy(bytes.begin(), bytes.end(), octets.begin());
    return tcp::endpoint(asio::ip::address_v4(octets), endpoint.port);
  }
  asio::ip::address_v6::bytes_type octets;
  std::copy(bytes.begin(), bytes.end(), octets.begin());
  return tcp::endpoint(asio::ip::address_v6(octets), endpoint.port);
}

Endpoint FromAsio(const tcp::endpoint& endpoint) {
  if (endpoint.address().is_v4()) {
    const auto octets = endpoint.address().to_v4().to_bytes();
    return {*IpAddress::FromBytes(octets), endpoint.port()};
  }
  const auto octets = endpoint.address().to_v6().to_bytes();
  return {*IpAddress::FromBytes(octets), endpoint.port()};
}

ListenerMetrics ListenerMetrics::For(absl::string_view listener, MetricsRegistry& registry) {
  const MetricLabels labels = {{"listener", std::string(listener)}};
  ListenerMetrics metrics;
  metrics.accepted = &registry.counter("packetboat_net_connections_accepted_total",
                                       "Connections that were accepted.", labels);
  metrics.refused = &registry.counter("packetboat_net_connections_refused_total",
                                      "Connections beyond the listener's limit.", labels);
  metrics.errors = &registry.counter("packetboat_net_accept_errors_total",
                                     "Failures to accept a connection.", labels);
  metrics.failed_handshakes = &registry.counter("packetboat_net_tls_handshakes_failed_total",
                                                "TLS handshakes that did not succeed.", labels);
  metrics.bad_proxy_headers =
      &registry.counter("packetboat_net_proxy_headers_refused_total",
                        "Connections of load balancers without a good PROXY header.", labels);
  metrics.open =
      &registry.gauge("packetboat_net_connections_open", "Connections that are open.", labels);
  return metrics;
}

Acceptor::Acceptor(AsioLoop& loop, ListenOptions options, AcceptCallback accept, NextLoop next_loop,
                   const ListenerMetrics& metrics)
    : loop_(loop),
      options_(std::move(options)),
      next_loop_(std::move(next_loop)),
      metrics_(metrics),
      acceptor_(loop.context()),
      accept_(std::move(accept)) {}

absl::StatusOr<std::shared_ptr<Acceptor>> Acceptor::Open(AsioLoop& loop, ListenOptions options,
                                                         AcceptCallback accept, NextLoop next_loop,
                                                         const ListenerMetrics& metrics) {
  std::shared_ptr<Acceptor> acceptor(
      new Acceptor(loop, std::move(options), std::move(accept), std::move(next_loop), metrics));
  RETURN_IF_ERROR(acceptor->Bind());
  return acceptor;
}

absl::Status Acceptor::Bind() {
  const tcp::endpoint endpoint = ToAsio(options_.endpoint);
  asio::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && options_.endpoint.address.is_v6()) {
    acceptor_.set_option(asio::ip::v6_only(true), error);
  }
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(options_.backlog, error);
  const tcp::endpoint bound = error ? tcp::endpoint() : acceptor_.local_endpoint(error);
  if (error) {
    return absl::ErrnoToStatus(error.value(),
                               absl::StrCat("listen on ", options_.endpoint.ToString()));
  }
  endpoint_ = FromAsio(bound);
  return absl::OkStatus();
}

void Acceptor::Start() {
  loop_.Post([self = shared_from_this()] {
    self->loop_.Adopt(self.get(), [self] { self->Stop(); });
    asio::co_spawn(self->loop_.context(), self->AcceptWhileOpen(),
                   [self](std::exception_ptr exception) {
                     if (exception) std::rethrow_exception(exception);
                     self->loop_.Release(self.get());
                   });
  });
}

void Acceptor::Stop() {
  absl::MutexLock lock(&mutex_);
  if (stopped_) return;
  stopped_ = true;
  // The port is free from here on, whatever the loop is doing; it closes the descriptor itself.
  if (acceptor_.is_open()) shutdown(acceptor_.native_handle(), SHUT_RDWR);
  loop_.Post([self = shared_from_this()] {
    absl::MutexLock lock(&self->mutex_);
    asio::error_code ignored;
    self->acceptor_.close(ignored);
  });
}

asio::awaitable<void> Acceptor::AcceptWhileOpen() {
  while (acceptor_.is_open()) {
    AsioLoop& target = next_loop_();
    asio::error_code error;
    tcp::socket socket = co_await acceptor_.async_accept(
        target.context(), asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      co_await PauseAfterError(error);
    } else if (open_.load() >= options_.max_connections) {
      RefuseBeyondLimit(std::move(socket));
    } else {
      refusing_ = false;
      if (metrics_.accepted != nullptr) metrics_.accepted->Add();
      CountOpen(1);
      target.Post([self = shared_from_this(), &target, socket = std::move(socket)]() mutable {
        self->OpenConnection(target, std::move(socket));
      });
    }
  }
}

asio::awaitable<void> Acceptor::PauseAfterError(const asio::error_code& error) {
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) co_return;
  }
  // The peer went away before it was accepted: no reason to wait.
  if (error == asio::error::connection_aborted) co_return;
  if (metrics_.errors != nullptr) metrics_.errors->Add();
  log::Error("accept failed", {{"listener", options_.name}, {"reason", error.message()}});
  asio::steady_timer timer(loop_.context(), kPauseAfterError);
  asio::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void Acceptor::RefuseBeyondLimit(tcp::socket socket) {
  if (!refusing_) {
    log::Warning("connection limit reached",
                 {{"listener", options_.name}, {"limit", options_.max_connections}});
  }
  refusing_ = true;
  Refuse(std::move(socket), options_.refusal);
}

// Without waiting for the peer's end: who comes too often costs no more than this.
void Acceptor::Refuse(tcp::socket socket, const std::string& octets) {
  if (metrics_.refused != nullptr) metrics_.refused->Add();
  asio::error_code ignored;
  if (options_.tls == nullptr) {
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(octets), ignored);
  }
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Acceptor::CountOpen(int change) {
  open_.fetch_add(change);
  if (metrics_.open != nullptr) metrics_.open->Add(change);
}

AcceptResult Acceptor::MakeHandler(const Endpoint& peer, const Endpoint& local) {
  // Shared: several loops make handlers at a time, and Stop() waits for them.
  absl::ReaderMutexLock lock(&mutex_);
  if (stopped_) return nullptr;
  return accept_(peer, local);
}

void Acceptor::OpenConnection(AsioLoop& loop, tcp::socket socket) {
  asio::error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  const tcp::endpoint local = error ? tcp::endpoint() : socket.local_endpoint(error);
  if (error) return CountOpen(-1);
  if (IsLoadBalancer(FromAsio(peer).address)) {
    return OpenProxied(loop, std::move(socket), FromAsio(peer), FromAsio(local));
  }
  HandOver(loop, std::move(socket), FromAsio(peer), FromAsio(local));
}

bool Acceptor::IsLoadBalancer(const IpAddress& peer) const {
  return std::any_of(options_.proxy_from.begin(), options_.proxy_from.end(),
                     [&](const IpNetwork& network) { return network.Contains(peer); });
}

void Acceptor::OpenProxied(AsioLoop& loop, tcp::socket socket, const Endpoint& peer,
                           const Endpoint& local) {
  auto done = [self = shared_from_this(), &loop, peer, local](
                  tcp::socket accepted, const ProxiedAccept::Outcome& outcome) {
    if (!outcome.ok()) return self->NoteBadProxyHeader(peer, outcome.status());
    const ProxiedEndpoints ends = outcome->value_or(ProxiedEndpoints{peer, local});
    self->HandOver(loop, std::move(accepted), ends.source, ends.destination);
  };
  std::make_shared<ProxiedAccept>(loop, std::move(socket), options_.proxy_timeout, std::move(done))
      ->Start();
}

void Acceptor::NoteBadProxyHeader(const Endpoint& peer, const absl::Status& why) {
  CountOpen(-1);
  // A balancer that looks whether the port is open says nothing and goes.
  if (absl::IsUnavailable(why) || absl::IsCancelled(why)) return;
  if (metrics_.bad_proxy_headers != nullptr) metrics_.bad_proxy_headers->Add();
  log::Warning("connection without a good PROXY header",
               {{"listener", options_.name}, {"peer", peer.ToString()}, {"status", why}});
}

void Acceptor::HandOver(AsioLoop& loop, tcp::socket socket, const Endpoint& peer,
                        const Endpoint& local) {
  AcceptResult result = MakeHandler(peer, local);
  if (const auto* refusal = std::get_if<Refusal>(&result)) {
    CountOpen(-1);
    return Refuse(std::move(socket), refusal->octets);
  }
  auto handler = std::get<std::shared_ptr<ConnectionHandler>>(std::move(result));
  if (handler == nullptr) return CountOpen(-1);
  const auto connection = std::make_shared<AsioConnection>(
      loop, std::move(socket), peer, local, options_.limits, std::move(handler),
      [self = shared_from_this()](bool handshake_failed) {
        if (handshake_failed && self->metrics_.failed_handshakes != nullptr) {
          self->metrics_.failed_handshakes->Add();
        }
        self->CountOpen(-1);
      });
  loop.Adopt(connection);
  if (options_.tls != nullptr) connection->StartTlsServer(options_.tls);
  connection->Open();
}

}  // namespace packetboat::net
