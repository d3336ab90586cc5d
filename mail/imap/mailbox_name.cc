#include "mail/imap/mailbox_name.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "mail/imap/format.h"
#include "mail/imap/utf7.h"

namespace packetboat::imap {

std::optional<std::string> CanonicalMailboxName(absl::string_view name) {
  const std::vector<absl::string_view> levels = absl::StrSplit(name, kHierarchyDelimiter);
  const bool empty_level = std::any_of(levels.begin(), levels.end(),
                                       [](absl::string_view level) { return level.empty(); });
  if (empty_level || !IsMailboxNameText(name)) return std::nullopt;
  if (!absl::EqualsIgnoreCase(levels.front(), kInbox)) return std::string(name);
  return absl::StrCat(kInbox, name.substr(kInbox.size()));
}

std::string WireMailboxName(absl::string_view name) {
  std::string wire;
  AppendString(EncodeMailboxName(name), &wire);
  return wire;
}

}  // namespace packetboat::imap
