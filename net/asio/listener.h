#ifndef PACKETBOAT_NET_ASIO_LISTENER_H_
#define PACKETBOAT_NET_ASIO_LISTENER_H_

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/metrics.h"
#include "net/api/network.h"
#include "net/asio/loop.h"

namespace packetboat::net {

asio::ip::tcp::endpoint ToAsio(const Endpoint& endpoint);
Endpoint FromAsio(const asio::ip::tcp::endpoint& endpoint);

// What a listener counts; all or none are set.
struct ListenerMetrics {
  static ListenerMetrics For(absl::string_view listener, MetricsRegistry& registry);

  Counter* accepted = nullptr;
  Counter* refused = nullptr;
  Counter* errors = nullptr;
  Counter* failed_handshakes = nullptr;
  Counter* bad_proxy_headers = nullptr;
  Gauge* open = nullptr;
};

// An open port and the coroutine that accepts on it. The acceptor lives on one loop; connections
// are spread over all by `next_loop`. Shared by the coroutine and by the connections that it
// counts.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  using NextLoop = std::function<AsioLoop&()>;

  // Binds and listens.
  static absl::StatusOr<std::shared_ptr<Acceptor>> Open(AsioLoop& loop, ListenOptions options,
                                                        AcceptCallback accept, NextLoop next_loop,
                                                        const ListenerMetrics& metrics);

  // Any thread.
  void Start();
  void Stop();
  const Endpoint& endpoint() const { return endpoint_; }
  size_t open_connections() const { return open_.load(); }

 private:
  Acceptor(AsioLoop& loop, ListenOptions options, AcceptCallback accept, NextLoop next_loop,
           const ListenerMetrics& metrics);

  absl::Status Bind();
  asio::awaitable<void> AcceptWhileOpen();
  asio::awaitable<void> PauseAfterError(const asio::error_code& error);
  void RefuseBeyondLimit(asio::ip::tcp::socket socket);
  void Refuse(asio::ip::tcp::socket socket, const std::string& octets);
  // The rest is on the connection's own loop.
  void OpenConnection(AsioLoop& loop, asio::ip::tcp::socket socket);
  bool IsLoadBalancer(const IpAddress& peer) const;
  void OpenProxied(AsioLoop& loop, asio::ip::tcp::socket socket, const Endpoint& peer,
                   const Endpoint& local);
  void NoteBadProxyHeader(const Endpoint& peer, const absl::Status& why);
  void HandOver(AsioLoop& loop, asio::ip::tcp::socket socket, const Endpoint& peer,
                const Endpoint& local);
  void CountOpen(int change);
  AcceptResult MakeHandler(const Endpoint& peer, const Endpoint& local);

  AsioLoop& loop_;
  const ListenOptions options_;
  const NextLoop next_loop_;
  const ListenerMetrics metrics_;
  asio::ip::tcp::acceptor acceptor_;  // on loop_
  Endpoint endpoint_;
  std::atomic<size_t> open_{0};
  bool refusing_ = false;  // on loop_; whether the last one was refused

  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  AcceptCallback accept_;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_ASIO_LISTENER_H_
