#ifndef PACKETBOAT_MAIL_IMAP_OBJECT_ID_H_
#define PACKETBOAT_MAIL_IMAP_OBJECT_ID_H_

#include <string>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "mail/message/structure.h"

// Identifiers of RFC 8474: letters, digits, '-' and '_', each kind with a letter of its own in
// front. A message's own, EMAILID, is the backend's matter.

namespace packetboat::imap {

// `F12`. A mailbox keeps it through RENAME, and no other one gets it.
std::string ObjectId(MailboxId mailbox);

// `MAILBOXID (F12)`: a response code.
std::string MailboxIdCode(MailboxId mailbox);

// The thread that the message says it belongs to: the same for all that go back to one message, by
// the first message-id of References, or of In-Reply-To, or by its own. Nothing is kept for it, so
// that it is the same on every node, after a restore too; conversations that only a common subject
// holds together are several threads. Empty: it names none.
std::string ThreadIdOf(const message::Structure& structure);

// `(M12)`, or NIL for an empty one.
std::string ObjectIdValue(absl::string_view id);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_OBJECT_ID_H_
