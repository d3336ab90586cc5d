#ifndef PACKETBOAT_MAIL_IMAP_MESSAGE_WALK_H_
#define PACKETBOAT_MAIL_IMAP_MESSAGE_WALK_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "mail/imap/backend.h"
#include "mail/imap/context.h"
#include "mail/imap/task.h"
#include "mail/message/structure.h"

namespace packetboat::imap {

// Shown each message of a walk.
using MessageVisitor =
    absl::FunctionRef<bool(SeqNum, const MessageMetadata&, const message::Structure&)>;

// Shows `visit` what the store keeps of the messages `numbers` of the selected mailbox, in that
// order, kMaxMetadataPerFetch at a time; reads no octets of them. A message that is gone by now is
// passed over. False: `visit` said so, and the walk ended there. What it is given must outlive the
// task.
Task<absl::StatusOr<bool>> VisitMessages(Context& context, const std::vector<SeqNum>& numbers,
                                         MessageVisitor visit);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_MESSAGE_WALK_H_
