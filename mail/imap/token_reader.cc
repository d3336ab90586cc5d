#include "mail/imap/token_reader.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "mail/imap/char_class.h"

namespace packetboat::imap {

bool TokenReader::Fail(absl::string_view reason) {
  if (failure_.empty()) failure_ = std::string(reason);
  return false;
}

const Fragment* TokenReader::Current() const {
  return index_ < fragments_.size() ? &fragments_[index_] : nullptr;
}

const Fragment* TokenReader::Following() const {
  return index_ + 1 < fragments_.size() ? &fragments_[index_ + 1] : nullptr;
}

absl::string_view TokenReader::Rest() const {
  const Fragment* line = Current();
  return line == nullptr ? absl::string_view() : absl::string_view(line->data).substr(offset_);
}

char TokenReader::Peek() const {
  const absl::string_view rest = Rest();
  return rest.empty() ? '\0' : rest.front();
}

bool TokenReader::AtDigit() const { return absl::ascii_isdigit(Peek()); }

bool TokenReader::AtString() const {
  if (Peek() == '"') return true;
  return Rest().empty() && Following() != nullptr && Following()->kind == Fragment::Kind::kLiteral;
}

bool TokenReader::AtEnd() const { return Rest().empty() && Following() == nullptr; }

bool TokenReader::TakeChar(char c) {
  const absl::string_view rest = Rest();
  if (rest.empty() || rest.front() != c) return false;
  ++offset_;
  return true;
}

bool TokenReader::TakeSpaces() {
  return !TakeRun([](char c) { return c == ' '; }).empty();
}

bool TokenReader::TakeOpen() {
  if (!TakeChar('(')) return false;
  TakeSpaces();
  return true;
}

bool TokenReader::TakeClose() {
  const size_t start = offset_;
  TakeSpaces();
  if (TakeChar(')')) return true;
  offset_ = start;
  return false;
}

bool TokenReader::TakeListSpace() {
  const size_t start = offset_;
  if (!TakeSpaces()) return false;
  if (Peek() != ')') return true;
  offset_ = start;
  return false;
}

absl::string_view TokenReader::TakeAtom() { return TakeRun(IsAtomChar); }

std::string TokenReader::TakeUpperAtom() { return absl::AsciiStrToUpper(TakeAtom()); }

bool TokenReader::TakeWord(absl::string_view word) {
  const size_t start = offset_;
  if (absl::EqualsIgnoreCase(TakeAtom(), word)) return true;
  offset_ = start;
  return false;
}

bool TokenReader::TakeString(std::string* out) {
  if (Peek() == '"') return TakeQuoted(out);
  return AtString() ? TakeLiteral(out) : Fail("String expected");
}

bool TokenReader::TakeAstring(std::string* out) {
  if (AtString()) return TakeString(out);
  *out = std::string(TakeRun(IsAstringChar));
  return !out->empty() || Fail("String expected");
}

bool TokenReader::TakeNstring(std::optional<std::string>* out) {
  out->reset();
  if (TakeWord("NIL")) return true;
  return TakeString(&out->emplace());
}

bool TokenReader::TakeListMailbox(std::string* out) {
  if (AtString()) return TakeString(out);
  *out = std::string(TakeRun(IsListChar));
  return !out->empty() || Fail("Mailbox pattern expected");
}

// 8-bit octets are let through; a backslash escapes only what the grammar lets it.
bool TokenReader::TakeQuoted(std::string* out) {
  out->clear();
  ++offset_;
  const absl::string_view rest = Rest();
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      offset_ += i + 1;
      return true;
    }
    if (rest[i] == '\\') {
      ++i;
      if (i == rest.size() || (rest[i] != '"' && rest[i] != '\\')) {
        return Fail("Invalid escape in a quoted string");
      }
    }
    out->push_back(rest[i]);
  }
  return Fail("Quoted string is not closed");
}

bool TokenReader::TakeLiteral(std::string* out) {
  *out = Following()->data;
  index_ += 2;
  offset_ = 0;
  return true;
}

bool TokenReader::TakeNumber(uint64_t max, uint64_t* out) {
  const absl::string_view digits = TakeRun([](char c) { return absl::ascii_isdigit(c); });
  if (digits.empty()) return Fail("Number expected");
  uint64_t number = 0;
  for (const char digit : digits) {
    const uint64_t value = static_cast<uint64_t>(digit - '0');
    if (number > (max - value) / 10) return Fail("Number too large");
    number = number * 10 + value;
  }
  *out = number;
  return true;
}

bool TokenReader::TakeMessage(uint64_t* octets, bool* binary) {
  const Fragment* message = Following();
  if (!Rest().empty() || message == nullptr || message->kind != Fragment::Kind::kMessage) {
    return Fail("Message must be a literal");
  }
  *octets = message->octets;
  *binary = message->binary;
  index_ += 2;
  offset_ = 0;
  return true;
}

}  // namespace packetboat::imap
