#ifndef PACKETBOAT_NET_ASIO_ASIO_NETWORK_H_
#define PACKETBOAT_NET_ASIO_ASIO_NETWORK_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/metrics.h"
#include "net/api/network.h"

namespace packetboat::net {

class AsioLoop;

// The real network: TCP by Asio, TLS by BoringSSL, one thread per loop. Visible to main programs
// and tests only.
class AsioNetwork : public Network {
 public:
  // Starts `threads` loops; at least one. `metrics`, if any, gets packetboat_net_... for each
  // listener's name, and outlives the network.
  explicit AsioNetwork(size_t threads, MetricsRegistry* metrics = nullptr);
  // Stops.
  ~AsioNetwork() override;

  // Aborts every connection with kCancelled, which their handlers are told, drops all pending tasks
  // and timers, and ends the threads. Not from a loop. Destroy listeners before, or afterwards:
  // both are safe. Repeatable. For an orderly end close listeners and connections first.
  void Stop();

  absl::StatusOr<std::unique_ptr<Listener>> Listen(ListenOptions options,
                                                   AcceptCallback accept) override;
  void Dial(EventLoop& loop, DialOptions options,
            std::shared_ptr<ConnectionHandler> handler) override;
  EventLoop& NextLoop() override;

 private:
  MetricsRegistry* const metrics_;
  // Listeners outlive the network by holding these.
  const std::shared_ptr<std::vector<std::unique_ptr<AsioLoop>>> loops_;
  std::atomic<size_t> next_{0};
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_ASIO_ASIO_NETWORK_H_
