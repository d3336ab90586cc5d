#ifndef PACKETBOAT_MAIL_IMAP_MESSAGE_SEARCH_H_
#define PACKETBOAT_MAIL_IMAP_MESSAGE_SEARCH_H_

#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "mail/imap/command.h"
#include "mail/imap/context.h"
#include "mail/imap/reply.h"
#include "mail/imap/task.h"

namespace packetboat::imap {

// The messages of the selected mailbox that match `key`, by number: what SEARCH, SORT and THREAD
// have in common (RFC 3501 s6.4.4, RFC 5256 s3). Flags, dates, sizes and what the structure keeps
// of the header need no octets of a message; only a key that is still undecided then reads them.
// Or how the command ends: BADCHARSET, a number above EXISTS, a failure of the backend. `key` must
// outlive the task.
Task<std::variant<std::vector<SeqNum>, Reply>> SearchMessages(Context& context,
                                                              const SearchKey& key,
                                                              absl::string_view charset);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_MESSAGE_SEARCH_H_
