#include "store/model/names.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "store/model/limits.h"

namespace packetboat::model {

std::optional<std::string> CanonicalMailboxName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxMailboxNameBytes) return std::nullopt;
  const auto is_control = [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); };
  if (std::any_of(name.begin(), name.end(), is_control)) return std::nullopt;
  const std::vector<absl::string_view> levels = absl::StrSplit(name, kHierarchySeparator);
  if (levels.size() > kMaxMailboxDepth) return std::nullopt;
  const auto is_empty = [](absl::string_view level) { return level.empty(); };
  if (std::any_of(levels.begin(), levels.end(), is_empty)) return std::nullopt;
  if (!absl::EqualsIgnoreCase(levels[0], kInbox)) return std::string(name);
  return absl::StrCat(kInbox, name.substr(kInbox.size()));
}

absl::string_view ParentOf(absl::string_view name) {
  const size_t separator = name.rfind(kHierarchySeparator);
  return separator == absl::string_view::npos ? absl::string_view() : name.substr(0, separator);
}

bool IsBelow(absl::string_view name, absl::string_view above) {
  return name.size() > above.size() && absl::StartsWith(name, above) &&
         name[above.size()] == kHierarchySeparator;
}

bool WellformedKeyword(absl::string_view keyword) {
  if (keyword.empty() || keyword.size() > kMaxKeywordBytes) return false;
  constexpr absl::string_view kSpecials = "(){%*\"\\]";
  return std::all_of(keyword.begin(), keyword.end(), [&](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) &&
           kSpecials.find(c) == absl::string_view::npos;
  });
}

}  // namespace packetboat::model
