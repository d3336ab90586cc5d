#include "mail/imap/flags.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace packetboat::imap {

absl::string_view SystemFlagName(SystemFlag flag) {
  switch (flag) {
    case SystemFlag::kAnswered:
      return "\\Answered";
    case SystemFlag::kFlagged:
      return "\\Flagged";
    case SystemFlag::kDeleted:
      return "\\Deleted";
    case SystemFlag::kSeen:
      return "\\Seen";
    case SystemFlag::kDraft:
      return "\\Draft";
  }
  return "";
}

bool FlagSet::HasKeyword(absl::string_view keyword) const {
  return std::any_of(keywords.begin(), keywords.end(), [keyword](const std::string& known) {
    return absl::EqualsIgnoreCase(known, keyword);
  });
}

bool FlagSet::AddKeyword(absl::string_view keyword) {
  if (HasKeyword(keyword)) return false;
  keywords.emplace_back(keyword);
  return true;
}

}  // namespace packetboat::imap
