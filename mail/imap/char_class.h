#ifndef PACKETBOAT_MAIL_IMAP_CHAR_CLASS_H_
#define PACKETBOAT_MAIL_IMAP_CHAR_CLASS_H_

#include <algorithm>

#include "absl/strings/string_view.h"

// The character classes of RFC 3501 s9.

namespace packetboat::imap {

// CHAR without CTL, SP and the specials that end every atom-like token.
inline bool IsAtomChar(char c) {
  return c > 0x20 && c < 0x7f && c != '(' && c != ')' && c != '{' && c != '%' && c != '*' &&
         c != '"' && c != '\\' && c != ']';
}

inline bool IsAstringChar(char c) { return IsAtomChar(c) || c == ']'; }

inline bool IsTagChar(char c) { return IsAstringChar(c) && c != '+'; }

inline bool IsListChar(char c) { return IsAstringChar(c) || c == '%' || c == '*'; }

inline bool IsTag(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTagChar);
}

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_CHAR_CLASS_H_
