#ifndef PACKETBOAT_MAIL_IMAP_MAILBOX_NAME_H_
#define PACKETBOAT_MAIL_IMAP_MAILBOX_NAME_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace packetboat::imap {

inline constexpr char kHierarchyDelimiter = '/';
inline constexpr absl::string_view kInbox = "INBOX";

// The name by which the backend knows the mailbox: its first level INBOX in whatever case becomes
// INBOX. Nothing for what can name no mailbox: empty, or with an empty level.
std::optional<std::string> CanonicalMailboxName(absl::string_view name);

// As it is written on the wire: modified UTF-7 (RFC 3501 s5.1.3), quoted.
std::string WireMailboxName(absl::string_view name);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_MAILBOX_NAME_H_
