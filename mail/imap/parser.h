#ifndef PACKETBOAT_MAIL_IMAP_PARSER_H_
#define PACKETBOAT_MAIL_IMAP_PARSER_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/imap/command.h"
#include "mail/imap/fragmenter.h"
#include "mail/imap/limits.h"

namespace packetboat::imap {

// The second stage: what the octets of one command say (RFC 3501 s9 and the extensions named in
// command.h). Pure; work and memory are linear in the command's size within SyntaxLimits.
//
// Strict, but for what real clients send and Dovecot takes: spaces before the end of a command,
// 8-bit octets in quoted strings, a FETCH list with extra spaces.

// `fragments` as the fragmenter gives them with kCommand. A message of APPEND is a placeholder
// among them.
std::variant<Command, SyntaxError> ParseCommand(const std::vector<Fragment>& fragments,
                                                const SyntaxLimits& limits);

// The same for an APPEND whose message is announced but not read: `fragments` as with kLiteral,
// whose last is the message. The command holds Append. At the command's end ParseCommand() sees
// that nothing followed.
std::variant<Command, SyntaxError> ParseAppend(const std::vector<Fragment>& fragments,
                                               const SyntaxLimits& limits);

// The client's line that answers a `+` of AUTHENTICATE (RFC 3501 s6.2.2).
struct SaslResponse {
  enum class Kind { kResponse, kCancelled, kInvalid };
  Kind kind = Kind::kInvalid;
  // Decoded from base64.
  std::string octets;
};
SaslResponse ParseSaslResponse(absl::string_view line);

// Whether the line ends IDLE (RFC 2177): DONE in any case.
bool IsIdleDone(absl::string_view line);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_PARSER_H_
