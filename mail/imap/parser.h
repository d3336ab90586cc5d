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
// Strict, but for what real clients send and other servers take: more than one space between
// arguments, spaces inside parentheses and at the end of a command, 8-bit octets in quoted strings,
// MODSEQ zero.

// `fragments` as the fragmenter gives them. With kCommand they are a whole command; the message of
// an APPEND is a placeholder among them. With kLiteral they end with the message of an APPEND that
// is announced but not read: what stands before it can be judged then, and at the command's end
// once more, to see that nothing followed the message.
std::variant<Command, SyntaxError> ParseCommand(const std::vector<Fragment>& fragments,
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
