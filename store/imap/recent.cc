#include "store/imap/recent.h"

#include <algorithm>

namespace packetboat::store {

Uid RecentMarks::Get(AccountId account, MailboxId mailbox, Uid logged) const {
  absl::MutexLock lock(&mutex_);
  const auto found = marks_.find({account, mailbox});
  return found == marks_.end() ? logged : std::max(logged, found->second);
}

Uid RecentMarks::Claim(AccountId account, MailboxId mailbox, Uid logged, Uid next) {
  absl::MutexLock lock(&mutex_);
  Uid& mark = marks_[{account, mailbox}];
  const Uid before = std::max(mark, logged);
  mark = std::max(before, next);
  return before;
}

void RecentMarks::Forget(AccountId account, MailboxId mailbox, Uid logged) {
  absl::MutexLock lock(&mutex_);
  const auto found = marks_.find({account, mailbox});
  if (found != marks_.end() && found->second <= logged) marks_.erase(found);
}

}  // namespace packetboat::store
