#include "mail/imap/format.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mail/imap/char_class.h"
#include "mail/message/date_time.h"

namespace packetboat::imap {
namespace {

constexpr SystemFlag kSystemFlags[] = {SystemFlag::kAnswered, SystemFlag::kFlagged,
                                       SystemFlag::kDeleted, SystemFlag::kSeen, SystemFlag::kDraft};

// TEXT-CHAR: 7 bits, no NUL, CR or LF.
bool IsTextChar(char c) {
  return static_cast<unsigned char>(c) < 0x80 && c != '\0' && c != '\r' && c != '\n';
}

bool IsQuotable(absl::string_view text) {
  return text.size() <= kMaxQuotedOctets && std::all_of(text.begin(), text.end(), IsTextChar);
}

void AppendQuoted(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

void AppendSection(const Section& section, std::string* out) {
  absl::StrAppend(out, absl::StrJoin(section.part, "."));
  const absl::string_view name = SectionName(section.kind);
  if (!section.part.empty() && !name.empty()) out->push_back('.');
  absl::StrAppend(out, name);
  if (section.fields.empty()) return;
  absl::string_view separator = " (";
  for (const std::string& field : section.fields) {
    absl::StrAppend(out, separator);
    AppendAstring(field, out);
    separator = " ";
  }
  out->push_back(')');
}

}  // namespace

void AppendString(absl::string_view text, std::string* out) {
  if (IsQuotable(text)) return AppendQuoted(text, out);
  AppendLiteralHeader(text.size(), /*binary=*/false, out);
  const size_t start = out->size();
  absl::StrAppend(out, text);
  std::replace(out->begin() + static_cast<std::ptrdiff_t>(start), out->end(), '\0', '?');
}

void AppendNstring(const std::optional<std::string>& text, std::string* out) {
  if (!text.has_value()) {
    absl::StrAppend(out, "NIL");
  } else {
    AppendString(*text, out);
  }
}

void AppendAstring(absl::string_view text, std::string* out) {
  const bool is_atom = !text.empty() && text.size() <= kMaxQuotedOctets &&
                       !absl::EqualsIgnoreCase(text, "NIL") &&
                       std::all_of(text.begin(), text.end(), IsAstringChar);
  if (is_atom) {
    absl::StrAppend(out, text);
  } else {
    AppendString(text, out);
  }
}

void AppendLiteralHeader(uint64_t octets, bool binary, std::string* out) {
  absl::StrAppend(out, binary ? "~{" : "{", octets, "}\r\n");
}

void AppendFlagList(const FlagSet& flags, bool recent, std::string* out) {
  std::string list = recent ? " \\Recent" : "";
  for (const SystemFlag flag : kSystemFlags) {
    if (flags.Has(flag)) absl::StrAppend(&list, " ", SystemFlagName(flag));
  }
  for (const std::string& keyword : flags.keywords) absl::StrAppend(&list, " ", keyword);
  absl::StrAppend(out, "(", list.empty() ? "" : list.substr(1), ")");
}

void AppendInternalDate(absl::Time time, std::string* out) {
  absl::StrAppend(out, "\"", message::FormatInternalDate(time), "\"");
}

void AppendFetchItemName(const FetchItem& item, std::string* out) {
  absl::StrAppend(out, FetchItemName(item.kind));
  if (!item.HasSection()) return;
  out->push_back('[');
  AppendSection(item.section, out);
  out->push_back(']');
  if (item.partial.has_value()) absl::StrAppend(out, "<", item.partial->offset, ">");
}

}  // namespace packetboat::imap
