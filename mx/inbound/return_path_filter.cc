#include "mx/inbound/return_path_filter.h"

#include "absl/strings/ascii.h"

namespace packetboat::mx {
namespace {

constexpr absl::string_view kName = "return-path";
// White space before the colon beyond this is no field that anybody means.
constexpr size_t kMaxHeld = 64;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

void ReturnPathFilter::Consume(absl::string_view octets, std::string* out) {
  while (!octets.empty()) {
    if (position_ == Position::kBody) {
      out->append(octets.data(), octets.size());
      return;
    }
    if (position_ == Position::kKeptLine || position_ == Position::kDroppedLine) {
      // The bulk of a line needs no look at each octet.
      const size_t line_end = octets.find('\n');
      const size_t bulk = line_end == absl::string_view::npos ? octets.size() : line_end;
      if (position_ == Position::kKeptLine) out->append(octets.data(), bulk);
      octets.remove_prefix(bulk);
      if (octets.empty()) return;
    }
    Take(octets.front(), out);
    octets.remove_prefix(1);
  }
}

void ReturnPathFilter::Finish(std::string* out) { Release(out); }

void ReturnPathFilter::Take(char c, std::string* out) {
  switch (position_) {
    case Position::kDroppedLineStart:
      if (IsBlank(c)) {
        position_ = Position::kDroppedLine;
        return;
      }
      position_ = Position::kLineStart;
      [[fallthrough]];
    case Position::kLineStart:
    case Position::kName:
      held_.push_back(c);
      if (absl::ascii_tolower(c) != kName[held_.size() - 1]) {
        held_.pop_back();
        return TakeInLine(c, Position::kKeptLine, out);
      }
      position_ = held_.size() == kName.size() ? Position::kAfterName : Position::kName;
      return;
    case Position::kAfterName:
      if (c == ':') {
        held_.clear();
        position_ = Position::kDroppedLine;
      } else if (IsBlank(c) && held_.size() < kMaxHeld) {
        held_.push_back(c);
      } else {
        TakeInLine(c, Position::kKeptLine, out);
      }
      return;
    case Position::kKeptLine:
      return TakeInLine(c, Position::kKeptLine, out);
    case Position::kDroppedLine:
      if (c == '\n') position_ = Position::kDroppedLineStart;
      return;
    case Position::kBody:
      out->push_back(c);
      return;
  }
}

void ReturnPathFilter::TakeInLine(char c, Position next, std::string* out) {
  const bool at_start = position_ == Position::kLineStart && held_.empty();
  Release(out);
  out->push_back(c);
  if (at_start) line_empty_ = true;
  if (c == '\n') {
    position_ = line_empty_ ? Position::kBody : Position::kLineStart;
    return;
  }
  if (c != '\r' || !at_start) line_empty_ = false;
  position_ = next;
}

void ReturnPathFilter::Release(std::string* out) {
  if (!held_.empty()) line_empty_ = false;
  out->append(held_);
  held_.clear();
}

}  // namespace packetboat::mx
