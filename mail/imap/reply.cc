#include "mail/imap/reply.h"

#include "absl/strings/str_cat.h"
#include "mail/imap/backend.h"

namespace packetboat::imap {

Reply Ok(absl::string_view text) { return {Reply::Kind::kOk, "", std::string(text)}; }

Reply Ok(absl::string_view code, absl::string_view text) {
  return {Reply::Kind::kOk, std::string(code), std::string(text)};
}

Reply No(absl::string_view text) { return {Reply::Kind::kNo, "", std::string(text)}; }

Reply No(absl::string_view code, absl::string_view text) {
  return {Reply::Kind::kNo, std::string(code), std::string(text)};
}

Reply Bad(absl::string_view text) { return {Reply::Kind::kBad, "", std::string(text)}; }

Reply NoBecause(const absl::Status& status) {
  if (const auto code = ErrorCodeOf(status); code.has_value()) {
    return No(ErrorCodeName(*code), absl::string_view(status.message()));
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
      return No("UNAVAILABLE", "Temporarily unavailable, try again later");
    default:
      return No("SERVERBUG", "Internal error");
  }
}

std::string ToString(const Reply& reply) {
  static constexpr absl::string_view kKinds[] = {"OK ", "NO ", "BAD "};
  const absl::string_view kind = kKinds[static_cast<int>(reply.kind)];
  if (reply.code.empty()) return absl::StrCat(kind, reply.text);
  return absl::StrCat(kind, "[", reply.code, "] ", reply.text);
}

}  // namespace packetboat::imap
