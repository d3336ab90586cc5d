#ifndef PACKETBOAT_NET_TESTING_FAKE_NETWORK_H_
#define PACKETBOAT_NET_TESTING_FAKE_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "net/api/network.h"
#include "net/testing/fake_event_loop.h"

namespace packetboat::net::testing {

// How octets travel. Order is kept, whatever is random.
struct FakeLink {
  // Each piece takes between these; `random` decides.
  absl::Duration least_latency;
  absl::Duration most_latency;
  // A piece has at most so many octets; with `random` any number from one up to it.
  size_t max_piece_bytes = 65536;
  // What a connection holds for a peer that does not read; the rest stays with the sender.
  size_t window_bytes = 65536;
  Random* random = nullptr;  // none: the least latency, the largest pieces
};

// The certificate of a fake server.
class FakeTlsServerContext : public TlsServerContext {
 public:
  explicit FakeTlsServerContext(std::vector<std::string> names) : names_(std::move(names)) {}

  absl::Status Reload() override { return last_reload_; }
  absl::Status last_reload() const override { return last_reload_; }
  absl::Time not_after() const override { return absl::InfiniteFuture(); }

  bool IsValidFor(absl::string_view name) const;
  void set_last_reload(absl::Status status) { last_reload_ = std::move(status); }

 private:
  const std::vector<std::string> names_;
  absl::Status last_reload_;
};

class FakeConnection;
struct FakePort;

// A network in memory, on one loop, deterministic; keeps the contract of net/api/ (one suite of
// tests checks it and the real one). Any address can be listened on and dialled from. TLS is an
// exchange of two marks: it needs both ends, compares names, and fails on anything else that
// arrives in their place; a plain end that receives one sees the octets 16 03 01. For one thread;
// outlives its connections and listeners.
class FakeNetwork : public Network {
 public:
  explicit FakeNetwork(FakeEventLoop& loop, FakeLink link = {});
  ~FakeNetwork() override;

  absl::StatusOr<std::unique_ptr<Listener>> Listen(ListenOptions options,
                                                   AcceptCallback accept) override;
  void Dial(EventLoop& loop, DialOptions options,
            std::shared_ptr<ConnectionHandler> handler) override;
  EventLoop& NextLoop() override { return loop_; }

  // For connections from now on, and what the others send from now on.
  void set_link(const FakeLink& link) { link_ = link; }

  // Ends every connection with kUnavailable at both ends, as when a machine is gone.
  void BreakConnections();

  size_t open_connections() const { return connections_.size(); }

 private:
  friend class FakeConnection;

  void Connect(DialOptions options, std::shared_ptr<ConnectionHandler> handler);
  std::shared_ptr<FakePort> FindPort(const Endpoint& to) const;
  absl::Duration Latency();
  size_t PieceBytes(size_t at_most);
  uint16_t FreePort() { return next_port_++; }

  FakeEventLoop& loop_;
  FakeLink link_;
  uint16_t next_port_ = 49152;
  std::map<Endpoint, std::shared_ptr<FakePort>> ports_;
  // By the order in which they were made: what happens to all of them happens in a fixed order.
  std::map<uint64_t, std::shared_ptr<FakeConnection>> connections_;
  uint64_t last_connection_ = 0;
};

}  // namespace packetboat::net::testing

#endif  // PACKETBOAT_NET_TESTING_FAKE_NETWORK_H_
