#include "cli/listing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"

namespace packetboat::cli {
namespace {

std::string ToText(const Listing::Cell& cell) {
  if (const auto* number = std::get_if<uint64_t>(&cell)) return absl::StrCat(*number);
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* list = std::get_if<std::vector<std::string>>(&cell)) {
    return absl::StrJoin(*list, ", ");
  }
  return "-";
}

std::string Quoted(const std::string& text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

std::string ToJson(const Listing::Cell& cell) {
  if (const auto* number = std::get_if<uint64_t>(&cell)) return absl::StrCat(*number);
  if (const auto* text = std::get_if<std::string>(&cell)) return Quoted(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&cell)) {
    return absl::StrCat(
        "[",
        absl::StrJoin(*list, ",",
                      [](std::string* out, const std::string& one) { out->append(Quoted(one)); }),
        "]");
  }
  return "null";
}

}  // namespace

void Listing::PrintText(std::ostream& out) const {
  std::vector<std::vector<std::string>> lines = {columns_};
  for (const std::vector<Cell>& row : rows_) {
    std::vector<std::string>& line = lines.emplace_back();
    for (const Cell& cell : row) line.push_back(ToText(cell));
  }
  std::vector<size_t> widths(columns_.size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const bool last = i + 1 == line.size();
      out << line[i] << (last ? "\n" : std::string(widths[i] - line[i].size() + 2, ' '));
    }
  }
}

void Listing::PrintJson(std::ostream& out) const {
  out << "[";
  for (size_t row = 0; row < rows_.size(); ++row) {
    out << (row == 0 ? "{" : ",{");
    for (size_t i = 0; i < columns_.size(); ++i) {
      out << (i == 0 ? "" : ",") << Quoted(columns_[i]) << ":" << ToJson(rows_[row][i]);
    }
    out << "}";
  }
  out << "]\n";
}

}  // namespace packetboat::cli
