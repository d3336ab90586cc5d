#ifndef PACKETBOAT_MAIL_ADDRESS_LIST_H_
#define PACKETBOAT_MAIL_ADDRESS_LIST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mail/address/mailbox.h"

namespace packetboat::address {

// One element of an address list as IMAP's ENVELOPE shows it (RFC 3501 s7.4.2). Texts are octets as
// they stood in the field, without quotes, comments and folds; encoded words are not decoded.
struct ListEntry {
  enum class Kind { kMailbox, kGroupStart, kGroupEnd };

  Kind kind = Kind::kMailbox;
  std::string name;     // the display name, else the last comment; empty if neither
  std::string route;    // an obsolete source route, `@one,@two`; usually empty
  std::string mailbox;  // the local part unquoted; of a group start, the group's name
  std::string host;     // a domain or [literal]; empty only in a broken address and in groups

  friend bool operator==(const ListEntry&, const ListEntry&) = default;
};

struct AddressList {
  std::vector<ListEntry> entries;  // at most kMaxListEntries
  // False if something had to be guessed, skipped or left out. What decides about rights (the
  // sender check) must not trust such a list; what only shows it may.
  bool well_formed = true;
};

// Reads the value of From, Sender, Reply-To, To, Cc, Bcc and their Resent- forms: RFC 5322 s3.4
// with the obsolete forms of s4.4, and whatever else is found in the field; never fails. The value
// may be folded or not. Linear in time, no recursion.
AddressList ParseAddressList(absl::string_view value);

// The address of an entry of kind kMailbox as SMTP could use it. Fails as Mailbox::Parse does.
absl::StatusOr<Mailbox> ToMailbox(const ListEntry& entry);

}  // namespace packetboat::address

#endif  // PACKETBOAT_MAIL_ADDRESS_LIST_H_
