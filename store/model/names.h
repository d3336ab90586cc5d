#ifndef PACKETBOAT_STORE_MODEL_NAMES_H_
#define PACKETBOAT_STORE_MODEL_NAMES_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

// Names of mailboxes and of keywords. Pure.

namespace packetboat::model {

inline constexpr absl::string_view kInbox = "INBOX";
inline constexpr char kHierarchySeparator = '/';

// The name as it is kept: the first level is INBOX in whatever case it was given (RFC 3501 s5.1).
// Nothing for an empty level, a control character, or too long or too deep a name. UTF-8 and its
// normal form are the caller's care: the model compares octets.
std::optional<std::string> CanonicalMailboxName(absl::string_view name);

// The name one level up; empty at the top.
absl::string_view ParentOf(absl::string_view name);

// Whether `name` is a level below `above`.
bool IsBelow(absl::string_view name, absl::string_view above);

// An atom of RFC 3501 s9 that is no system flag and not too long.
bool WellformedKeyword(absl::string_view keyword);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_NAMES_H_
