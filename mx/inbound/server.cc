#include "mx/inbound/server.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "mx/inbound/client_limits.h"

namespace packetboat::mx {
namespace {

bool Contains(const std::vector<net::IpNetwork>& networks, const net::IpAddress& client) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const net::IpNetwork& one) { return one.Contains(client); });
}

bool IsServed(const InboundContext& context, const net::IpAddress& client) {
  return context.allow_from.empty() || Contains(context.allow_from, client);
}

// Who brings the mail of many: a mail server that hands over by LMTP, a proxy.
bool IsTrusted(const smtp::ServerConfig& smtp, const net::IpAddress& client) {
  return smtp.mode == smtp::Mode::kLmtp || Contains(smtp.xclient_from, client);
}

net::AcceptResult Accept(const std::shared_ptr<const InboundContext>& context,
                         const InboundSessions& sessions, const net::Endpoint& peer) {
  const std::string& hostname = context->smtp->hostname;
  const bool served = IsServed(*context, peer.address);
  ClientLimits::Admission admission;
  if (context->client_limits != nullptr) {
    const bool trusted = served && IsTrusted(*context->smtp, peer.address);
    admission = context->client_limits->Admit(peer.address, trusted, context->clock->Monotonic());
  }
  if (admission.admittance != Admittance::kAdmitted) {
    const absl::string_view limit = AdmittanceName(admission.admittance);
    if (admission.news) {
      log::Warning("connections are refused", {{"peer", peer.ToString()}, {"limit", limit}});
    }
    context->metrics->Refused(admission.admittance);
    return net::Refusal{smtp::FormatReply(RefusalOf(admission.admittance, hostname))};
  }
  if (!served) {
    log::Warning("client is not served here", {{"peer", peer.ToString()}});
    context->metrics->NotServed();
    return net::Refusal{
        smtp::FormatReply({554, "5.7.1", absl::StrCat(hostname, " does not serve your address")})};
  }
  return std::make_shared<InboundSession>(context, sessions, std::move(admission.ticket));
}

}  // namespace

absl::StatusOr<std::unique_ptr<InboundServer>> InboundServer::Start(
    std::vector<InboundListener> listeners, net::Network& network) {
  auto server = std::unique_ptr<InboundServer>(new InboundServer);
  for (InboundListener& listener : listeners) {
    absl::StatusOr<std::unique_ptr<net::Listener>> open = network.Listen(
        std::move(listener.listen), [context = listener.context, sessions = server->sessions_](
                                        const net::Endpoint& peer, const net::Endpoint&) {
          return Accept(context, sessions, peer);
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
