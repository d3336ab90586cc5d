#include "mail/message/header.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace packetboat::message {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// The line that `bytes` starts with, with its end.
absl::string_view FirstLine(absl::string_view bytes) {
  const size_t lf = bytes.find('\n');
  return lf == absl::string_view::npos ? bytes : bytes.substr(0, lf + 1);
}

absl::string_view WithoutLineEnd(absl::string_view line) {
  if (absl::ConsumeSuffix(&line, "\n")) absl::ConsumeSuffix(&line, "\r");
  return line;
}

bool IsEmptyLine(absl::string_view line) { return line == "\r\n" || line == "\n"; }

}  // namespace

bool IsFieldName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return absl::ascii_isgraph(c) && c != ':'; });
}

bool SplitField(absl::string_view line, absl::string_view* name, absl::string_view* value) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return false;
  *name = line.substr(0, colon);
  while (!name->empty() && IsBlank(name->back())) name->remove_suffix(1);
  *value = line.substr(colon + 1);
  return IsFieldName(*name);
}

bool HeaderScanner::Next(HeaderField* field) {
  const absl::string_view first = FirstLine(bytes_.substr(at_));
  if (has_empty_line_ || first.empty()) return false;
  if (IsEmptyLine(first)) {
    at_ += first.size();
    has_empty_line_ = true;
    return false;
  }
  size_t end = at_ + first.size();
  while (end < bytes_.size() && IsBlank(bytes_[end])) end += FirstLine(bytes_.substr(end)).size();
  const absl::string_view whole = bytes_.substr(at_, end - at_);
  *field = HeaderField{at_, whole.size(), 0, at_, WithoutLineEnd(whole).size()};
  at_ = end;
  absl::string_view name, value;
  if (IsBlank(first.front()) || !SplitField(WithoutLineEnd(whole), &name, &value)) return true;
  field->name_bytes = name.size();
  field->value_offset = value.data() - bytes_.data();
  field->value_bytes = value.size();
  return true;
}

std::vector<HeaderField> FindFields(absl::string_view header, absl::string_view name) {
  std::vector<HeaderField> found;
  HeaderScanner scanner(header);
  for (HeaderField field; scanner.Next(&field);) {
    if (field.name_bytes != 0 && absl::EqualsIgnoreCase(field.Name(header), name)) {
      found.push_back(field);
    }
  }
  return found;
}

std::string Unfold(absl::string_view value) {
  std::string unfolded;
  while (!value.empty()) {
    const absl::string_view line = FirstLine(value);
    const absl::string_view content = WithoutLineEnd(line);
    unfolded.append(content.data(), content.size());
    value.remove_prefix(line.size());
  }
  absl::StripAsciiWhitespace(&unfolded);
  return unfolded;
}

HeaderCollector::Progress HeaderCollector::Feed(absl::string_view bytes) {
  while (progress_ == Progress::kMore && !bytes.empty()) {
    const absl::string_view line = FirstLine(bytes).substr(0, max_bytes_ - header_.size());
    if (line.empty()) return progress_ = Progress::kTooLong;
    header_.append(line.data(), line.size());
    bytes.remove_prefix(line.size());
    if (header_.back() != '\n') continue;
    if (IsEmptyLine(absl::string_view(header_).substr(line_start_)))
      progress_ = Progress::kComplete;
    line_start_ = header_.size();
  }
  return progress_;
}

}  // namespace packetboat::message
