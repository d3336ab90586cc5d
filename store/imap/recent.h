#ifndef PACKETBOAT_STORE_IMAP_RECENT_H_
#define PACKETBOAT_STORE_IMAP_RECENT_H_

#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"

namespace packetboat::store {

// Which messages no session has been told of yet (RFC 3501 s2.3.2): this node's memory above the
// mark that is in the log (SEMANTICS.md s6). Thread-safe.
class RecentMarks {
 public:
  // The first UID that is recent; `logged` is the mark of the mailbox's state.
  Uid Get(AccountId account, MailboxId mailbox, Uid logged) const;

  // The same, and from now on only UIDs from `next` on are.
  Uid Claim(AccountId account, MailboxId mailbox, Uid logged, Uid next);

  // The state has a mark as high as the memory: it can be forgotten.
  void Forget(AccountId account, MailboxId mailbox, Uid logged);

 private:
  using Key = std::pair<AccountId, MailboxId>;

  mutable absl::Mutex mutex_;
  std::map<Key, Uid> marks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_RECENT_H_
