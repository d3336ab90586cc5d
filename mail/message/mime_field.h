#ifndef PACKETBOAT_MAIL_MESSAGE_MIME_FIELD_H_
#define PACKETBOAT_MAIL_MESSAGE_MIME_FIELD_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// The values of MIME's own header fields (RFC 2045 s5, RFC 2183, RFC 3282). Tolerant: comments and
// folds anywhere between tokens, missing semicolons, unquoted values. Pure, linear in time, no
// recursion.

namespace packetboat::message {

// Name in lower case, value unquoted. RFC 2231's continuations and character sets are kept as they
// are (`filename*0*`).
struct Parameter {
  std::string name;
  std::string value;

  friend bool operator==(const Parameter&, const Parameter&) = default;
};

// Type and subtype in lower case.
struct ContentType {
  std::string type;
  std::string subtype;
  std::vector<Parameter> parameters;

  bool Is(absl::string_view other_type, absl::string_view other_subtype) const {
    return type == other_type && subtype == other_subtype;
  }
  friend bool operator==(const ContentType&, const ContentType&) = default;
};

struct ContentDisposition {
  std::string type;  // in lower case
  std::vector<Parameter> parameters;

  friend bool operator==(const ContentDisposition&, const ContentDisposition&) = default;
};

// Nothing if the value has no type and subtype: RFC 2045 s5.2 then says `text/plain;
// charset=us-ascii`.
std::optional<ContentType> ParseContentType(absl::string_view value);

// Nothing if the value has no type.
std::optional<ContentDisposition> ParseContentDisposition(absl::string_view value);

// The first token of Content-Transfer-Encoding, in lower case; may be empty.
std::string ParseContentTransferEncoding(absl::string_view value);

// The tags of Content-Language.
std::vector<std::string> ParseContentLanguage(absl::string_view value);

// The value of `name` (in lower case) with RFC 2231 continuations put together and percent-encoding
// undone. The charset that an extended value names is stored to `charset` unless that is null, and
// is empty if it names none.
std::optional<std::string> FindParameter(const std::vector<Parameter>& parameters,
                                         absl::string_view name, std::string* charset = nullptr);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_MIME_FIELD_H_
