#include "mail/smtp/command.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "mail/address/utf8.h"
#include "mail/smtp/limits.h"

namespace packetboat::smtp {
namespace {

constexpr absl::string_view kBlanks = " \t";
constexpr size_t kMaxSizeDigits = 20;  // RFC 1870 s4: size-value ::= 1*20DIGIT

Reply SyntaxReply(absl::string_view text) { return {501, "5.5.4", std::string(text)}; }

absl::string_view TrimBlanks(absl::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == absl::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Takes the next word off `*text`.
absl::string_view ConsumeWord(absl::string_view* text) {
  *text = TrimBlanks(*text);
  const absl::string_view word = text->substr(0, text->find_first_of(kBlanks));
  text->remove_prefix(word.size());
  *text = TrimBlanks(*text);
  return word;
}

struct Parameter {
  absl::string_view keyword;
  std::optional<absl::string_view> value;
};

// esmtp-param of RFC 5321 s4.1.2; RFC 6531 s3.3 adds UTF-8 to the value.
bool ParseParameter(absl::string_view word, Parameter* parameter) {
  const size_t equals = word.find('=');
  parameter->keyword = word.substr(0, equals);
  if (equals != absl::string_view::npos) parameter->value = word.substr(equals + 1);
  const absl::string_view keyword = parameter->keyword;
  const auto is_keyword_octet = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
  };
  if (keyword.empty() || keyword[0] == '-') return false;
  if (!std::all_of(keyword.begin(), keyword.end(), is_keyword_octet)) return false;
  if (!parameter->value.has_value()) return true;
  return !parameter->value->empty() && parameter->value->find('=') == absl::string_view::npos &&
         IsUtf8(*parameter->value);
}

std::optional<Reply> ParseParameters(absl::string_view text, std::vector<Parameter>* parameters) {
  while (!text.empty()) {
    Parameter parameter;
    if (!ParseParameter(ConsumeWord(&text), &parameter)) return SyntaxReply("Bad parameter syntax");
    for (const Parameter& earlier : *parameters) {
      if (absl::EqualsIgnoreCase(earlier.keyword, parameter.keyword)) {
        return SyntaxReply("Parameter given twice");
      }
    }
    parameters->push_back(parameter);
  }
  return std::nullopt;
}

// RFC 5321 s4.1.1.11.
Reply UnsupportedParameter(absl::string_view keyword) {
  return {555, "5.5.4", absl::StrCat("Unsupported parameter ", keyword)};
}

// Up to 20 digits; what no uint64 can hold is the largest one.
std::optional<uint64_t> ParseOctetCount(absl::string_view digits) {
  if (digits.empty() || digits.size() > kMaxSizeDigits) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != absl::string_view::npos) return std::nullopt;
  uint64_t value = 0;
  return absl::SimpleAtoi(digits, &value) ? value : std::numeric_limits<uint64_t>::max();
}

std::optional<Reply> ApplySize(absl::string_view value, MailParameters* parameters) {
  parameters->size = ParseOctetCount(value);
  if (!parameters->size.has_value()) return SyntaxReply("Bad SIZE");
  return std::nullopt;
}

std::optional<Reply> ApplyBody(absl::string_view value, MailParameters* parameters) {
  if (absl::EqualsIgnoreCase(value, "8BITMIME")) {
    parameters->body = BodyType::k8BitMime;
  } else if (!absl::EqualsIgnoreCase(value, "7BIT")) {
    return SyntaxReply("Unknown BODY type");
  }
  return std::nullopt;
}

std::optional<Reply> ApplyMailParameter(const Parameter& parameter, bool auth_offered,
                                        MailParameters* parameters) {
  const absl::string_view keyword = parameter.keyword;
  if (absl::EqualsIgnoreCase(keyword, "SMTPUTF8")) {
    if (parameter.value.has_value()) return SyntaxReply("SMTPUTF8 takes no value");
    parameters->smtputf8 = true;
    return std::nullopt;
  }
  const absl::string_view value = parameter.value.value_or(absl::string_view());
  if (absl::EqualsIgnoreCase(keyword, "SIZE")) return ApplySize(value, parameters);
  if (absl::EqualsIgnoreCase(keyword, "BODY")) return ApplyBody(value, parameters);
  if (absl::EqualsIgnoreCase(keyword, "AUTH") && auth_offered) {
    if (value.empty()) return SyntaxReply("Bad AUTH parameter");
    parameters->auth = std::string(value);
    return std::nullopt;
  }
  return UnsupportedParameter(keyword);
}

// The form of every text that a proxy passes on.
constexpr absl::string_view kUnavailable = "[UNAVAILABLE]";
constexpr absl::string_view kTemporarilyUnavailable = "[TEMPUNAVAIL]";
constexpr absl::string_view kIpv6Prefix = "IPV6:";

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet > 0x20 && octet != 0x7f;
  });
}

