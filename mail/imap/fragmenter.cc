#include "mail/imap/fragmenter.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "mail/imap/char_class.h"

namespace packetboat::imap {
namespace {

constexpr uint64_t kOverflow = std::numeric_limits<uint64_t>::max();

// Removes up to `octets` from the front of `*input` and returns them.
absl::string_view TakeUpTo(uint64_t octets, absl::string_view* input) {
  const absl::string_view taken =
      input->substr(0, static_cast<size_t>(std::min<uint64_t>(octets, input->size())));
  input->remove_prefix(taken.size());
  return taken;
}

// What stands behind `<tag> APPEND ` in the first line of a command; nothing if it is another
// command.
std::optional<absl::string_view> AppendArguments(absl::string_view line) {
  constexpr absl::string_view kName = "APPEND ";
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos) return std::nullopt;
  line.remove_prefix(space + 1);
  if (!absl::StartsWithIgnoreCase(line, kName)) return std::nullopt;
  return line.substr(kName.size());
}

}  // namespace

absl::string_view FragmentErrorText(FragmentError error) {
  switch (error) {
    case FragmentError::kRejected:
      return "Literal refused";
    case FragmentError::kLineTooLong:
      return "Command line too long";
    case FragmentError::kTooManyLiterals:
      return "Too many literals in one command";
    case FragmentError::kLiteralTooLarge:
      return "Literal too large";
    case FragmentError::kMessageTooLarge:
      return "Message too large";
    case FragmentError::kLiteralNotAllowed:
      return "Literal of this form not allowed here";
    case FragmentError::kBadOctet:
      return "NUL or bare CR in command";
  }
  return "";
}

void Fragmenter::LineScanner::Take(char octet) {
  ++length_;
  switch (state_) {
    case State::kQuoted:
      if (octet == '\\') state_ = State::kQuotedEscape;
      if (octet == '"') state_ = State::kText;
      return;
    case State::kQuotedEscape:
      state_ = State::kQuoted;
      return;
    case State::kTilde:
      if (octet != '{') break;
      state_ = State::kOpen;
      return;
    case State::kOpen:
    case State::kDigits:
      if (absl::ascii_isdigit(octet)) return TakeDigit(static_cast<uint64_t>(octet - '0'));
      if (state_ == State::kOpen) break;
      if (octet == '+') {
        state_ = State::kPlus;
        plus_ = true;
        return;
      }
      [[fallthrough]];
    case State::kPlus:
      if (octet != '}') break;
      state_ = State::kClosed;
      return;
    case State::kText:
    case State::kClosed:
      break;
  }
  TakeText(octet);
}

void Fragmenter::LineScanner::TakeDigit(uint64_t digit) {
  state_ = State::kDigits;
  octets_ = octets_ > (kOverflow - digit) / 10 ? kOverflow : octets_ * 10 + digit;
}

// An octet that does not go on with an announcement, but may begin one.
void Fragmenter::LineScanner::TakeText(char octet) {
  Reset();
  length_ = 1;
  tilde_ = octet == '~';
  if (octet == '"') state_ = State::kQuoted;
  if (octet == '~') state_ = State::kTilde;
  if (octet == '{') state_ = State::kOpen;
}

Fragmenter::Fragmenter(const SyntaxLimits& limits, LiteralPolicy policy)
    : limits_(limits), policy_(policy) {}

FragmentEvent Fragmenter::Next(absl::string_view* input) {
  while (true) {
    const std::optional<FragmentEvent> event = Step(input);
    if (event.has_value()) return *event;
  }
}

std::optional<FragmentEvent> Fragmenter::Step(absl::string_view* input) {
  if (input->empty() && NeedsOctets()) return FragmentEvent{};
  switch (state_) {
    case State::kStart:
      BeginCommand();
      return std::nullopt;
    case State::kLine:
    case State::kExpectedLine:
      return ReadLine(input);
    case State::kLiteral:
      ReadLiteral(input);
      return std::nullopt;
    case State::kMessage:
      return ReadMessage(input);
    case State::kSkippedLiteral:
      SkipLiteral(input);
      return std::nullopt;
    case State::kDropped:
      state_ = State::kStart;
      return FragmentEvent{.kind = FragmentEvent::Kind::kDiscarded, .error = *error_};
    case State::kDecision:
      return FragmentEvent{};
    case State::kFatal:
      break;
  }
  return FragmentEvent{.kind = FragmentEvent::Kind::kFatal};
}

