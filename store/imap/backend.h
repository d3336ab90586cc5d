#ifndef PACKETBOAT_STORE_IMAP_BACKEND_H_
#define PACKETBOAT_STORE_IMAP_BACKEND_H_

#include <memory>

#include "mail/imap/backend.h"
#include "net/api/event_loop.h"
#include "store/imap/session_context.h"

namespace packetboat::store {

// The mail store behind one IMAP session, whose loop is `loop`: the engine's interface bound to the
// shards of this node.
std::unique_ptr<imap::Backend> NewBackend(const ImapServices& services, net::EventLoop& loop);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_BACKEND_H_
