#ifndef PACKETBOAT_MAIL_ADDRESS_PATH_H_
#define PACKETBOAT_MAIL_ADDRESS_PATH_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mail/address/mailbox.h"

// What stands in the angle brackets of MAIL and RCPT (RFC 5321 s4.1.2). Values like those of
// mailbox.h, with the same failures. A source route is checked and forgotten (RFC 5321 s4.1.1.3,
// appendix C).

namespace packetboat::address {

// The argument of MAIL FROM: a mailbox, or null for bounces (RFC 5321 s4.5.5).
class ReversePath {
 public:
  ReversePath() = default;  // null
  explicit ReversePath(Mailbox mailbox) : mailbox_(std::move(mailbox)) {}

  // The whole of `text`, with its brackets.
  static absl::StatusOr<ReversePath> Parse(absl::string_view text);

  bool is_null() const { return !mailbox_.has_value(); }
  // Not null.
  const Mailbox& mailbox() const { return *mailbox_; }
  // `<>` or `<local@domain>`.
  std::string ToString() const;
  bool IsAscii() const { return is_null() || mailbox_->IsAscii(); }

  friend bool operator==(const ReversePath&, const ReversePath&) = default;

 private:
  std::optional<Mailbox> mailbox_;
};

// The argument of RCPT TO: a mailbox, or `<postmaster>` without a domain (RFC 5321 s4.1.1.3).
class ForwardPath {
 public:
  explicit ForwardPath(Mailbox mailbox) : mailbox_(std::move(mailbox)) {}
  static ForwardPath BarePostmaster() { return ForwardPath(); }

  // The whole of `text`, with its brackets.
  static absl::StatusOr<ForwardPath> Parse(absl::string_view text);

  bool is_bare_postmaster() const { return !mailbox_.has_value(); }
  // Not the bare postmaster.
  const Mailbox& mailbox() const { return *mailbox_; }
  // `<Postmaster>` or `<local@domain>`.
  std::string ToString() const;
  bool IsAscii() const { return is_bare_postmaster() || mailbox_->IsAscii(); }

  friend bool operator==(const ForwardPath&, const ForwardPath&) = default;

 private:
  ForwardPath() = default;
  std::optional<Mailbox> mailbox_;
};

// For command lines: take the path that `*text` starts with, and leave what follows its closing
// bracket (the ESMTP parameters with the space before them). On failure `*text` is unspecified.
absl::StatusOr<ReversePath> ConsumeReversePath(absl::string_view* text);
absl::StatusOr<ForwardPath> ConsumeForwardPath(absl::string_view* text);

}  // namespace packetboat::address

#endif  // PACKETBOAT_MAIL_ADDRESS_PATH_H_