bool Fragmenter::NeedsOctets() const {
  switch (state_) {
    case State::kStart:
    case State::kLine:
    case State::kExpectedLine:
      return true;
    case State::kLiteral:
    case State::kMessage:
    case State::kSkippedLiteral:
      return remaining_ > 0;
    case State::kDecision:
    case State::kDropped:
    case State::kFatal:
      break;
  }
  return false;
}

void Fragmenter::BeginCommand() {
  fragments_.clear();
  tag_ = "*";
  line_octets_ = 0;
  literals_ = 0;
  argument_octets_ = 0;
  skipped_octets_ = 0;
  error_.reset();
  BeginLine();
}

void Fragmenter::BeginLine() {
  state_ = State::kLine;
  line_.clear();
  scanner_.Reset();
  after_cr_ = false;
}

void Fragmenter::ExpectLine() {
  BeginLine();
  state_ = State::kExpectedLine;
  line_octets_ = 0;
  skipped_octets_ = 0;
  error_.reset();
}

std::optional<FragmentEvent> Fragmenter::ReadLine(absl::string_view* input) {
  while (!input->empty()) {
    const char octet = input->front();
    input->remove_prefix(1);
    if (octet == '\n') return EndLine();
    if (after_cr_) Drop(FragmentError::kBadOctet);
    after_cr_ = octet == '\r';
    if (!after_cr_) TakeLineOctet(octet);
    if (state_ == State::kFatal) break;
  }
  return std::nullopt;
}

void Fragmenter::TakeLineOctet(char octet) {
  if (octet == '\0') Drop(FragmentError::kBadOctet);
  const size_t limit = state_ == State::kExpectedLine ? limits_.max_continuation_line_octets
                                                      : limits_.max_line_octets;
  if (!error_.has_value() && line_octets_ == limit) Drop(FragmentError::kLineTooLong);
  scanner_.Take(octet);
  if (error_.has_value()) {
    if (++skipped_octets_ > limits_.max_skipped_octets) state_ = State::kFatal;
    return;
  }
  ++line_octets_;
  line_.push_back(octet);
}

std::optional<FragmentEvent> Fragmenter::EndLine() {
  if (error_.has_value()) {
    EndDroppedLine();
    return std::nullopt;
  }
  if (state_ == State::kExpectedLine) {
    state_ = State::kStart;
    return FragmentEvent{.kind = FragmentEvent::Kind::kLine, .data = line_};
  }
  if (fragments_.empty()) ReadTag(line_);
  if (scanner_.announces()) line_.resize(line_.size() - scanner_.length());
  fragments_.push_back({.kind = Fragment::Kind::kLine, .data = std::move(line_)});
  if (scanner_.announces()) return BeginLiteral();
  state_ = State::kStart;
  return FragmentEvent{.kind = FragmentEvent::Kind::kCommand};
}

std::optional<FragmentEvent> Fragmenter::BeginLiteral() {
  const bool message = LiteralIsMessage();
  const std::optional<FragmentError> refusal = RefuseLiteral(message);
  if (refusal.has_value()) {
    Drop(*refusal);
    EndDroppedLine();
    return std::nullopt;
  }
  ++literals_;
  remaining_ = scanner_.octets();
  binary_ = scanner_.binary();
  if (!message) argument_octets_ += remaining_;
  fragments_.push_back({.kind = message ? Fragment::Kind::kMessage : Fragment::Kind::kLiteral,
                        .octets = message ? remaining_ : 0,
                        .binary = binary_});
  if (!message && scanner_.non_synchronizing()) {
    state_ = State::kLiteral;
    return std::nullopt;
  }
  state_ = State::kDecision;
  return FragmentEvent{.kind = FragmentEvent::Kind::kLiteral,
                       .octets = remaining_,
                       .synchronizing = !scanner_.non_synchronizing(),
                       .message = message,
                       .binary = binary_};
}

