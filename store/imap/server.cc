#include "store/imap/server.h"

#include <functional>
#include <optional>
#include <string>
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
  // `login`: of a session that another store relays here; it has logged in there.
  ImapSession(std::shared_ptr<const ImapContext> context, ImapSessions sessions,
              std::optional<RelayedLogin> login = std::nullopt)
      : context_(std::move(context)), sessions_(std::move(sessions)), login_(std::move(login)) {}

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
    if (!TakePlace()) return;
    backend_ = NewBackend(context_->services, connection.loop());
    imap_.emplace(backend_.get(), context_->options, connection.peer().address.ToString(),
                  context_->implicit_tls, Now(), [this] { RunSoon(); });
    if (login_.has_value()) return EnterRelayed();
    imap_->Start();
    Run();
  }

  void OnData(absl::string_view octets) override {
    if (!imap_.has_value()) return;
    if (relaying_) return ToRelay(octets);
    imap_->Feed(octets, Now());
    Run();
  }

  void OnWritten(uint64_t total) override {
    const uint64_t octets = total - written_;
    written_ = total;
    if (!imap_.has_value()) return;
    if (relaying_) return FollowClient();
    imap_->OnWritten(octets, Now());
    Run();
  }

  void OnTlsEstablished(const net::TlsInfo&) override {
    // With implicit TLS the session was under it from its start.
    if (context_->implicit_tls || !imap_.has_value()) return;
    imap_->OnTlsEstablished(Now());
    Run();
  }

  void OnTimer() override {
    if (!imap_.has_value()) return;
    imap_->OnTimer(Now());
    Run();
  }

  bool OnEndOfStream() override {
    if (!imap_.has_value()) return false;
    if (relaying_) {
      relay_control_.end_input();
      return true;
    }
    imap_->OnEndOfInput(Now());
    Run();
    return true;
  }

  void OnClosed(const absl::Status& why) override {
    if (connection_ == nullptr) return;
    log_.Info("imap session ended", {{"user", User()}, {"relayed", relaying_}, {"status", why}});
    connection_ = nullptr;
    if (relay_ != nullptr) relay_->Abort(absl::CancelledError("the client is gone"));
    // What it has under way comes to nothing.
    imap_.reset();
    backend_.reset();
    context_->sessions->Add(-1);
    draining_ = {};
    dropping_ = {};
    stranger_ = {};
  }

  void Drain() {
    if (connection_ == nullptr || closing_) return;
    if (relaying_) return relay_control_.ask_to_end();
    if (login_.has_value() && !entered_) return CloseNow("");
    imap_->Shutdown();
    Run();
  }

 private:
  // The other side of a relayed session, as a connection of its own; on the loop of the client's.
  class Relay : public net::ConnectionHandler {
   public:
    explicit Relay(std::shared_ptr<ImapSession> session) : session_(std::move(session)) {}

    void OnOpen(net::Connection& connection) override { session_->RelayOpened(connection); }
    void OnData(absl::string_view octets) override { session_->FromRelay(octets); }
    void OnWritten(uint64_t) override { session_->FollowRelay(); }
    void OnClosed(const absl::Status& why) override { session_->RelayClosed(why); }

   private:
    const std::shared_ptr<ImapSession> session_;
  };

  // What either side may still owe the other before its source is no longer read from.
  static constexpr size_t kMaxRelayUnsent = size_t{64} << 10;

  // A place among those of this address that have not logged in.
  bool TakePlace() {
    if (login_.has_value() || context_->services.strangers == nullptr) return true;
    auto place = context_->services.strangers->Take(StrangerName(connection_->peer().address));
    if (place.has_value()) {
      stranger_ = *std::move(place);
      return true;
    }
    log_.Info("too many imap connections from this address");
    // A handshake would cost more than the news are worth.
    if (context_->implicit_tls) {
      connection_->Abort(absl::ResourceExhaustedError("too many connections from this address"));
    } else {
      CloseNow("* BYE [UNAVAILABLE] Too many connections from your address, try again later\r\n");
    }
    return false;
  }

  std::string User() const {
    if (!imap_.has_value()) return "";
    return relaying_ ? backend_->relayed().address : imap_->user();
  }

  absl::Time Now() const { return connection_->loop().Now(); }

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
    if (closing_ || relaying_) return;
    for (imap::SessionAction& action : imap_->TakeActions()) Do(action);
    if (relaying_ || !imap_->user().empty()) stranger_ = {};
    if (closing_ || relaying_) return;
    imap_->wants_input() ? connection_->ResumeReading() : connection_->PauseReading();
    connection_->SetDeadline(imap_->next_deadline());
  }

  void Do(imap::SessionAction& action) {
    switch (action.kind) {
      case imap::SessionAction::Kind::kSend:
        return connection_->Send(std::move(action.bytes));
      case imap::SessionAction::Kind::kStartTls:
        return connection_->StartTlsServer(context_->tls);
      case imap::SessionAction::Kind::kRelay:
        return BeginRelay(action);
      case imap::SessionAction::Kind::kClose:
        closing_ = true;
        return connection_->Close();
    }
  }

  void CloseNow(std::string last_words) {
    closing_ = true;
    if (!last_words.empty()) connection_->Send(std::move(last_words));
    connection_->Close();
  }

  // --- A session that comes from another store

  void EnterRelayed() {
    connection_->PauseReading();
    backend_->Enter(login_->user,
                    [weak = weak_from_this()](absl::StatusOr<imap::LoginResult> result) {
                      const auto self = weak.lock();
                      if (self != nullptr) self->Entered(std::move(result));
                    });
  }

  void Entered(absl::StatusOr<imap::LoginResult> result) {
    if (connection_ == nullptr || closing_) return;
    if (!result.ok()) {
      log_.Warning("a relayed user cannot enter", {{"status", result.status()}});
      return CloseNow(login_->tag + " NO [UNAVAILABLE] The mailbox cannot be reached\r\n");
    }
    entered_ = true;
    imap_->StartAuthenticated(std::move(result->account), login_->user.address, login_->tag);
    Run();
  }

  // --- A session that goes to another store

  void BeginRelay(imap::SessionAction& action) {
    relaying_ = true;
    to_relay_ = std::move(action.bytes);
    connection_->PauseReading();
    connection_->SetDeadline(absl::InfiniteFuture());
    const RelayedLogin login{backend_->relayed(), action.tag, connection_->peer()};
    relay_control_ = context_->services.relays->Dial(connection_->loop(), login,
                                                     std::make_shared<Relay>(shared_from_this()));
  }

  void RelayOpened(net::Connection& relay) {
    if (connection_ == nullptr) return relay.Abort(absl::CancelledError("the client is gone"));
    relay_ = &relay;
    relay.Send(std::exchange(to_relay_, {}));
    FollowRelay();
  }

  void ToRelay(absl::string_view octets) {
    if (relay_ == nullptr) {
      to_relay_.append(octets.data(), octets.size());
      return;
    }
    relay_->Send(std::string(octets));
    FollowRelay();
  }

  void FromRelay(absl::string_view octets) {
    if (connection_ == nullptr) return;
    connection_->Send(std::string(octets));
    FollowClient();
  }

  // Each side is read only as fast as the other one takes.
  void FollowRelay() {
    if (connection_ == nullptr || relay_ == nullptr) return;
    const bool room = relay_->unsent_bytes() <= kMaxRelayUnsent;
    room ? connection_->ResumeReading() : connection_->PauseReading();
  }

  void FollowClient() {
    if (connection_ == nullptr || relay_ == nullptr) return;
    const bool room = connection_->unsent_bytes() <= kMaxRelayUnsent;
    room ? relay_->ResumeReading() : relay_->PauseReading();
  }

  void RelayClosed(const absl::Status& why) {
    relay_ = nullptr;
    if (connection_ == nullptr || closing_) return;
    CloseNow(why.ok() ? "" : "* BYE [UNAVAILABLE] The mailbox cannot be reached\r\n");
  }

  const std::shared_ptr<const ImapContext> context_;
  const ImapSessions sessions_;
  const std::optional<RelayedLogin> login_;
  net::OpenSessions::Ticket draining_;
  net::OpenSessions::Ticket dropping_;
  SessionPlaces::Ticket stranger_;         // until log-in
  net::Connection* connection_ = nullptr;  // until OnClosed
  log::Logger log_;
  std::unique_ptr<SessionBackend> backend_;
  std::optional<imap::ServerSession> imap_;
  uint64_t written_ = 0;
  net::Connection* relay_ = nullptr;  // from its OnOpen to its OnClosed
  std::string to_relay_;              // before it is open
  RelayControl relay_control_;        // once relaying_
  bool relaying_ = false;
  bool entered_ = false;
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

RelayedHandler ImapServer::Relayed(std::shared_ptr<const ImapContext> context,
                                   const RelayedLogin& login) const {
  auto session = std::make_shared<ImapSession>(std::move(context), sessions_, login);
  return {session, [weak = std::weak_ptr<ImapSession>(session)] {
            if (const auto kept = weak.lock()) kept->Drain();
          }};
}

void ImapServer::Drain(absl::Duration timeout) {
  for (const auto& listener : listeners_) listener->StopAccepting();
  if (sessions_.draining->Drain(timeout) == 0) return;
  // What they refer to goes next.
  sessions_.dropping->Drain(absl::InfiniteDuration());
}

}  // namespace packetboat::store
