#ifndef PACKETBOAT_MAIL_IMAP_COMMAND_TABLE_H_
#define PACKETBOAT_MAIL_IMAP_COMMAND_TABLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace packetboat::imap {

// RFC 3501 s3; values are bits of CommandSpec::states.
enum class SessionState : uint8_t {
  kNotAuthenticated = 1 << 0,
  kAuthenticated = 1 << 1,
  kSelected = 1 << 2,
};

// `not authenticated` and so on, for BAD.
absl::string_view SessionStateName(SessionState state);

// What the protocol rules about one command, as data.
struct CommandSpec {
  enum Flag : uint16_t {
    kNone = 0,
    // Carries a password: refused in the clear (RFC 3501 s11.1, SEMANTICS s7).
    kSecret = 1 << 0,
    // Changes the selected mailbox: refused after EXAMINE.
    kWrites = 1 << 1,
    // Its answer speaks in message numbers: no EXPUNGE until it is over (RFC 3501 s7.4.1).
    kKeepsNumbers = 1 << 2,
    // Its updates show everything that anybody was told before (promise P3).
    kFresh = 1 << 3,
    // It leaves the selected mailbox, or has told what is new itself: no updates behind it.
    kNoUpdates = 1 << 4,
    // Flags in its updates come with the UID (RFC 3501 s6.4.8).
    kUid = 1 << 5,
    // The connection speaks otherwise behind it: what was pipelined with it is an attack.
    kEndsPipeline = 1 << 6,
    // Makes sense in the clear only.
    kBeforeTls = 1 << 7,
    // Its OK says HIGHESTMODSEQ if it expunged something and QRESYNC is enabled (RFC 7162 s3.2.7).
    kTellsModSeq = 1 << 8,
  };

  absl::string_view name;  // as CommandName() gives it
  uint8_t states = 0;      // of SessionState
  uint16_t flags = 0;      // of Flag

  bool AllowedIn(SessionState state) const { return (states & static_cast<uint8_t>(state)) != 0; }
  bool Has(Flag flag) const { return (flags & flag) != 0; }
};

// Every command that the engine executes.
absl::Span<const CommandSpec> CommandTable();

// Null if the engine does not execute it.
const CommandSpec* FindCommand(absl::string_view name);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_COMMAND_TABLE_H_
