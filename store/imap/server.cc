#include "store/imap/server.h"

#include <optional>
#include <utility>

#include "base/log.h"
#include "store/imap/backend.h"

namespace packetboat::store {
namespace {

// One IMAP connection: carries octets between the socket and the engine. Lives on its connection's
// loop.
class ImapSession : public net::ConnectionHandler,
                    public std::enable_shared_from_this<ImapSession> {
 public:
  ImapSession(std::shared_ptr<const ImapContext> context, ImapSessions sessions)
      : context_(std::move(context)), sessions_(std::move(sessions)) {}

  void OnOpen(net::Connection& connection) override {
    connection_ = &connection;
    draining_ = sessions_.draining->Enter(connection.loop(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Drain();
    });
    dropping_ = sessions_.dropping->Enter(connection.loop(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Drop();
    });
    context_->sessions->Add(1);
    log_ = log::Logger().With({{"peer", connection.peer().ToString()}});
    backend_ = NewBackend(context_->services, connection.loop());
    imap_.emplace(backend_.get(), context_->options, connection.peer().address.ToString(),
                  context_->implicit_tls, Now(), [this] { RunSoon(); });
    imap_->Start();
    Run();
  }

  void OnData(absl::string_view octets) override {
    imap_->Feed(octets, Now());
    Run();
  }

  void OnWritten(uint64_t total) override {
    const uint64_t octets = total - written_;
    written_ = total;
    imap_->OnWritten(octets, Now());
    Run();
  }

  void OnTlsEstablished(const net::TlsInfo&) override {
    // With implicit TLS the session was under it from its start.
    if (context_->implicit_tls) return;
    imap_->OnTlsEstablished(Now());
    Run();
  }

  void OnTimer() override {
    imap_->OnTimer(Now());
    Run();
  }

  bool OnEndOfStream() override {
    imap_->OnEndOfInput(Now());
    Run();
    return true;
  }

  void OnClosed(const absl::Status& why) override {
    if (connection_ == nullptr) return;
    log_.Info("imap session ended", {{"user", imap_->user()}, {"status", why}});
    connection_ = nullptr;
    // What it has under way comes to nothing.
    imap_.reset();
    backend_.reset();
    context_->sessions->Add(-1);
    draining_ = {};
    dropping_ = {};
  }

 private:
  absl::Time Now() const { return connection_->loop().Now(); }

  void Drain() {
    if (connection_ == nullptr) return;
    imap_->Shutdown();
    Run();
  }

  void Drop() {
    if (connection_ != nullptr) connection_->Abort(absl::CancelledError("shutting down"));
  }

  // The engine has made actions outside of a call of ours.
  void RunSoon() {
    if (connection_ == nullptr || run_posted_) return;
    run_posted_ = true;
    connection_->loop().Post([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self == nullptr) return;
      self->run_posted_ = false;
      if (self->connection_ != nullptr) self->Run();
    });
  }

  void Run() {
    if (closing_) return;
    for (imap::SessionAction& action : imap_->TakeActions()) Do(action);
    if (closing_) return;
    imap_->wants_input() ? connection_->ResumeReading() : connection_->PauseReading();
    connection_->SetDeadline(imap_->next_deadline());
  }

  void Do(imap::SessionAction& action) {
    switch (action.kind) {
      case imap::SessionAction::Kind::kSend:
        return connection_->Send(std::move(action.bytes));
      case imap::SessionAction::Kind::kStartTls:
        return connection_->StartTlsServer(context_->tls);
      // The backend of this node never asks for a relay: it has a replica of every shard.
      case imap::SessionAction::Kind::kRelay:
      case imap::SessionAction::Kind::kClose:
        closing_ = true;
        return connection_->Close();
    }
  }

  const std::shared_ptr<const ImapContext> context_;
  const ImapSessions sessions_;
  net::OpenSessions::Ticket draining_;
  net::OpenSessions::Ticket dropping_;
  net::Connection* connection_ = nullptr;  // until OnClosed
  log::Logger log_;
  std::unique_ptr<imap::Backend> backend_;
  std::optional<imap::ServerSession> imap_;
  uint64_t written_ = 0;
  bool run_posted_ = false;
  bool closing_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImapServer>> ImapServer::Start(std::vector<ImapListener> listeners,
                                                              net::Network& network) {
  auto server = std::unique_ptr<ImapServer>(new ImapServer);
  for (ImapListener& listener : listeners) {
    absl::StatusOr<std::unique_ptr<net::Listener>> open = network.Listen(
        std::move(listener.listen), [context = listener.context, sessions = server->sessions_](
                                        const net::Endpoint&, const net::Endpoint&) {
          return std::make_shared<ImapSession>(context, sessions);
        });
    if (!open.ok()) return open.status();
    server->listeners_.push_back(*std::move(open));
  }
  return server;
}

ImapServer::ImapServer() = default;
ImapServer::~ImapServer() = default;

std::vector<net::Endpoint> ImapServer::endpoints() const {
  std::vector<net::Endpoint> endpoints;
  for (const auto& listener : listeners_) endpoints.push_back(listener->endpoint());
  return endpoints;
}

void ImapServer::Drain(absl::Duration timeout) {
  for (const auto& listener : listeners_) listener->StopAccepting();
  if (sessions_.draining->Drain(timeout) == 0) return;
  // What they refer to goes next.
  sessions_.dropping->Drain(absl::InfiniteDuration());
}

}  // namespace packetboat::store
