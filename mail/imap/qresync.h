#ifndef PACKETBOAT_MAIL_IMAP_QRESYNC_H_
#define PACKETBOAT_MAIL_IMAP_QRESYNC_H_

#include "absl/status/status.h"
#include "mail/imap/backend.h"
#include "mail/imap/command.h"
#include "mail/imap/context.h"
#include "mail/imap/task.h"

// Quick resynchronisation (RFC 7162 s3.2): what a client hears that comes back with the
// mod-sequence up to which it knows a mailbox.
//
// Where the mailbox has forgotten its older expunges (SEMANTICS s6) every UID that it does not have
// is told as vanished, less what the client's sequence match data show to be known (RFC 7162
// s3.2.5.2).

namespace packetboat::imap {

// `* VANISHED 3:5,9`, in as many responses as it takes (RFC 7162 s3.2.10). `earlier`: what was
// expunged before this session, or what it was not told of; then no message number changes.
Task<> SendVanished(Context& context, const UidSet& uids, bool earlier);

// Behind the responses of SELECT (RFC 7162 s3.2.5). A client with another UIDVALIDITY knows nothing
// of this mailbox, and hears nothing.
Task<absl::Status> Resynchronize(Context& context, const QresyncParameters& known);

// Before the responses of UID FETCH (RFC 7162 s3.2.6): which of `uids` were expunged after `since`.
Task<absl::Status> SendVanishedSince(Context& context, const UidSet& uids, ModSeq since);

// The last UID for which the client's numbers and UIDs agree with the view: it knows of every
// expunge below (RFC 7162 s3.2.5.2). Zero: for none.
Uid LastMatch(const View& view, const SequenceSet& numbers, const SequenceSet& uids);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_QRESYNC_H_
