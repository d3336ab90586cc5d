#include "mail/imap/header_fields.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "mail/message/header.h"

namespace packetboat::imap {

std::string SelectHeaderFields(absl::string_view header, const std::vector<std::string>& names,
                               bool except) {
  std::string selected;
  message::HeaderScanner scanner(header);
  for (message::HeaderField field; scanner.Next(&field);) {
    const absl::string_view name = field.Name(header);
    const bool named = std::any_of(names.begin(), names.end(), [name](absl::string_view other) {
      return !name.empty() && absl::EqualsIgnoreCase(name, other);
    });
    if (named != except) absl::StrAppend(&selected, field.Whole(header));
  }
  if (scanner.has_empty_line()) selected += "\r\n";
  return selected;
}

}  // namespace packetboat::imap
