#ifndef PACKETBOAT_MAIL_IMAP_TOKEN_READER_H_
#define PACKETBOAT_MAIL_IMAP_TOKEN_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/imap/fragmenter.h"
#include "mail/imap/limits.h"

namespace packetboat::imap {

// Reads the tokens of RFC 3501 s9 off the fragments of one command, from front to back. Every
// Take...() either takes the whole token and says so, or takes nothing that matters: the caller
// then gives up or tries another production that begins otherwise. Borrows the fragments and the
// limits.
//
// Fail() keeps the first reason and returns false, so that a production can end with `return
// in.Fail(...)`.
class TokenReader {
 public:
  TokenReader(const std::vector<Fragment>& fragments, const SyntaxLimits& limits)
      : fragments_(fragments), limits_(limits) {}

  const SyntaxLimits& limits() const { return limits_; }

  bool Fail(absl::string_view reason);
  // Empty if nothing failed.
  absl::string_view failure() const { return failure_; }

  // The next octet of the line; NUL where the line ends or a literal begins.
  char Peek() const;
  // Whether Peek() is a digit.
  bool AtDigit() const;
  // Whether a quoted string or a literal begins here.
  bool AtString() const;
  // Nothing is left.
  bool AtEnd() const;

  bool TakeChar(char c);
  // One space or more: RFC 3501 says one, but clients with more are understood by every server.
  bool TakeSpaces();
  // `(`, and `)`, with the spaces that some clients put inside.
  bool TakeOpen();
  bool TakeClose();
  // Goes on in a list: spaces between two items, in a list that is not at its `)`.
  bool TakeListSpace();

  // The longest run, not empty, of octets that `belongs` accepts.
  template <typename Predicate>
  absl::string_view TakeRun(Predicate belongs) {
    const absl::string_view rest = Rest();
    size_t length = 0;
    while (length < rest.size() && belongs(rest[length])) ++length;
    offset_ += length;
    return rest.substr(0, length);
  }
  // Empty if there is none.
  absl::string_view TakeAtom();
  // An atom in upper case; empty if there is none.
  std::string TakeUpperAtom();
  // `word` (in upper case), if it is the whole atom here; compared without case.
  bool TakeWord(absl::string_view word);
  // quoted or literal.
  bool TakeString(std::string* out);
  bool TakeAstring(std::string* out);
  // `NIL` makes it nothing.
  bool TakeNstring(std::optional<std::string>* out);
  // list-mailbox: an astring whose atom may hold wildcards.
  bool TakeListMailbox(std::string* out);

  // 1*DIGIT up to `max`.
  bool TakeNumber(uint64_t max, uint64_t* out);

  // The message placeholder of APPEND.
  bool TakeMessage(uint64_t* octets, bool* binary);

 private:
  // Of the line at hand; empty at a literal.
  absl::string_view Rest() const;
  const Fragment* Current() const;
  const Fragment* Following() const;
  bool TakeQuoted(std::string* out);
  bool TakeLiteral(std::string* out);

  const std::vector<Fragment>& fragments_;
  const SyntaxLimits& limits_;
  size_t index_ = 0;
  size_t offset_ = 0;
  std::string failure_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_TOKEN_READER_H_
