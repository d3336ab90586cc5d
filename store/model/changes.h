#ifndef PACKETBOAT_STORE_MODEL_CHANGES_H_
#define PACKETBOAT_STORE_MODEL_CHANGES_H_

#include <compare>
#include <set>

#include "base/ids.h"

namespace packetboat::model {

// A mailbox in which something happened that a session would tell its client: a message came,
// changed or went, or the mailbox itself went.
struct MailboxChange {
  AccountId account;
  // Zero: the whole account went.
  MailboxId mailbox;

  friend auto operator<=>(const MailboxChange&, const MailboxChange&) = default;
};

// What entries have changed, for those who wait for it.
struct Changes {
  std::set<MailboxChange> mailboxes;
  bool directory = false;

  bool empty() const { return mailboxes.empty() && !directory; }
};

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_CHANGES_H_
