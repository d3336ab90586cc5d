#include "mail/imap/backend.h"

#include <set>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace packetboat::imap {
namespace {

constexpr absl::string_view kPayloadUrl = "packetboat.imap.ErrorCode";

absl::StatusCode StatusCodeFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kAlreadyExists:
      return absl::StatusCode::kAlreadyExists;
    case ErrorCode::kAuthenticationFailed:
    case ErrorCode::kExpired:
      return absl::StatusCode::kUnauthenticated;
    case ErrorCode::kAuthorizationFailed:
    case ErrorCode::kNoPerm:
      return absl::StatusCode::kPermissionDenied;
    case ErrorCode::kExpungeIssued:
    case ErrorCode::kNonExistent:
    case ErrorCode::kTryCreate:
      return absl::StatusCode::kNotFound;
    case ErrorCode::kLimit:
    case ErrorCode::kOverQuota:
    case ErrorCode::kTooBig:
      return absl::StatusCode::kResourceExhausted;
    case ErrorCode::kUnavailable:
      return absl::StatusCode::kUnavailable;
    case ErrorCode::kServerBug:
      return absl::StatusCode::kInternal;
    case ErrorCode::kNone:
    case ErrorCode::kCannot:
    case ErrorCode::kClientBug:
    case ErrorCode::kContactAdmin:
    case ErrorCode::kInUse:
    case ErrorCode::kUnknownCte:
      break;
  }
  return absl::StatusCode::kFailedPrecondition;
}

}  // namespace

absl::Status MakeError(ErrorCode code, absl::string_view text) {
  absl::Status status(StatusCodeFor(code), text);
  const std::string value = absl::StrCat(static_cast<int>(code));
  status.SetPayload(kPayloadUrl, absl::Cord(absl::string_view(value)));
  return status;
}

std::optional<ErrorCode> ErrorCodeOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  int value = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &value)) return std::nullopt;
  return static_cast<ErrorCode>(value);
}

absl::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNone:
      return "";
    case ErrorCode::kAlreadyExists:
      return "ALREADYEXISTS";
    case ErrorCode::kAuthenticationFailed:
      return "AUTHENTICATIONFAILED";
    case ErrorCode::kAuthorizationFailed:
      return "AUTHORIZATIONFAILED";
    case ErrorCode::kCannot:
      return "CANNOT";
    case ErrorCode::kClientBug:
      return "CLIENTBUG";
    case ErrorCode::kContactAdmin:
      return "CONTACTADMIN";
    case ErrorCode::kExpired:
      return "EXPIRED";
    case ErrorCode::kExpungeIssued:
      return "EXPUNGEISSUED";
    case ErrorCode::kInUse:
      return "INUSE";
    case ErrorCode::kLimit:
      return "LIMIT";
    case ErrorCode::kNonExistent:
      return "NONEXISTENT";
    case ErrorCode::kNoPerm:
      return "NOPERM";
    case ErrorCode::kOverQuota:
      return "OVERQUOTA";
    case ErrorCode::kServerBug:
      return "SERVERBUG";
    case ErrorCode::kTooBig:
      return "TOOBIG";
    case ErrorCode::kTryCreate:
      return "TRYCREATE";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kUnknownCte:
      return "UNKNOWN-CTE";
    case ErrorCode::kUseAttr:
      return "USEATTR";
  }
  return "";
}

FlagSet ChangeFlags(const FlagSet& before, FlagChange change, const FlagSet& flags) {
  FlagSet after;
  std::set<std::string> keywords;
  if (change != FlagChange::kReplace) {
    after.system = before.system;
    keywords.insert(before.keywords.begin(), before.keywords.end());
  }
  if (change == FlagChange::kRemove) {
    after.system &= static_cast<uint8_t>(~flags.system);
    for (const std::string& keyword : flags.keywords) keywords.erase(keyword);
  } else {
    after.system |= flags.system;
    keywords.insert(flags.keywords.begin(), flags.keywords.end());
  }
  after.keywords.assign(keywords.begin(), keywords.end());
  return after;
}

}  // namespace packetboat::imap
