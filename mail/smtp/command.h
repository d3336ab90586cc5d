#ifndef PACKETBOAT_MAIL_SMTP_COMMAND_H_
#define PACKETBOAT_MAIL_SMTP_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "mail/address/path.h"
#include "mail/smtp/reply.h"
#include "net/api/address.h"

// Command lines to typed commands. Pure functions: they touch nothing but their argument, and what
// they return owns its text. Bad syntax is a value, the Reply that the client gets for it.

namespace packetboat::smtp {

template <typename T>
using Parsed = std::variant<T, Reply>;

// A line cut into its first word and the rest, both without surrounding blanks. Blanks at the end
// of a line mean nothing: many clients leave one behind (RFC 5321 s4.1.1 lets a receiver bear
// them).
struct CommandLine {
  absl::string_view verb;
  absl::string_view arguments;
};
CommandLine SplitCommandLine(absl::string_view line);

// HELO, EHLO and LHLO. The name is what the client claims, not more: up to 255 printable octets
// without blanks, so that the name of a badly set up client reaches policy instead of a syntax
// error.
struct HelloCommand {
  std::string name;
};
Parsed<HelloCommand> ParseHello(absl::string_view arguments);

// BODY= of RFC 6152.
enum class BodyType { k7Bit, k8BitMime };

struct MailParameters {
  std::optional<uint64_t> size;  // RFC 1870; as declared, UINT64_MAX for what is larger still
  BodyType body = BodyType::k7Bit;
  bool smtputf8 = false;            // RFC 6531
  std::optional<std::string> auth;  // RFC 4954 s5, as sent: a claim that nothing vouches for
};

struct MailCommand {
  address::ReversePath reverse_path;
  MailParameters parameters;
};
// `auth_offered`: whether the AUTH parameter is known.
Parsed<MailCommand> ParseMail(absl::string_view arguments, bool auth_offered);

struct RcptCommand {
  address::ForwardPath forward_path;
};
// `smtputf8`: whether MAIL announced that addresses may be internationalized.
Parsed<RcptCommand> ParseRcpt(absl::string_view arguments, bool smtputf8);

struct AuthCommand {
  std::string mechanism;                        // in capitals
  std::optional<std::string> initial_response;  // decoded; `=` is an empty one (RFC 4954 s4)
};
Parsed<AuthCommand> ParseAuth(absl::string_view arguments);

// A line of an AUTH exchange: base64 without blanks, padded (RFC 4648 s4).
std::optional<std::string> DecodeBase64(absl::string_view text);

struct BdatCommand {
  uint64_t octets = 0;
  bool last = false;
};
Parsed<BdatCommand> ParseBdat(absl::string_view arguments);

// XCLIENT, an extension of Postfix's: what a proxy says of the client that it speaks for. Only what
// it named is set. Values come as xtext (RFC 3461 s4); [UNAVAILABLE] is an empty text, the
// unspecified address or port 0.
struct XclientCommand {
  std::optional<std::string> name;
  bool name_deferred = false;  // [TEMPUNAVAIL]: looking the name up failed for now
  std::optional<net::IpAddress> address;
  std::optional<uint16_t> port;
  std::optional<bool> extended;  // PROTO=ESMTP
  std::optional<std::string> hello_name;
  std::optional<std::string> login;
  std::optional<net::IpAddress> local_address;
  std::optional<uint16_t> local_port;
};
// What EHLO shows of it.
inline constexpr absl::string_view kXclientAttributes =
    "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";
Parsed<XclientCommand> ParseXclient(absl::string_view arguments);

// xtext of RFC 3461 s4 to octets.
std::optional<std::string> DecodeXtext(absl::string_view text);

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_COMMAND_H_