bool IsHostName(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
  });
}

// Empty for [UNAVAILABLE] alone.
std::optional<std::string> TextOf(absl::string_view value) {
  if (absl::EqualsIgnoreCase(value, kUnavailable)) return "";
  const bool good =
      !value.empty() && value.size() <= kMaxHelloNameBytes && IsPrintable(value) && IsUtf8(value);
  return good ? std::optional<std::string>(value) : std::nullopt;
}

// Blanks within are the name's own.
std::optional<std::string> LoginOf(absl::string_view value) {
  std::string without_blanks(value);
  std::replace(without_blanks.begin(), without_blanks.end(), ' ', '_');
  if (!TextOf(without_blanks).has_value()) return std::nullopt;
  return absl::EqualsIgnoreCase(value, kUnavailable) ? "" : std::string(value);
}

std::optional<net::IpAddress> AddressOf(absl::string_view value) {
  if (absl::EqualsIgnoreCase(value, kUnavailable)) return net::IpAddress();
  const bool v6 = absl::StartsWithIgnoreCase(value, kIpv6Prefix);
  if (v6) value.remove_prefix(kIpv6Prefix.size());
  // What is written as IPv6 may map an IPv4 address.
  if (v6 != absl::StrContains(value, ':')) return std::nullopt;
  const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(value);
  return address.ok() ? std::optional<net::IpAddress>(*address) : std::nullopt;
}

std::optional<uint16_t> PortOf(absl::string_view value) {
  if (absl::EqualsIgnoreCase(value, kUnavailable)) return 0;
  const std::optional<uint64_t> port = ParseOctetCount(value);
  if (!port.has_value() || *port > std::numeric_limits<uint16_t>::max()) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

bool ApplyXclientName(absl::string_view value, XclientCommand* command) {
  command->name_deferred = absl::EqualsIgnoreCase(value, kTemporarilyUnavailable);
  command->name = command->name_deferred ? "" : TextOf(value);
  return command->name.has_value() && IsHostName(*command->name);
}

bool ApplyXclientProtocol(absl::string_view value, XclientCommand* command) {
  command->extended = absl::EqualsIgnoreCase(value, "ESMTP");
  return *command->extended || absl::EqualsIgnoreCase(value, "SMTP");
}

// False for a name or a value that is not known.
bool ApplyXclientAttribute(absl::string_view name, absl::string_view value,
                           XclientCommand* command) {
  const auto is = [name](absl::string_view one) { return absl::EqualsIgnoreCase(name, one); };
  if (is("NAME")) return ApplyXclientName(value, command);
  if (is("PROTO")) return ApplyXclientProtocol(value, command);
  if (is("ADDR")) return (command->address = AddressOf(value)).has_value();
  if (is("PORT")) return (command->port = PortOf(value)).has_value();
  if (is("HELO")) return (command->hello_name = TextOf(value)).has_value();
  if (is("LOGIN")) return (command->login = LoginOf(value)).has_value();
  if (is("DESTADDR")) return (command->local_address = AddressOf(value)).has_value();
  if (is("DESTPORT")) return (command->local_port = PortOf(value)).has_value();
  return false;
}

// `FROM:` or `TO:`, then the path; blanks behind the colon are borne. Leaves the parameters.
template <typename Path>
std::optional<Reply> ConsumePathArgument(absl::string_view prefix, absl::string_view usage,
                                         const char* bad_path_code,
                                         absl::StatusOr<Path> (*consume)(absl::string_view*),
                                         absl::string_view* text, Path* path) {
  if (!absl::StartsWithIgnoreCase(*text, prefix)) return SyntaxReply(usage);
  *text = TrimBlanks(text->substr(prefix.size()));
  absl::StatusOr<Path> parsed = consume(text);
  if (!parsed.ok()) {
    return Reply{501, bad_path_code,
                 absl::StrCat("Bad address syntax: ", parsed.status().message())};
  }
  if (!text->empty() && kBlanks.find(text->front()) == absl::string_view::npos) {
    return SyntaxReply(usage);
  }
  *path = *std::move(parsed);
  return std::nullopt;
}

}  // namespace

CommandLine SplitCommandLine(absl::string_view line) {
  const size_t verb_end = std::min(line.find_first_of(kBlanks), line.size());
  return {line.substr(0, verb_end), TrimBlanks(line.substr(verb_end))};
}

Parsed<HelloCommand> ParseHello(absl::string_view arguments) {
  if (arguments.empty() || !IsPrintable(arguments) || !IsUtf8(arguments)) {
    return SyntaxReply("Host name needed");
  }
  if (arguments.size() > kMaxHelloNameBytes) return SyntaxReply("Host name too long");
  return HelloCommand{std::string(arguments)};
}

