#ifndef PACKETBOAT_STORE_IMAP_MAILBOX_H_
#define PACKETBOAT_STORE_IMAP_MAILBOX_H_

#include <memory>

#include "mail/imap/backend.h"
#include "store/imap/session_context.h"

namespace packetboat::store {

// A mailbox that one session has selected, over the account's shard.
std::unique_ptr<imap::Mailbox> NewMailbox(SessionContext context, imap::Mailbox::Info info);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_MAILBOX_H_
