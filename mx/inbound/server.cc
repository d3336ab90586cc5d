#include "mx/inbound/server.h"

#include <utility>

namespace packetboat::mx {

absl::StatusOr<std::unique_ptr<InboundServer>> InboundServer::Start(
    std::vector<InboundListener> listeners, net::Network& network) {
  auto server = std::unique_ptr<InboundServer>(new InboundServer);
  for (InboundListener& listener : listeners) {
    absl::StatusOr<std::unique_ptr<net::Listener>> open = network.Listen(
        std::move(listener.listen), [context = listener.context, sessions = server->sessions_](
                                        const net::Endpoint&, const net::Endpoint&) {
          return std::make_shared<InboundSession>(context, sessions);
        });
    if (!open.ok()) return open.status();
    server->listeners_.push_back(*std::move(open));
  }
  return server;
}

InboundServer::InboundServer() = default;
InboundServer::~InboundServer() = default;

std::vector<net::Endpoint> InboundServer::endpoints() const {
  std::vector<net::Endpoint> endpoints;
  for (const auto& listener : listeners_) endpoints.push_back(listener->endpoint());
  return endpoints;
}

void InboundServer::Drain(absl::Duration timeout) {
  for (const auto& listener : listeners_) listener->StopAccepting();
  if (sessions_.draining->Drain(timeout) == 0) return;
  // What they refer to goes next.
  sessions_.dropping->Drain(absl::InfiniteDuration());
}

}  // namespace packetboat::mx
