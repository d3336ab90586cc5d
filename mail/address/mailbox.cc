#include "mail/address/mailbox.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "mail/address/limits.h"
#include "mail/address/utf8.h"

namespace packetboat::address {
namespace {

bool IsNonAscii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// RFC 5322 s3.2.3, extended by RFC 6531 s3.3.
bool IsAtext(char c) {
  return absl::ascii_isalnum(c) || IsNonAscii(c) ||
         absl::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != absl::string_view::npos;
}

bool IsControl(char c) { return absl::ascii_iscntrl(c); }

bool IsDotString(absl::string_view text) {
  if (text.empty()) return false;  // StrSplit makes no piece at all of a default string_view
  for (const absl::string_view atom : absl::StrSplit(text, '.')) {
    if (atom.empty() || !std::all_of(atom.begin(), atom.end(), IsAtext)) return false;
  }
  return true;
}

std::string Quote(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

template <typename Predicate>
absl::string_view TakeWhile(absl::string_view* text, Predicate predicate) {
  const size_t size = std::find_if_not(text->begin(), text->end(), predicate) - text->begin();
  const absl::string_view taken = text->substr(0, size);
  text->remove_prefix(size);
  return taken;
}

// The inside of a quoted string whose opening quote is gone; takes the closing one too.
absl::StatusOr<std::string> ConsumeQuotedContent(absl::string_view* text) {
  std::string content;
  for (size_t i = 0; i < text->size(); ++i) {
    char c = (*text)[i];
    if (c == '"') {
      text->remove_prefix(i + 1);
      return content;
    }
    if (c == '\\') {
      if (++i == text->size()) break;
      c = (*text)[i];
      if (IsNonAscii(c)) return absl::InvalidArgumentError("bad quoted pair in local part");
    }
    content.push_back(c);
  }
  return absl::InvalidArgumentError("unterminated quoted string in local part");
}

absl::Status CheckLabel(absl::string_view label) {
  if (label.empty()) return absl::InvalidArgumentError("empty label in domain");
  if (packetboat::IsAscii(label) && label.size() > kMaxLabelBytes) {
    return absl::OutOfRangeError("label of domain too long");
  }
  if (label.front() == '-' || label.back() == '-') {
    return absl::InvalidArgumentError("label of domain starts or ends with a hyphen");
  }
  return absl::OkStatus();
}

bool IsDomainOctet(char c) { return absl::ascii_isalnum(c) || IsNonAscii(c) || c == '-'; }

// RFC 5321 s4.1.3: dcontent.
bool IsLiteralOctet(char c) { return absl::ascii_isgraph(c) && c != '[' && c != '\\' && c != ']'; }

bool IsStandardizedTag(absl::string_view tag) {
  return !tag.empty() && absl::ascii_isalnum(tag.back()) &&
         std::all_of(tag.begin(), tag.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
}

std::optional<std::string> CanonicalIp(int family, absl::string_view text) {
  unsigned char address[sizeof(in6_addr)];
  char canonical[INET6_ADDRSTRLEN];
  if (inet_pton(family, std::string(text).c_str(), address) != 1) return std::nullopt;
  inet_ntop(family, address, canonical, sizeof canonical);
  return canonical;
}

}  // namespace

absl::StatusOr<LocalPart> LocalPart::Parse(absl::string_view text) {
  absl::StatusOr<LocalPart> local_part = ConsumeLocalPart(&text);
  if (local_part.ok() && !text.empty()) {
    return absl::InvalidArgumentError("bad character in local part");
  }
  return local_part;
}

absl::StatusOr<LocalPart> LocalPart::FromUnquoted(absl::string_view octets) {
  if (std::any_of(octets.begin(), octets.end(), IsControl)) {
    return absl::InvalidArgumentError("control character in local part");
  }
  if (!IsUtf8(octets)) return absl::InvalidArgumentError("local part is not UTF-8");
  LocalPart local_part((std::string(octets)));
  if (local_part.ToString().size() > kMaxLocalPartBytes) {
    return absl::OutOfRangeError("local part too long");
  }
  return local_part;
}

std::string LocalPart::ToString() const {
  return IsDotString(unquoted_) ? unquoted_ : Quote(unquoted_);
}

bool LocalPart::IsPostmaster() const { return absl::EqualsIgnoreCase(unquoted_, "postmaster"); }

absl::StatusOr<Domain> Domain::Parse(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("empty domain");
  if (text.size() > kMaxDomainBytes) return absl::OutOfRangeError("domain too long");
  if (absl::StartsWith(text, "[")) return ParseLiteral(text);
  if (!IsUtf8(text)) return absl::InvalidArgumentError("domain is not UTF-8");
  for (const absl::string_view label : absl::StrSplit(text, '.')) {
    if (!std::all_of(label.begin(), label.end(), IsDomainOctet)) {
      return absl::InvalidArgumentError("bad character in domain");
    }
    if (absl::Status status = CheckLabel(label); !status.ok()) return status;
  }
  return Domain(Kind::kName, std::string(text));
}

absl::StatusOr<Domain> Domain::ParseLiteral(absl::string_view text) {
  if (text.size() < 2 || text.back() != ']') {
    return absl::InvalidArgumentError("unterminated address literal");
  }
  const absl::string_view inside = text.substr(1, text.size() - 2);
  if (!std::all_of(inside.begin(), inside.end(), IsLiteralOctet)) {
    return absl::InvalidArgumentError("bad character in address literal");
  }
  const size_t colon = inside.find(':');
  if (colon == absl::string_view::npos) {
    const std::optional<std::string> ip = CanonicalIp(AF_INET, inside);
    if (!ip) return absl::InvalidArgumentError("bad IPv4 address literal");
    return Domain(Kind::kIpv4Literal, absl::StrCat("[", *ip, "]"));
  }
  const absl::string_view tag = inside.substr(0, colon);
  const absl::string_view content = inside.substr(colon + 1);
  if (absl::EqualsIgnoreCase(tag, "IPv6")) {
    const std::optional<std::string> ip = CanonicalIp(AF_INET6, content);
    if (!ip) return absl::InvalidArgumentError("bad IPv6 address literal");
    return Domain(Kind::kIpv6Literal, absl::StrCat("[IPv6:", *ip, "]"));
  }
  if (!IsStandardizedTag(tag) || content.empty()) {
    return absl::InvalidArgumentError("bad address literal");
  }
  return Domain(Kind::kGeneralLiteral, std::string(text));
}

absl::string_view Domain::ip_address() const {
  absl::string_view address = text_;
  if (kind_ != Kind::kIpv4Literal && kind_ != Kind::kIpv6Literal) return "";
  address.remove_prefix(kind_ == Kind::kIpv4Literal ? 1 : 6);
  address.remove_suffix(1);
  return address;
}

absl::StatusOr<Mailbox> Mailbox::Parse(absl::string_view text) {
  absl::StatusOr<Mailbox> mailbox = ConsumeMailbox(&text);
  if (mailbox.ok() && !text.empty()) return absl::InvalidArgumentError("bad character in domain");
  return mailbox;
}

absl::StatusOr<Mailbox> Mailbox::Make(LocalPart local_part, Domain domain) {
  Mailbox mailbox(std::move(local_part), std::move(domain));
  if (mailbox.ToString().size() > kMaxPathBytes - 2) {
    return absl::OutOfRangeError("address too long");
  }
  return mailbox;
}

std::string Mailbox::ToString() const {
  return absl::StrCat(local_part_.ToString(), "@", domain_.text());
}

bool Mailbox::IsAscii() const {
  return packetboat::IsAscii(local_part_.unquoted()) && packetboat::IsAscii(domain_.text());
}

Subaddress SplitSubaddress(const LocalPart& local_part, absl::string_view separators) {
  const absl::string_view whole = local_part.unquoted();
  const size_t at = whole.find_first_of(separators);
  if (at == absl::string_view::npos || at == 0) return {local_part, std::nullopt};
  // Cutting inside a character, or a prefix that needs quotes where the whole did not, is where
  // this can fail.
  absl::StatusOr<LocalPart> user = LocalPart::FromUnquoted(whole.substr(0, at));
  if (!user.ok()) return {local_part, std::nullopt};
  return {*std::move(user), std::string(whole.substr(at + 1))};
}

absl::StatusOr<LocalPart> ConsumeLocalPart(absl::string_view* text) {
  if (absl::ConsumePrefix(text, "\"")) {
    absl::StatusOr<std::string> content = ConsumeQuotedContent(text);
    if (!content.ok()) return content.status();
    return LocalPart::FromUnquoted(*content);
  }
  const absl::string_view dot_string =
      TakeWhile(text, [](char c) { return IsAtext(c) || c == '.'; });
  if (!IsDotString(dot_string)) return absl::InvalidArgumentError("bad local part");
  return LocalPart::FromUnquoted(dot_string);
}

absl::StatusOr<Domain> ConsumeDomain(absl::string_view* text) {
  if (!absl::StartsWith(*text, "[")) {
    return Domain::Parse(TakeWhile(text, [](char c) { return IsDomainOctet(c) || c == '.'; }));
  }
  const size_t close = text->find(']');
  if (close == absl::string_view::npos) {
    return absl::InvalidArgumentError("unterminated address literal");
  }
  const absl::string_view literal = text->substr(0, close + 1);
  text->remove_prefix(literal.size());
  return Domain::Parse(literal);
}

absl::StatusOr<Mailbox> ConsumeMailbox(absl::string_view* text) {
  absl::StatusOr<LocalPart> local_part = ConsumeLocalPart(text);
  if (!local_part.ok()) return local_part.status();
  if (!absl::ConsumePrefix(text, "@")) return absl::InvalidArgumentError("address has no domain");
  absl::StatusOr<Domain> domain = ConsumeDomain(text);
  if (!domain.ok()) return domain.status();
  return Mailbox::Make(*std::move(local_part), *std::move(domain));
}

}  // namespace packetboat::address
