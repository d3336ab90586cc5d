#ifndef PACKETBOAT_MAIL_IMAP_FLAGS_H_
#define PACKETBOAT_MAIL_IMAP_FLAGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace packetboat::imap {

// The system flags that a client can set (RFC 3501 s2.3.2). \Recent is the session's, never stored.
enum class SystemFlag : uint8_t {
  kAnswered = 1 << 0,
  kFlagged = 1 << 1,
  kDeleted = 1 << 2,
  kSeen = 1 << 3,
  kDraft = 1 << 4,
};

// `\Seen` and so on, as RFC 3501 spells it.
absl::string_view SystemFlagName(SystemFlag flag);

// The flags named by a command or carried by a message. A plain value.
struct FlagSet {
  // SystemFlag values or-ed together.
  uint8_t system = 0;
  // Without repetition (compared without case), in the order given and spelled as given.
  std::vector<std::string> keywords;

  bool Has(SystemFlag flag) const { return (system & static_cast<uint8_t>(flag)) != 0; }
  void Add(SystemFlag flag) { system |= static_cast<uint8_t>(flag); }
  bool HasKeyword(absl::string_view keyword) const;
  // False if it was there already.
  bool AddKeyword(absl::string_view keyword);
  bool empty() const { return system == 0 && keywords.empty(); }

  friend bool operator==(const FlagSet&, const FlagSet&) = default;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_FLAGS_H_
