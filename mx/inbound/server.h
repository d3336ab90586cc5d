#ifndef PACKETBOAT_MX_INBOUND_SERVER_H_
#define PACKETBOAT_MX_INBOUND_SERVER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "mx/inbound/session.h"
#include "net/api/network.h"
#include "net/api/open_sessions.h"

namespace packetboat::mx {

struct InboundListener {
  net::ListenOptions listen;
  std::shared_ptr<const InboundContext> context;
};

// The open ports of an MX and the sessions on them. Thread-safe.
class InboundServer {
 public:
  static absl::StatusOr<std::unique_ptr<InboundServer>> Start(
      std::vector<InboundListener> listeners, net::Network& network);
  ~InboundServer();

  // In the order of the listeners.
  std::vector<net::Endpoint> endpoints() const;

  // Accepts nothing more, ends each session once its transaction is over; after `timeout` those
  // that are left are dropped. None is left when it returns. Not from a loop.
  void Drain(absl::Duration timeout);

 private:
  InboundServer();

  const InboundSessions sessions_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_INBOUND_SERVER_H_
