#ifndef PACKETBOAT_MAIL_IMAP_REPLY_H_
#define PACKETBOAT_MAIL_IMAP_REPLY_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace packetboat::imap {

// How a command ends (RFC 3501 s7.1).
struct Reply {
  enum class Kind { kOk, kNo, kBad };

  Kind kind = Kind::kOk;
  std::string code;  // without brackets; empty: none
  std::string text;
};

Reply Ok(absl::string_view text);
Reply Ok(absl::string_view code, absl::string_view text);
Reply No(absl::string_view text);
Reply No(absl::string_view code, absl::string_view text);
Reply Bad(absl::string_view text);

// The NO for a failure of the backend (backend.h, "Errors"). Requires !status.ok().
Reply NoBecause(const absl::Status& status);

// `OK [CODE] text`.
std::string ToString(const Reply& reply);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_REPLY_H_
