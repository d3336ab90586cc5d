#include "net/testing/fake_network.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "net/testing/fake_connection.h"
#include "net/testing/fake_port.h"

namespace packetboat::net::testing {
namespace {

class FakeListener : public Listener {
 public:
  FakeListener(std::map<Endpoint, std::shared_ptr<FakePort>>& ports, std::shared_ptr<FakePort> port)
      : ports_(ports), port_(std::move(port)) {}
  ~FakeListener() override { StopAccepting(); }

  const Endpoint& endpoint() const override { return port_->options.endpoint; }
  void StopAccepting() override {
    if (!std::exchange(port_->accepting, false)) return;
    ports_.erase(endpoint());
  }
  size_t open_connections() const override { return port_->open; }

 private:
  std::map<Endpoint, std::shared_ptr<FakePort>>& ports_;
  const std::shared_ptr<FakePort> port_;
};

// Says one thing to a peer that is one too many, and ends.
class RefusingHandler : public ConnectionHandler {
 public:
  explicit RefusingHandler(std::string text) : text_(std::move(text)) {}
  void OnOpen(Connection& connection) override {
    connection.Send(std::move(text_));
    connection.Close();
  }
  void OnData(absl::string_view) override {}
  void OnClosed(const absl::Status&) override {}

 private:
  std::string text_;
};

}  // namespace

bool FakeTlsServerContext::IsValidFor(absl::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

FakeNetwork::FakeNetwork(FakeEventLoop& loop, FakeLink link) : loop_(loop), link_(link) {}

FakeNetwork::~FakeNetwork() {
  BreakConnections();
  loop_.RunReady();
}

absl::StatusOr<std::unique_ptr<Listener>> FakeNetwork::Listen(ListenOptions options,
                                                              AcceptCallback accept) {
  CHECK(options.proxy_from.empty()) << "no PROXY protocol here";
  if (options.endpoint.port == 0) options.endpoint.port = FreePort();
  if (ports_.contains(options.endpoint)) {
    return absl::AlreadyExistsError(
        absl::StrCat("listen on ", options.endpoint.ToString(), ": Address already in use"));
  }
  auto port = std::make_shared<FakePort>();
  port->options = std::move(options);
  port->accept = std::move(accept);
  ports_.emplace(port->options.endpoint, port);
  return std::make_unique<FakeListener>(ports_, std::move(port));
}

std::shared_ptr<FakePort> FakeNetwork::FindPort(const Endpoint& to) const {
  auto found = ports_.find(to);
  if (found == ports_.end()) {
    const char* any = to.address.is_v4() ? "0.0.0.0" : "::";
    found = ports_.find(Endpoint{*IpAddress::Parse(any), to.port});
  }
  return found == ports_.end() ? nullptr : found->second;
}

void FakeNetwork::Dial(EventLoop& loop, DialOptions options,
                       std::shared_ptr<ConnectionHandler> handler) {
  CHECK(&loop == &loop_) << "a loop of another network";
  loop_.RunAfter(Latency(),
                 [this, options = std::move(options), handler = std::move(handler)]() mutable {
                   Connect(std::move(options), std::move(handler));
                 });
}

void FakeNetwork::Connect(DialOptions options, std::shared_ptr<ConnectionHandler> handler) {
  const std::shared_ptr<FakePort> port = FindPort(options.endpoint);
  if (port == nullptr) {
    return handler->OnClosed(absl::UnavailableError(
        absl::StrCat("connect to ", options.endpoint.ToString(), ": Connection refused")));
  }
  Endpoint from = options.from.value_or(Endpoint{
      options.endpoint.address.is_v4() ? IpAddress::LoopbackV4() : IpAddress::LoopbackV6(), 0});
  if (from.port == 0) from.port = FreePort();
  AcceptResult result = Refusal{port->options.refusal};
  if (port->open < port->options.max_connections) result = port->accept(from, options.endpoint);
  const auto* handled = std::get_if<std::shared_ptr<ConnectionHandler>>(&result);
  const bool refuse = handled == nullptr || *handled == nullptr;
  std::shared_ptr<ConnectionHandler> accepted;
  if (refuse) {
    const bool tells = handled == nullptr && port->options.tls == nullptr;
    accepted = std::make_shared<RefusingHandler>(tells ? std::get<Refusal>(result).octets : "");
  } else {
    accepted = *handled;
    ++port->open;
  }
  const uint64_t client_id = ++last_connection_;
  const uint64_t server_id = ++last_connection_;
  const auto client = std::make_shared<FakeConnection>(*this, client_id, options.endpoint, from,
                                                       options.limits, handler, nullptr);
  const auto server =
      std::make_shared<FakeConnection>(*this, server_id, from, options.endpoint,
                                       port->options.limits, accepted, refuse ? nullptr : port);
  FakeConnection::Join(client, server);
  connections_.emplace(client_id, client);
  connections_.emplace(server_id, server);
  if (options.tls.has_value()) client->StartTlsClient(*std::move(options.tls));
  if (port->options.tls != nullptr && !refuse) server->StartTlsServer(port->options.tls);
  client->Open();
  server->Open();
}

void FakeNetwork::BreakConnections() {
  const auto all = connections_;
  for (const auto& [id, connection] : all) {
    connection->Break(absl::UnavailableError("the connection broke"));
  }
}

absl::Duration FakeNetwork::Latency() {
  const int64_t spread = absl::ToInt64Nanoseconds(link_.most_latency - link_.least_latency);
  if (link_.random == nullptr || spread <= 0) return link_.least_latency;
  return link_.least_latency +
         absl::Nanoseconds(static_cast<int64_t>(link_.random->Below(spread + 1)));
}

size_t FakeNetwork::PieceBytes(size_t at_most) {
  const size_t bytes = std::min(at_most, std::max<size_t>(link_.max_piece_bytes, 1));
  return link_.random == nullptr ? bytes : 1 + link_.random->Below(bytes);
}

}  // namespace packetboat::net::testing
