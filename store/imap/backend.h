#ifndef PACKETBOAT_STORE_IMAP_BACKEND_H_
#define PACKETBOAT_STORE_IMAP_BACKEND_H_

#include <memory>

#include "mail/imap/backend.h"
#include "net/api/event_loop.h"
#include "store/imap/session_context.h"

namespace packetboat::store {

// The mail store behind one IMAP session: the engine's interface bound to the shards of this node.
class SessionBackend : public imap::Backend {
 public:
  // Who has logged in, when the engine says that the session is to be relayed.
  virtual const LoggedIn& relayed() const = 0;

  // For a user who has logged in at another store, which has seen to it that there are not too
  // many; `done` comes from the session's loop.
  virtual void Enter(const LoggedIn& user, imap::Callback<imap::LoginResult> done) = 0;
};

// For a session whose loop is `loop`.
std::unique_ptr<SessionBackend> NewBackend(const ImapServices& services, net::EventLoop& loop);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_BACKEND_H_
