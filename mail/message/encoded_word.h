#ifndef PACKETBOAT_MAIL_MESSAGE_ENCODED_WORD_H_
#define PACKETBOAT_MAIL_MESSAGE_ENCODED_WORD_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/message/charset.h"

// Header texts in other characters than US-ASCII: RFC 2047, with the language of RFC 2231 s5 passed
// over. Pure, linear in time.

namespace packetboat::message {

// A stretch of header text: an encoded word, or the octets between two.
struct HeaderToken {
  absl::string_view raw;
  bool is_encoded = false;
  std::string charset;  // of an encoded word; as given
  std::string octets;   // of an encoded word; decoded, in that charset
};

// Cuts unfolded `text`; the pieces are the text. Encoded words are seen wherever they stand, longer
// than 75 octets too, and with spaces in them.
std::vector<HeaderToken> TokenizeEncodedWords(absl::string_view text);

// What a reader sees, in well-formed UTF-8: white space between encoded words goes (RFC 2047 s6.2);
// characters that are spread over words of one charset are put together; a word in a charset that
// neither the basic ones nor `other` know stays as it stands.
std::string DecodeHeaderText(absl::string_view text, CharsetConverter other = nullptr);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_ENCODED_WORD_H_
