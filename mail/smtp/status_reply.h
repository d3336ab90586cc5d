#ifndef PACKETBOAT_MAIL_SMTP_STATUS_REPLY_H_
#define PACKETBOAT_MAIL_SMTP_STATUS_REPLY_H_

#include "absl/status/status.h"
#include "mail/smtp/reply.h"

namespace packetboat::smtp {

// The one place where a failed operation of ours becomes an SMTP reply. It is always 4xx: a 5xx is
// a verdict about a sender, a recipient or a message, and verdicts are values; that an operation
// failed says nothing about the mail. An unknown code is 451 4.3.0, and so is, should it ever be
// asked for, an OK: never a 250. The status's own message stays in the log, as it may name machines
// and files.
Reply ReplyFor(const absl::Status& status);

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_STATUS_REPLY_H_
