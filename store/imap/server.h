#ifndef PACKETBOAT_STORE_IMAP_SERVER_H_
#define PACKETBOAT_STORE_IMAP_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/metrics.h"
#include "mail/imap/session.h"
#include "net/api/network.h"
#include "net/api/open_sessions.h"
#include "store/imap/relay.h"
#include "store/imap/session_context.h"

namespace packetboat::store {

// What all IMAP sessions of one listener share.
struct ImapContext {
  ImapServices services;
  imap::SessionOptions options;
  std::shared_ptr<net::TlsServerContext> tls;  // nullptr: no STARTTLS
  bool implicit_tls = false;
  Gauge* sessions = nullptr;
};

struct ImapListener {
  net::ListenOptions listen;
  std::shared_ptr<const ImapContext> context;
};

// The sessions of a server: those that shall end in order, and those that shall end at once.
struct ImapSessions {
  std::shared_ptr<net::OpenSessions> draining = std::make_shared<net::OpenSessions>();
  std::shared_ptr<net::OpenSessions> dropping = std::make_shared<net::OpenSessions>();
};

// The open IMAP ports of a store and the sessions on them. Thread-safe.
class ImapServer {
 public:
  static absl::StatusOr<std::unique_ptr<ImapServer>> Start(std::vector<ImapListener> listeners,
                                                           net::Network& network);
  ~ImapServer();

  // In the order of the listeners.
  std::vector<net::Endpoint> endpoints() const;

  // The handler of a session that another store relays here, as those of `context`.
  RelayedHandler Relayed(std::shared_ptr<const ImapContext> context,
                         const RelayedLogin& login) const;

  // Accepts nothing more, tells every client BYE between two of its commands; returns when none is
  // left or after `timeout`.
  void Drain(absl::Duration timeout);

 private:
  ImapServer();

  const ImapSessions sessions_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_SERVER_H_
