#ifndef PACKETBOAT_MAIL_SMTP_COMMAND_TABLE_H_
#define PACKETBOAT_MAIL_SMTP_COMMAND_TABLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// The rules about commands as data: who knows them, when they may come, and what they do to
// pipelining. server_session.cc looks here before it looks at any argument.

namespace packetboat::smtp {

// What a listener serves.
enum class Mode : uint8_t {
  kMx,           // port 25: from strangers, never AUTH
  kSubmission,   // port 587: STARTTLS before anything of substance (RFC 6409, RFC 8314)
  kSubmissions,  // port 465: TLS from the first octet (RFC 8314)
  kLmtp,         // RFC 2033: from trusted peers, an answer for every recipient
};

// Where a session stands between two commands.
enum class State : uint8_t {
  kConnecting,  // no greeting yet: TLS comes first, or the connection is being judged
  kTurnedAway,  // greeted with 554; waits for QUIT (RFC 5321 s3.1)
  kGreeted,     // no HELO, EHLO or LHLO yet
  kReady,       // no transaction
  kMail,        // a sender
  kRcpt,        // a sender and a recipient at least
  kChunking,    // BDAT has begun (RFC 3030)
  // Not open for commands:
  kData,       // in the content of a message
  kAuth,       // in a SASL exchange
  kHandshake,  // in a TLS handshake
  kClosed,
};

enum class Verb : uint8_t {
  kEhlo,
  kHelo,
  kLhlo,
  kStartTls,
  kXclient,
  kAuth,
  kMail,
  kRcpt,
  kData,
  kBdat,
  kRset,
  kNoop,
  kVrfy,
  kHelp,
  kQuit,
  kExpn,
  kObsolete,
};

using ModeSet = uint8_t;
using StateSet = uint16_t;
using RuleFlags = uint8_t;

constexpr ModeSet Bit(Mode mode) { return static_cast<ModeSet>(1u << static_cast<unsigned>(mode)); }
constexpr StateSet Bit(State state) {
  return static_cast<StateSet>(1u << static_cast<unsigned>(state));
}

// Nothing may stand behind it in the same flight: what follows depends on its answer (RFC 2920
// s3.1, RFC 3207 s4.2, RFC 4954 s4).
inline constexpr RuleFlags kEndsGroup = 1 << 0;
// May come on port 587 before TLS (RFC 3207 s4).
inline constexpr RuleFlags kBeforeTls = 1 << 1;
inline constexpr RuleFlags kNoArguments = 1 << 2;
// Brings no mail nearer; see Limits::max_junk_commands.
inline constexpr RuleFlags kJunk = 1 << 3;
// Known, and answered 502.
inline constexpr RuleFlags kNotImplemented = 1 << 4;

struct CommandRule {
  absl::string_view name;
  Verb verb;
  ModeSet modes;
  StateSet states;
  RuleFlags flags;

  bool Has(RuleFlags flag) const { return (flags & flag) != 0; }
  bool AllowedIn(State state) const { return (states & Bit(state)) != 0; }
  bool KnownTo(Mode mode) const { return (modes & Bit(mode)) != 0; }
};

absl::Span<const CommandRule> CommandRules();

// In any case of letters; null for what `mode` does not know.
const CommandRule* FindCommand(absl::string_view name, Mode mode);

// A first word that no mail client sends, but a browser or proxy that was talked into connecting
// here does: the lines behind it are not to be taken for commands.
bool IsForeignProtocol(absl::string_view name);

// Why a command may not come now, for the 503.
absl::string_view OutOfSequenceText(Verb verb, State state);

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_COMMAND_TABLE_H_
