#include "mail/smtp/trace.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "mail/address/utf8.h"
#include "mail/smtp/limits.h"

namespace packetboat::smtp {
namespace {

// A field that grows word by word and is folded before a word that would make its line too long.
class FoldedField {
 public:
  explicit FoldedField(absl::string_view name) : text_(name), line_bytes_(name.size()) {}

  void Add(absl::string_view word) {
    const size_t bytes = std::min(word.size(), kMaxTraceLineBytes - 1);
    const bool fold = line_bytes_ + 1 + bytes > kFoldTraceLineBytes && line_bytes_ > 1;
    absl::StrAppend(&text_, fold ? "\r\n\t" : " ", word.substr(0, bytes));
    line_bytes_ = (fold ? 0 : line_bytes_) + 1 + bytes;
  }

  // The date stands behind the last semicolon (RFC 5321 s4.4), on a line of its own.
  std::string FinishWithDate(absl::Time when) && {
    return absl::StrCat(text_, ";\r\n\t", FormatDate(when), "\r\n");
  }

 private:
  std::string text_;
  size_t line_bytes_;
};

// Only what can stand in a domain, an address literal or an atom.
std::string Clean(absl::string_view name, bool utf8) {
  constexpr absl::string_view kSafe = "-._[]:+=/";
  std::string out;
  while (!name.empty() && out.size() < kMaxHelloNameBytes) {
    const char c = name.front();
    const size_t bytes = std::max<size_t>(1, Utf8CharacterBytes(name));
    const bool safe = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                      kSafe.find(c) != absl::string_view::npos || (bytes > 1 && utf8);
    absl::StrAppend(&out, safe ? name.substr(0, bytes) : "?");
    name.remove_prefix(bytes);
  }
  return out.empty() ? "unknown" : out;
}

std::string Literal(const net::IpAddress& address) {
  if (address.is_unspecified()) return "[unknown]";
  return absl::StrCat(address.is_v6() ? "[IPv6:" : "[", address.ToString(), "]");
}

}  // namespace

absl::string_view ProtocolKeyword(Mode mode, bool extended, bool tls, bool authenticated,
                                  bool smtputf8) {
  static constexpr absl::string_view kKeywords[4][4] = {
      {"ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"},
      {"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"},
      {"LMTP", "LMTPA", "LMTPS", "LMTPSA"},
      {"UTF8LMTP", "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA"},
  };
  // HELO has no other keyword; that there was TLS stands in the comment.
  if (!extended && mode != Mode::kLmtp) return "SMTP";
  const int family = (mode == Mode::kLmtp ? 2 : 0) + (smtputf8 ? 1 : 0);
  return kKeywords[family][(tls ? 2 : 0) + (authenticated ? 1 : 0)];
}

std::string FormatReceived(const ReceivedTrace& trace,
                           absl::Span<const address::ForwardPath> recipients) {
  const bool utf8 = trace.smtputf8;
  const std::string peer = Literal(trace.peer);
  FoldedField field("Received:");
  field.Add("from");
  field.Add(Clean(trace.hello_name, utf8));
  field.Add(trace.peer_name.empty() ? absl::StrCat("(", peer, ")")
                                    : absl::StrCat("(", Clean(trace.peer_name, false)));
  if (!trace.peer_name.empty()) field.Add(absl::StrCat(peer, ")"));
  field.Add("by");
  field.Add(Clean(trace.by, false));
  field.Add("with");
  field.Add(trace.protocol);
  if (trace.tls.has_value()) {
    field.Add(absl::StrCat("(", Clean(trace.tls->version, false)));
    field.Add(absl::StrCat(Clean(trace.tls->cipher, false), ")"));
  }
  field.Add("id");
  field.Add(Clean(trace.id, false));
  if (recipients.size() == 1 && (utf8 || recipients.front().IsAscii())) {
    field.Add("for");
    field.Add(recipients.front().ToString());
  }
  return std::move(field).FinishWithDate(trace.when);
}

std::string FormatReturnPath(const address::ReversePath& reverse_path) {
  return absl::StrCat("Return-Path: ", reverse_path.ToString(), "\r\n");
}

std::string FormatDeliveredTo(const address::Mailbox& mailbox) {
  return absl::StrCat("Delivered-To: ", mailbox.ToString(), "\r\n");
}

std::string FormatDate(absl::Time when) {
  return absl::FormatTime(absl::RFC1123_full, when, absl::UTCTimeZone());
}

}  // namespace packetboat::smtp