std::optional<FragmentError> Fragmenter::RefuseLiteral(bool message) const {
  const uint64_t octets = scanner_.octets();
  if (literals_ == limits_.max_literals) return FragmentError::kTooManyLiterals;
  if (scanner_.binary() && !message) return FragmentError::kLiteralNotAllowed;
  if (scanner_.non_synchronizing()) {
    if (policy_ == LiteralPolicy::kSynchronizing) return FragmentError::kLiteralNotAllowed;
    if (policy_ == LiteralPolicy::kMinus && octets > limits_.max_literal_minus_octets) {
      return FragmentError::kLiteralNotAllowed;
    }
  }
  if (message) {
    if (octets > limits_.max_message_octets) return FragmentError::kMessageTooLarge;
  } else if (octets > limits_.max_argument_literal_octets - argument_octets_) {
    return FragmentError::kLiteralTooLarge;
  }
  return std::nullopt;
}

// Every literal of APPEND is a message but the one that stands for the mailbox name.
bool Fragmenter::LiteralIsMessage() const {
  const std::optional<absl::string_view> arguments = AppendArguments(fragments_.front().data);
  return arguments.has_value() && (fragments_.size() > 1 || !arguments->empty());
}

void Fragmenter::AcceptLiteral() {
  const bool message = fragments_.back().kind == Fragment::Kind::kMessage;
  state_ = message ? State::kMessage : State::kLiteral;
}

void Fragmenter::RejectLiteral() {
  Drop(FragmentError::kRejected);
  EndDroppedLine();
}

void Fragmenter::ReadLiteral(absl::string_view* input) {
  const absl::string_view octets = TakeUpTo(remaining_, input);
  remaining_ -= octets.size();
  if (octets.find('\0') != absl::string_view::npos) {
    Drop(FragmentError::kBadOctet);
    state_ = State::kSkippedLiteral;
    return;
  }
  fragments_.back().data.append(octets.data(), octets.size());
  if (remaining_ == 0) BeginLine();
}

std::optional<FragmentEvent> Fragmenter::ReadMessage(absl::string_view* input) {
  if (remaining_ == 0) {
    BeginLine();
    return std::nullopt;
  }
  absl::string_view octets = input->substr(0, std::min<uint64_t>(remaining_, input->size()));
  octets = octets.substr(0, octets.find('\0'));
  if (octets.empty()) {
    Drop(FragmentError::kBadOctet);
    state_ = State::kSkippedLiteral;
    return std::nullopt;
  }
  input->remove_prefix(octets.size());
  remaining_ -= octets.size();
  return FragmentEvent{.kind = FragmentEvent::Kind::kMessageChunk, .data = octets};
}

void Fragmenter::SkipLiteral(absl::string_view* input) {
  remaining_ -= TakeUpTo(remaining_, input).size();
  if (remaining_ == 0) BeginLine();
}

void Fragmenter::Drop(FragmentError error) {
  if (error_.has_value()) return;
  error_ = error;
  if (state_ == State::kLine && fragments_.empty()) ReadTag(line_);
  std::string().swap(line_);
  fragments_.clear();
}

void Fragmenter::EndDroppedLine() {
  if (state_ == State::kExpectedLine || !scanner_.announces() || !scanner_.non_synchronizing()) {
    state_ = State::kDropped;
    return;
  }
  if (scanner_.octets() > limits_.max_skipped_octets - skipped_octets_) {
    state_ = State::kFatal;
    return;
  }
  skipped_octets_ += scanner_.octets();
  remaining_ = scanner_.octets();
  state_ = State::kSkippedLiteral;
}

// The tag must be whole: in a line that was cut off for an error, it ends with a space.
void Fragmenter::ReadTag(absl::string_view line) {
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos && error_.has_value()) return;
  const absl::string_view tag = line.substr(0, space);
  if (tag.size() <= limits_.max_tag_octets && IsTag(tag)) tag_ = std::string(tag);
}

}  // namespace packetboat::imap
