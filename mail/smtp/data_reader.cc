#include "mail/smtp/data_reader.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace packetboat::smtp {
namespace {

bool HasEightBit(absl::string_view text) {
  unsigned char seen = 0;
  for (char c : text) seen |= static_cast<unsigned char>(c);
  return seen >= 0x80;
}

}  // namespace

DataReader::DataReader(Framing framing, BareNewline bare_newline, const BodyLimits& limits)
    : framing_(framing), bare_newline_(bare_newline), limits_(limits) {}

size_t DataReader::Consume(absl::string_view in, std::string* out) {
  size_t pos = 0;
  // No LF stands between `pos` and here. Looked for once per line: many bare CRs in one line would
  // otherwise cost a search each.
  size_t line_feed = 0;
  while (pos < in.size() && !done()) {
    switch (position_) {
      case Position::kLineStart:
      case Position::kAfterBareLf:
        pos += BeginLine(in[pos]);
        break;
      case Position::kText:
        if (line_feed <= pos) line_feed = std::min(in.find('\n', pos), in.size());
        pos = ConsumeText(in, pos, line_feed, out);
        break;
      default:
        ConsumeOctet(in[pos++], out);
    }
  }
  return pos;
}

// A CR at the very end is bare.
void DataReader::Finish(std::string* out) {
  if (position_ == Position::kCr) {
    NoteBareNewline();
    Emit(" ", out);
  }
  position_ = Position::kDone;
}

// Takes the dot that stuffing put (or that ends the data) off the beginning of a line. Behind a
// bare LF a lone dot ends nothing. Returns how many octets that used up.
size_t DataReader::BeginLine(char first) {
  const bool dot = framing_ == Framing::kDot && first == '.';
  const bool may_end = position_ == Position::kLineStart;
  position_ = dot && may_end ? Position::kDot : Position::kText;
  return dot ? 1 : 0;
}

// Lets text through up to a CR or LF, which is consumed too, or to the end. Returns the new
// position.
size_t DataReader::ConsumeText(absl::string_view in, size_t pos, size_t line_feed,
                               std::string* out) {
  const absl::string_view line = in.substr(pos, line_feed - pos);
  const size_t carriage_return = line.find('\r');
  Emit(line.substr(0, carriage_return), out);
  if (carriage_return != absl::string_view::npos) {
    position_ = Position::kCr;
    return pos + carriage_return + 1;
  }
  if (line_feed == in.size()) return line_feed;
  NoteBareNewline();
  EmitLineEnd(out);
  position_ = Position::kAfterBareLf;
  return line_feed + 1;
}

void DataReader::ConsumeOctet(char c, std::string* out) {
  if (position_ == Position::kDot) {
    if (c == '\r') {
      position_ = Position::kDotCr;
      return;
    }
    position_ = Position::kText;
    ConsumeText(absl::string_view(&c, 1), 0, c == '\n' ? 0 : 1, out);
    return;
  }
  if (position_ == Position::kDotCr && c == '\n') {
    position_ = Position::kDone;
    return;
  }
  AfterCr(c, out);
}

// `c` follows a CR within a line. Every CR that no LF follows is bare; a run of them, together with
// the LF or octet behind it, becomes one CRLF or one space when normalized.
void DataReader::AfterCr(char c, std::string* out) {
  position_ = Position::kCr;
  if (c == '\n') {
    EmitLineEnd(out);
    position_ = Position::kLineStart;
    return;
  }
  NoteBareNewline();
  if (c == '\r') return;
  Emit(" ", out);
  Emit(absl::string_view(&c, 1), out);
  position_ = Position::kText;
}

void DataReader::NoteBareNewline() {
  if (bare_newline_ == BareNewline::kNormalize) {
    facts_.normalized = true;
  } else if (fault_ == BodyFault::kNone) {
    fault_ = BodyFault::kBareNewline;
  }
}

void DataReader::EmitLineEnd(std::string* out) {
  if (line_empty_) in_header_ = false;
  Emit("\r\n", out);
  line_empty_ = true;
  field_match_ = 0;
}

// Lets `text` through up to the first octet that makes a fault. Found by position, not by kind, so
// that the outcome does not depend on how the input was cut.
void DataReader::Emit(absl::string_view text, std::string* out) {
  if (fault_ != BodyFault::kNone || text.empty()) return;
  size_t end = text.size();
  const auto stop_at = [&](size_t position, BodyFault fault) {
    if (position >= end) return;
    end = position;
    fault_ = fault;
  };
  stop_at(text.find('\0'), BodyFault::kNul);
  stop_at(limits_.max_message_bytes - facts_.octets, BodyFault::kTooLarge);
  if (in_header_) {
    stop_at(limits_.max_header_bytes - facts_.header_octets, BodyFault::kHeaderTooLarge);
    stop_at(CountReceived(text.substr(0, end)), BodyFault::kTooManyReceived);
  }
  text = text.substr(0, end);
  line_empty_ = false;
  facts_.octets += text.size();
  if (in_header_) facts_.header_octets += text.size();
  bool& eight_bit = in_header_ ? facts_.header_8bit : facts_.body_8bit;
  eight_bit = eight_bit || HasEightBit(text);
  out->append(text.data(), text.size());
}

// Goes on matching "received" and its colon (RFC 5322 s4.5.8 allows blanks before it) at the start
// of a header line. Returns the position of the colon that makes one field too many, or npos.
size_t DataReader::CountReceived(absl::string_view text) {
  constexpr absl::string_view kReceived = "received";
  for (size_t i = 0; i < text.size() && field_match_ != kOtherField; ++i) {
    const char c = absl::ascii_tolower(static_cast<unsigned char>(text[i]));
    if (field_match_ < kReceived.size()) {
      field_match_ = c == kReceived[field_match_] ? field_match_ + 1 : kOtherField;
    } else if (c == ':') {
      field_match_ = kOtherField;
      if (facts_.received_fields == limits_.max_received) return i;
      ++facts_.received_fields;
    } else if (c != ' ' && c != '\t') {
      field_match_ = kOtherField;
    }
  }
  return absl::string_view::npos;
}

}  // namespace packetboat::smtp
