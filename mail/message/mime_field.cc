#include "mail/message/mime_field.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "mail/message/limits.h"

namespace packetboat::message {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Less strict than RFC 2045 s5.1: values in use hold most of its tspecials unquoted.
bool IsTokenOctet(char c) {
  return !IsSpace(c) && absl::string_view("\0;,\"()", 6).find(c) == absl::string_view::npos;
}

class FieldReader {
 public:
  explicit FieldReader(absl::string_view value) : rest_(value) {}

  bool done() const { return rest_.empty(); }

  // White space and comments, which nest (counted, not recursed into).
  void SkipSpace() {
    int depth = 0;
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      const char c = rest_.front();
      if (c == '\\' && depth > 0 && rest_.size() > 1) {
        rest_.remove_prefix(1);
      } else if (c == '(') {
        ++depth;
      } else if (c == ')' && depth > 0) {
        --depth;
      } else if (depth == 0 && !IsSpace(c)) {
        return;
      }
    }
  }

  bool Accept(char c) {
    SkipSpace();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Up to what cannot be in a token, or to one of `stops`.
  absl::string_view TakeToken(absl::string_view stops) {
    SkipSpace();
    size_t size = 0;
    while (size < rest_.size() && IsTokenOctet(rest_[size]) &&
           stops.find(rest_[size]) == absl::string_view::npos) {
      ++size;
    }
    const absl::string_view token = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return token;
  }

  std::string TakeValue() {
    if (!Accept('"')) return std::string(TakeToken(""));
    std::string content;
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      char c = rest_.front();
      if (c == '"') {
        rest_.remove_prefix(1);
        break;
      }
      if (c == '\r' || c == '\n') continue;
      if (c == '\\' && rest_.size() > 1) {
        rest_.remove_prefix(1);
        c = rest_.front();
      }
      content.push_back(c);
    }
    return content;
  }

  void SkipOctet() { rest_.remove_prefix(1); }

  // What can be read as `name=value`; the rest is passed over, octet by octet where nothing else
  // helps.
  std::vector<Parameter> TakeParameters() {
    std::vector<Parameter> parameters;
    while (SkipSpace(), !done() && parameters.size() < kMaxParameters) {
      std::string name = absl::AsciiStrToLower(TakeToken("="));
      if (Accept('=')) {
        std::string value = TakeValue();
        if (!name.empty()) parameters.push_back({std::move(name), std::move(value)});
      } else if (name.empty()) {
        SkipOctet();
      }
    }
    return parameters;
  }

 private:
  absl::string_view rest_;
};

// Undoes RFC 2231 s4's percent-encoding; what is not one stays.
std::string PercentDecode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2])) {
      decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

// `charset'language'text`, or just text.
void SplitExtendedValue(absl::string_view* text, std::string* charset) {
  const size_t first = text->find('\'');
  const size_t second = first == absl::string_view::npos ? first : text->find('\'', first + 1);
  if (second == absl::string_view::npos) return;
  if (charset != nullptr) *charset = std::string(text->substr(0, first));
  text->remove_prefix(second + 1);
}

const std::string* FindExact(const std::vector<Parameter>& parameters, absl::string_view name) {
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) return &parameter.value;
  }
  return nullptr;
}

// `name*0`, `name*1*`, ... put together; RFC 2231 s3 and s4.1.
std::optional<std::string> JoinSections(const std::vector<Parameter>& parameters,
                                        absl::string_view name, std::string* charset) {
  std::optional<std::string> joined;
  for (size_t section = 0; section < kMaxParameters; ++section) {
    const std::string section_name = absl::StrCat(name, "*", section);
    if (const std::string* plain = FindExact(parameters, section_name)) {
      joined = joined.value_or("") + *plain;
    } else if (const std::string* extended = FindExact(parameters, section_name + "*")) {
      absl::string_view text = *extended;
      if (section == 0) SplitExtendedValue(&text, charset);
      joined = joined.value_or("") + PercentDecode(text);
    } else {
      break;
    }
  }
  return joined;
}

}  // namespace

std::optional<ContentType> ParseContentType(absl::string_view value) {
  FieldReader reader(value);
  ContentType content_type;
  content_type.type = absl::AsciiStrToLower(reader.TakeToken("/"));
  if (!reader.Accept('/')) return std::nullopt;
  content_type.subtype = absl::AsciiStrToLower(reader.TakeToken("/="));
  if (content_type.type.empty() || content_type.subtype.empty()) return std::nullopt;
  content_type.parameters = reader.TakeParameters();
  return content_type;
}

std::optional<ContentDisposition> ParseContentDisposition(absl::string_view value) {
  FieldReader reader(value);
  ContentDisposition disposition;
  disposition.type = absl::AsciiStrToLower(reader.TakeValue());
  if (disposition.type.empty()) return std::nullopt;
  disposition.parameters = reader.TakeParameters();
  return disposition;
}

std::string ParseContentTransferEncoding(absl::string_view value) {
  return absl::AsciiStrToLower(FieldReader(value).TakeValue());
}

std::vector<std::string> ParseContentLanguage(absl::string_view value) {
  FieldReader reader(value);
  std::vector<std::string> languages;
  while (reader.SkipSpace(), !reader.done() && languages.size() < kMaxParameters) {
    const absl::string_view tag = reader.TakeToken("");
    if (tag.empty()) {
      reader.SkipOctet();
    } else {
      languages.emplace_back(tag);
    }
  }
  return languages;
}

std::optional<std::string> FindParameter(const std::vector<Parameter>& parameters,
                                         absl::string_view name, std::string* charset) {
  if (charset != nullptr) charset->clear();
  if (const std::string* extended = FindExact(parameters, absl::StrCat(name, "*"))) {
    absl::string_view text = *extended;
    SplitExtendedValue(&text, charset);
    return PercentDecode(text);
  }
  if (std::optional<std::string> joined = JoinSections(parameters, name, charset)) return joined;
  if (const std::string* plain = FindExact(parameters, name)) return *plain;
  return std::nullopt;
}

}  // namespace packetboat::message
