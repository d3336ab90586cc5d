#include "mail/smtp/status_reply.h"

namespace packetboat::smtp {

Reply ReplyFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
      return {452, "4.3.1", "Insufficient system storage, try again later"};
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kUnimplemented:
      // Between our own roles: a certificate, the method table or a version is wrong.
      return {451, "4.3.5", "System incorrectly configured, try again later"};
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return {451, "4.3.0", "Temporarily unavailable, try again later"};
    default:
      return {451, "4.3.0", "Temporary local problem, try again later"};
  }
}

}  // namespace packetboat::smtp
