#ifndef PACKETBOAT_MAIL_SMTP_TRACE_H_
#define PACKETBOAT_MAIL_SMTP_TRACE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "mail/address/mailbox.h"
#include "mail/address/path.h"
#include "mail/smtp/command_table.h"
#include "net/api/address.h"
#include "net/api/tls.h"

// The trace fields that a delivery puts before a message, RFC 5321 s4.4. Each function returns one
// whole field with its CRLF. Nothing that a peer said can add a line, leave a comment or make a
// line above 998 octets: what does not belong where it stands is shown as '?'. Pure functions.

namespace packetboat::smtp {

// The `with` of Received: SMTP, ESMTPSA, UTF8SMTPS, LMTP and so on (RFC 3848, RFC 6531 s4.3).
absl::string_view ProtocolKeyword(Mode mode, bool extended, bool tls, bool authenticated,
                                  bool smtputf8);

struct ReceivedTrace {
  std::string hello_name;      // as claimed
  std::string peer_name;       // what the address resolves to and back; empty: not known
  net::IpAddress peer;         // unspecified: not known
  std::string by;              // our host name
  absl::string_view protocol;  // ProtocolKeyword()
  std::optional<net::TlsInfo> tls;
  std::string id;  // the one that the 250 shows
  bool smtputf8 = false;
  absl::Time when;
};

// `recipients`: of the whole transaction. Exactly one: it is named in `for`; with more, nobody is
// told of the others (RFC 5321 s7.2).
std::string FormatReceived(const ReceivedTrace& trace,
                           absl::Span<const address::ForwardPath> recipients);

// At final delivery only.
std::string FormatReturnPath(const address::ReversePath& reverse_path);
std::string FormatDeliveredTo(const address::Mailbox& mailbox);

// RFC 5322 s3.3, in UTC: "Mon, 02 Jan 2006 15:04:05 +0000".
std::string FormatDate(absl::Time when);

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_TRACE_H_
