#include "mail/smtp/reply.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "mail/smtp/limits.h"

namespace packetboat::smtp {
namespace {

std::string Printable(absl::string_view text, ReplyCharset charset) {
  std::string out(text);
  for (char& c : out) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) c = ' ';
    if (octet >= 0x80 && charset == ReplyCharset::kAscii) c = '?';
  }
  return out;
}

// Where to cut `text` so that at most `room` octets stand before the cut: at a space if there is
// one late enough, never inside a UTF-8 character.
size_t CutPosition(absl::string_view text, size_t room) {
  if (text.size() <= room) return text.size();
  const size_t space = text.rfind(' ', room);
  if (space != absl::string_view::npos && space > room / 2) return space;
  size_t cut = room;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return cut == 0 ? room : cut;
}

}  // namespace

std::string FormatReply(const Reply& reply, ReplyCharset charset) {
  const std::string enhanced = reply.enhanced.empty() ? "" : absl::StrCat(reply.enhanced, " ");
  const size_t room = kMaxReplyLineBytes - 2 - 4 - enhanced.size();
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(reply.text, '\n')) {
    const std::string clean = Printable(line, charset);
    absl::string_view rest = clean;
    do {
      const size_t cut = CutPosition(rest, room);
      lines.emplace_back(rest.substr(0, cut));
      rest.remove_prefix(cut);
      rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    } while (!rest.empty());
  }
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    const char* separator = i + 1 < lines.size() ? "-" : " ";
    absl::StrAppend(&out, reply.code, separator, enhanced, lines[i], "\r\n");
  }
  return out;
}

}  // namespace packetboat::smtp
