#ifndef PACKETBOAT_MAIL_SMTP_SERVER_ACTIONS_H_
#define PACKETBOAT_MAIL_SMTP_SERVER_ACTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/strong_id.h"
#include "mail/address/path.h"
#include "mail/smtp/command.h"
#include "mail/smtp/data_reader.h"
#include "mail/smtp/reply.h"

// What an SMTP server session and the shell around it tell each other. All are values.

namespace packetboat::smtp {

// --- Questions of the session. One at most is open at a time.

using QueryId = StrongId<struct QueryIdTag, uint64_t>;

// May this peer speak at all? Before the greeting; again when XCLIENT has named another one in
// ServerSession::facts().
struct ConnectQuery {};

// The name behind HELO, EHLO or LHLO.
struct HelloQuery {
  std::string name;
  bool extended;  // EHLO or LHLO
};

// A step of a SASL exchange, RFC 4954.
struct AuthQuery {
  std::string mechanism;  // in capitals, one of ServerConfig::auth_mechanisms
  bool first;
  // What the client sent, decoded. None: AUTH came without an initial response; where the mechanism
  // lets the client speak first, the verdict is an empty Challenge.
  std::optional<std::string> response;
};

struct MailQuery {
  address::ReversePath reverse_path;
  MailParameters parameters;
};

// The sender and the recipients before this one are in ServerSession::transaction().
struct RcptQuery {
  address::ForwardPath forward_path;
  size_t index;  // its place in Transaction::recipients, if it is accepted
};

// Is there room for a message? Before the 354, or the first BDAT.
struct DataQuery {};

// The message is complete: to be committed. The answer to an accepting verdict is the 250 that P1
// is about; whatever is not certain is a Refuse with a 4xx.
struct MessageQuery {
  BodyFacts body;
};

using Query = std::variant<ConnectQuery, HelloQuery, AuthQuery, MailQuery, RcptQuery, DataQuery,
                           MessageQuery>;

// --- Answers to them. A verdict of a kind that its query does not have, an Accept that carries no
// 2xx and a Refuse that carries no 4xx or 5xx all become 451 4.3.0.

struct Accept {
  // Replaces the session's own words; 2xx.
  std::optional<Reply> reply;
  // MailQuery: the id of the transaction, which the 250 after the message will name. Empty: the
  // session makes one of its own id and a counter.
  std::string transaction_id;
};

struct Refuse {
  Reply reply;  // 421 also closes
};

struct Disconnect {
  Reply reply;
};

// AuthQuery only: the exchange goes on.
struct Challenge {
  std::string octets;  // not yet encoded
};

// AuthQuery only.
struct Authenticated {
  std::string login;
};

// MessageQuery in LMTP only: one reply for each of Transaction::recipients, in their order
// (RFC 2033 s4.2). Any other number of replies is 451 4.3.0 for all.
struct PerRecipient {
  std::vector<Reply> replies;
};

using Verdict = std::variant<Accept, Refuse, Disconnect, Challenge, Authenticated, PerRecipient>;

// --- What the shell has to do, in this order.

// Write these octets. Their number counts towards ServerSession::OnWritten.
struct Send {
  std::string octets;
};

// Find the answer, at once or later, and call ServerSession::Answer.
struct Ask {
  QueryId id;
  Query query;
};

// The content of a message follows; what it was called so far is in ServerSession::transaction().
struct BeginBody {};

// Dots unstuffed, every line end a CRLF. To be reported by ServerSession::OnBodyTaken.
struct BodyChunk {
  std::string octets;
};

// No MessageQuery will follow: drop what came since BeginBody.
struct AbortBody {
  Reply reply;  // why, as the client was or will be told
};

// Write `reply`, then run the handshake as the server; the peer's next octets are not plain text
// any more. Ends in OnTlsEstablished or OnPeerClosed. The reply counts towards OnWritten.
struct StartTls {
  std::string reply;
};

// The client has seen the 250 of this transaction: it sent something after that was written.
// A retry of it is no longer to be expected, and its delivery keys may go.
struct ReplyConfirmed {
  std::string transaction_id;
};

enum class CloseReason {
  kQuit,
  kRefused,  // a verdict said so
  kTimeout,
  kTooManyErrors,
  kTooManyTransactions,
  kSynchronization,  // octets behind a command that must be the last of its group
  kBareNewline,      // in a command line
  kForeignProtocol,
  kTooMuchData,  // of a message that had been refused long since
  kDraining,
  kPeerClosed,
};

absl::string_view CloseReasonName(CloseReason reason);

// Write what is queued, then close. Nothing follows.
struct Close {
  CloseReason reason;
};

using Action =
    std::variant<Send, Ask, BeginBody, BodyChunk, AbortBody, StartTls, ReplyConfirmed, Close>;

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_SERVER_ACTIONS_H_
