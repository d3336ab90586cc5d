#ifndef PACKETBOAT_MAIL_IMAP_FORMAT_H_
#define PACKETBOAT_MAIL_IMAP_FORMAT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mail/imap/command.h"
#include "mail/imap/flags.h"

// How values stand in responses (RFC 3501 s9). Each function appends to `*out`. What cannot be said
// otherwise goes as a literal, whose line end is part of what is appended.

namespace packetboat::imap {

// Longer strings go as literals, for clients with short line buffers.
inline constexpr size_t kMaxQuotedOctets = 1000;

// string: quoted if it is short and all of it may stand between quotes, else a literal. NUL, which
// no string may hold, becomes `?`.
void AppendString(absl::string_view text, std::string* out);
// NIL for nothing.
void AppendNstring(const std::optional<std::string>& text, std::string* out);
// An atom where one can say it.
void AppendAstring(absl::string_view text, std::string* out);

// `{n}` and the line end of a literal whose octets are to follow; `~{n}` if `binary` (RFC 3516).
void AppendLiteralHeader(uint64_t octets, bool binary, std::string* out);

// `(\Seen $Forwarded)`, with \Recent first if `recent`.
void AppendFlagList(const FlagSet& flags, bool recent, std::string* out);

// date-time, in UTC: `" 1-Jul-1996 02:44:25 +0000"`. Years outside 1900 to 9999 become the nearest.
void AppendInternalDate(absl::Time time, std::string* out);

// msg-att name by which a FETCH response answers `item`: `BODY[1.TEXT]<0>` for
// `BODY.PEEK[1.TEXT]<0.9>`.
void AppendFetchItemName(const FetchItem& item, std::string* out);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_FORMAT_H_
