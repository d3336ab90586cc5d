#ifndef PACKETBOAT_STORE_IMAP_STAGED_COPY_H_
#define PACKETBOAT_STORE_IMAP_STAGED_COPY_H_

#include <string>

#include "mail/imap/backend.h"
#include "store/imap/session_context.h"

namespace packetboat::store {

struct CopyRequest {
  MailboxId mailbox;  // the source
  imap::UidSet uids;
  std::string destination;
  bool move = false;
};

// COPY or MOVE of any number of messages, all or nothing: in one entry when they fit, else staged
// piece by piece and made visible by one final entry (SEMANTICS.md s5). `done` comes on the
// session's loop.
void StartCopy(SessionContext context, CopyRequest request, imap::Callback<imap::CopyResult> done);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_STAGED_COPY_H_
