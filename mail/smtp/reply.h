#ifndef PACKETBOAT_MAIL_SMTP_REPLY_H_
#define PACKETBOAT_MAIL_SMTP_REPLY_H_

#include <string>

#include "absl/strings/string_view.h"

namespace packetboat::smtp {

// One SMTP reply, RFC 5321 s4.2: a value, not yet bytes. `text` may hold several lines, separated
// by '\n'. An empty `enhanced` means none: greeting, EHLO and HELO, and the 3xx replies carry no
// code (RFC 2034 s4).
struct Reply {
  int code = 451;
  std::string enhanced = "4.3.0";  // class.subject.detail, RFC 3463
  std::string text = "Temporary local problem, try again later";

  bool positive() const { return code >= 200 && code < 300; }
  bool intermediate() const { return code >= 300 && code < 400; }
  bool negative() const { return !positive() && !intermediate(); }
  // RFC 5321 s3.8: a 421 says that the channel closes.
  bool closes() const { return code == 421; }

  friend bool operator==(const Reply&, const Reply&) = default;
};

// Whether a reply may show UTF-8 to its peer (RFC 6531 s3.7.4.2); else each foreign octet becomes
// '?'.
enum class ReplyCharset { kAscii, kUtf8 };

// The octets of a reply: each line with code and enhanced code, no line above kMaxReplyLineBytes,
// CRLF at each end. Control characters in the text become spaces: no text can begin another reply.
std::string FormatReply(const Reply& reply, ReplyCharset charset = ReplyCharset::kAscii);

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_REPLY_H_
