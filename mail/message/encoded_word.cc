#include "mail/message/encoded_word.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "mail/message/transfer_encoding.h"

namespace packetboat::message {
namespace {

// RFC 2047 s4.2.
std::string DecodeQ(absl::string_view text) {
  std::string octets;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '=' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2])) {
      octets += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      octets.push_back(text[i] == '_' ? ' ' : text[i]);
    }
  }
  return octets;
}

bool IsCharsetName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isgraph(c) && c != '(' && c != ')' && c != '<' && c != '>' && c != '"';
  });
}

bool IsEncodedText(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isprint(c) || static_cast<unsigned char>(c) >= 0x80;
  });
}

// The encoded word that `text` starts with.
std::optional<HeaderToken> TakeEncodedWord(absl::string_view text) {
  if (!absl::StartsWith(text, "=?")) return std::nullopt;
  const size_t charset_end = text.find('?', 2);
  if (charset_end == absl::string_view::npos || charset_end + 2 >= text.size() ||
      text[charset_end + 2] != '?') {
    return std::nullopt;
  }
  const absl::string_view charset = text.substr(2, charset_end - 2);
  const char encoding = absl::ascii_toupper(text[charset_end + 1]);
  const size_t begin = charset_end + 3;
  const size_t end = text.find('?', begin);
  if (end == absl::string_view::npos || !absl::StartsWith(text.substr(end), "?="))
    return std::nullopt;
  const absl::string_view encoded = text.substr(begin, end - begin);
  if (!IsCharsetName(charset) || !IsEncodedText(encoded)) return std::nullopt;
  if (encoding != 'B' && encoding != 'Q') return std::nullopt;
  HeaderToken token;
  token.raw = text.substr(0, end + 2);
  token.is_encoded = true;
  token.charset = std::string(charset.substr(0, charset.find('*')));
  token.octets = encoding == 'Q' ? DecodeQ(encoded)
                                 : DecodeTransferEncoding(TransferEncoding::kBase64, encoded);
  return token;
}

bool IsWhiteSpace(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isspace(c); });
}

HeaderToken PlainToken(absl::string_view raw) {
  HeaderToken token;
  token.raw = raw;
  return token;
}

// Behind the last of the encoded words that go on in the charset of tokens[begin], with nothing but
// white space between.
size_t EndOfRun(const std::vector<HeaderToken>& tokens, size_t begin) {
  size_t end = begin + 1;
  for (size_t i = end; i < tokens.size(); ++i) {
    if (!tokens[i].is_encoded && IsWhiteSpace(tokens[i].raw)) continue;
    if (!tokens[i].is_encoded) break;
    if (!absl::EqualsIgnoreCase(tokens[i].charset, tokens[begin].charset)) break;
    end = i + 1;
  }
  return end;
}

void AppendRun(absl::Span<const HeaderToken> run, CharsetConverter other, std::string* utf8) {
  std::string octets;
  for (const HeaderToken& token : run) octets += token.octets;
  if (ConvertCharset(run.front().charset, octets, other, utf8)) return;
  for (const HeaderToken& token : run) AppendWellFormed(token.raw, utf8);
}

}  // namespace

std::vector<HeaderToken> TokenizeEncodedWords(absl::string_view text) {
  std::vector<HeaderToken> tokens;
  size_t plain = 0;  // where the text since the last encoded word begins
  for (size_t at = text.find("=?"); at != absl::string_view::npos; at = text.find("=?", at)) {
    std::optional<HeaderToken> word = TakeEncodedWord(text.substr(at));
    if (!word) {
      at += 2;
      continue;
    }
    if (at > plain) tokens.push_back(PlainToken(text.substr(plain, at - plain)));
    at += word->raw.size();
    plain = at;
    tokens.push_back(*std::move(word));
  }
  if (plain < text.size()) tokens.push_back(PlainToken(text.substr(plain)));
  return tokens;
}

std::string DecodeHeaderText(absl::string_view text, CharsetConverter other) {
  const std::vector<HeaderToken> tokens = TokenizeEncodedWords(text);
  std::string utf8;
  for (size_t i = 0; i < tokens.size();) {
    if (tokens[i].is_encoded) {
      const size_t end = EndOfRun(tokens, i);
      AppendRun(absl::MakeConstSpan(tokens).subspan(i, end - i), other, &utf8);
      i = end;
      continue;
    }
    const bool between_words = i > 0 && i + 1 < tokens.size();
    if (!between_words || !IsWhiteSpace(tokens[i].raw)) AppendWellFormed(tokens[i].raw, &utf8);
    ++i;
  }
  return utf8;
}

}  // namespace packetboat::message
