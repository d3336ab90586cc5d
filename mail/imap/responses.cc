#include "mail/imap/responses.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mail/imap/format.h"

namespace packetboat::imap {
namespace {

constexpr absl::string_view kSystemFlags = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

std::string AllFlags(const std::vector<std::string>& keywords) {
  return absl::StrCat(kSystemFlags, keywords.empty() ? "" : " ", absl::StrJoin(keywords, " "));
}

}  // namespace

std::string FlagsResponse(const std::vector<std::string>& keywords) {
  return absl::StrCat("* FLAGS (", AllFlags(keywords), ")\r\n");
}

std::string PermanentFlagsResponse(const std::vector<std::string>& keywords, bool read_only,
                                   size_t max_keywords) {
  if (read_only) return "* OK [PERMANENTFLAGS ()] Read-only mailbox\r\n";
  return absl::StrCat("* OK [PERMANENTFLAGS (", AllFlags(keywords),
                      keywords.size() < max_keywords ? " \\*" : "", ")] Flags permitted\r\n");
}

std::string FlagsItem(const View& view, SeqNum number) {
  std::string item = "FLAGS ";
  AppendFlagList(view.FlagsOf(number), view.IsRecent(number), &item);
  return item;
}

}  // namespace packetboat::imap