Parsed<MailCommand> ParseMail(absl::string_view arguments, bool auth_offered) {
  MailCommand command;
  std::optional<Reply> error = ConsumePathArgument<address::ReversePath>(
      "FROM:", "Syntax: MAIL FROM:<address>", "5.1.7", address::ConsumeReversePath, &arguments,
      &command.reverse_path);
  if (error.has_value()) return *error;
  std::vector<Parameter> parameters;
  if (error = ParseParameters(arguments, &parameters); error.has_value()) return *error;
  for (const Parameter& parameter : parameters) {
    error = ApplyMailParameter(parameter, auth_offered, &command.parameters);
    if (error.has_value()) return *error;
  }
  if (!command.reverse_path.IsAscii() && !command.parameters.smtputf8) {
    // RFC 6531 s3.5 asks for 550 at MAIL and 553 at RCPT.
    return Reply{550, "5.6.7", "Internationalized address without SMTPUTF8"};
  }
  return command;
}

Parsed<RcptCommand> ParseRcpt(absl::string_view arguments, bool smtputf8) {
  address::ForwardPath path = address::ForwardPath::BarePostmaster();
  std::optional<Reply> error = ConsumePathArgument<address::ForwardPath>(
      "TO:", "Syntax: RCPT TO:<address>", "5.1.3", address::ConsumeForwardPath, &arguments, &path);
  if (error.has_value()) return *error;
  std::vector<Parameter> parameters;
  if (error = ParseParameters(arguments, &parameters); error.has_value()) return *error;
  if (!parameters.empty()) return UnsupportedParameter(parameters.front().keyword);
  if (!path.IsAscii() && !smtputf8) {
    return Reply{553, "5.6.7", "Internationalized address without SMTPUTF8"};
  }
  return RcptCommand{std::move(path)};
}

Parsed<AuthCommand> ParseAuth(absl::string_view arguments) {
  AuthCommand command;
  command.mechanism = absl::AsciiStrToUpper(ConsumeWord(&arguments));
  if (command.mechanism.empty()) return SyntaxReply("Syntax: AUTH mechanism");
  if (arguments.empty()) return command;
  command.initial_response = arguments == "=" ? std::string() : DecodeBase64(arguments);
  if (!command.initial_response.has_value()) return Reply{501, "5.5.2", "Bad base64"};
  return command;
}

std::optional<std::string> DecodeBase64(absl::string_view text) {
  absl::string_view digits = text;
  for (int i = 0; i < 2; ++i) absl::ConsumeSuffix(&digits, "=");
  const bool clean = std::all_of(digits.begin(), digits.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
  });
  std::string octets;
  if (!clean || text.size() % 4 != 0 || !absl::Base64Unescape(text, &octets)) return std::nullopt;
  return octets;
}

Parsed<BdatCommand> ParseBdat(absl::string_view arguments) {
  BdatCommand command;
  const std::optional<uint64_t> octets = ParseOctetCount(ConsumeWord(&arguments));
  if (!octets.has_value()) return SyntaxReply("Syntax: BDAT octets [LAST]");
  command.octets = *octets;
  command.last = absl::EqualsIgnoreCase(arguments, "LAST");
  if (!command.last && !arguments.empty()) return SyntaxReply("Syntax: BDAT octets [LAST]");
  return command;
}

Parsed<XclientCommand> ParseXclient(absl::string_view arguments) {
  std::vector<Parameter> attributes;
  if (arguments.empty()) return SyntaxReply("Syntax: XCLIENT attribute=value ...");
  if (std::optional<Reply> error = ParseParameters(arguments, &attributes)) return *error;
  XclientCommand command;
  for (const Parameter& attribute : attributes) {
    const std::optional<std::string> value =
        DecodeXtext(attribute.value.value_or(absl::string_view()));
    if (!value.has_value() || !ApplyXclientAttribute(attribute.keyword, *value, &command)) {
      return SyntaxReply(absl::StrCat("Bad XCLIENT attribute ", attribute.keyword));
    }
  }
  return command;
}

std::optional<std::string> DecodeXtext(absl::string_view text) {
  std::string octets;
  while (!text.empty()) {
    size_t used = 1;
    if (text.front() == '+') {
      used = 3;
      const absl::string_view digits = text.substr(1, 2);
      const bool hex = digits.size() == 2 && std::all_of(digits.begin(), digits.end(), [](char c) {
                         return absl::ascii_isxdigit(static_cast<unsigned char>(c));
                       });
      if (!hex) return std::nullopt;
      octets += absl::HexStringToBytes(digits);
    } else {
      octets += text.front();
    }
    text.remove_prefix(used);
  }
  return octets;
}

}  // namespace packetboat::smtp
