#ifndef PACKETBOAT_MAIL_IMAP_MESSAGE_READER_H_
#define PACKETBOAT_MAIL_IMAP_MESSAGE_READER_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "mail/imap/context.h"
#include "mail/imap/task.h"
#include "mail/message/structure.h"

namespace packetboat::imap {

// All octets of `range` of a message in the selected mailbox, in as many reads as it takes; the
// caller bounds the range. A message that ends earlier is kDataLoss.
Task<absl::StatusOr<std::string>> ReadOctets(Context& context, Uid uid, message::Range range);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_MESSAGE_READER_H_
