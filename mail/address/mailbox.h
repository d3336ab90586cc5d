#ifndef PACKETBOAT_MAIL_ADDRESS_MAILBOX_H_
#define PACKETBOAT_MAIL_ADDRESS_MAILBOX_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Addresses as SMTP writes them: RFC 5321 s4.1.2, with the characters that RFC 6531 s3.3 adds. An
// object of these types holds good syntax within the limits of limits.h; there is no other way to
// make one than to parse it. All are values, immutable, thread-compatible, and own their text.
// Parsing touches nothing but its argument and fails with kInvalidArgument for bad syntax and
// kOutOfRange for what exceeds a limit; the message is ASCII without line ends, fit for an SMTP
// reply.
//
// Equality here is that of octets. Whether two addresses mean one mailbox is asked of normalize.h.

namespace packetboat::address {

// The part before the @. Quoting is not part of the value: `"joe"` and `joe` are the same local
// part.
class LocalPart {
 public:
  static absl::StatusOr<LocalPart> Parse(absl::string_view text);
  // From octets that are not quoted. Fails on control characters and on what is not UTF-8.
  static absl::StatusOr<LocalPart> FromUnquoted(absl::string_view octets);

  // Without quotes and backslashes. May be empty, and may hold spaces and @.
  const std::string& unquoted() const { return unquoted_; }
  // As it goes on the wire: quoted only if it must be.
  std::string ToString() const;
  // `postmaster` in any case (RFC 5321 s4.5.1).
  bool IsPostmaster() const;

  friend bool operator==(const LocalPart&, const LocalPart&) = default;

 private:
  explicit LocalPart(std::string unquoted) : unquoted_(std::move(unquoted)) {}
  std::string unquoted_;
};

// The part behind the @: a name or an address literal. Labels of a name are LDH or UTF-8 (U-labels
// are not checked against IDNA here, see normalize.h); the case of a name is kept. The address in a
// literal is brought into the form of RFC 5952.
class Domain {
 public:
  enum class Kind { kName, kIpv4Literal, kIpv6Literal, kGeneralLiteral };

  static absl::StatusOr<Domain> Parse(absl::string_view text);

  Kind kind() const { return kind_; }
  bool is_literal() const { return kind_ != Kind::kName; }
  // With the brackets of a literal.
  const std::string& text() const { return text_; }
  // Of an IP literal: the bare address, `192.0.2.1` or `2001:db8::1`. Empty otherwise.
  absl::string_view ip_address() const;

  friend bool operator==(const Domain&, const Domain&) = default;

 private:
  Domain(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  static absl::StatusOr<Domain> ParseLiteral(absl::string_view text);

  Kind kind_;
  std::string text_;
};

// Local part and domain; at most kMaxPathBytes - 2 octets.
class Mailbox {
 public:
  // The whole of `text`, without angle brackets.
  static absl::StatusOr<Mailbox> Parse(absl::string_view text);
  static absl::StatusOr<Mailbox> Make(LocalPart local_part, Domain domain);

  const LocalPart& local_part() const { return local_part_; }
  const Domain& domain() const { return domain_; }
  std::string ToString() const;
  // Neither part needs SMTPUTF8. A domain can be brought there by ToALabels; a local part cannot.
  bool IsAscii() const;

  friend bool operator==(const Mailbox&, const Mailbox&) = default;

 private:
  Mailbox(LocalPart local_part, Domain domain)
      : local_part_(std::move(local_part)), domain_(std::move(domain)) {}

  LocalPart local_part_;
  Domain domain_;
};

// `user+detail` (RFC 5233 s1). Without a separator, or with nothing before it, there is no detail.
struct Subaddress {
  LocalPart user;
  std::optional<std::string> detail;  // may be empty: `user+`
};

// Splits at the first octet that is one of `separators`.
Subaddress SplitSubaddress(const LocalPart& local_part, absl::string_view separators);

// The grammar that the parsers of this folder share. Each takes the longest prefix of `*text` that
// can be the thing and removes it; on failure `*text` is unspecified.
absl::StatusOr<LocalPart> ConsumeLocalPart(absl::string_view* text);
absl::StatusOr<Domain> ConsumeDomain(absl::string_view* text);
absl::StatusOr<Mailbox> ConsumeMailbox(absl::string_view* text);

}  // namespace packetboat::address

#endif  // PACKETBOAT_MAIL_ADDRESS_MAILBOX_H_
