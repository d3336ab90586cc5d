#ifndef PACKETBOAT_STORE_MODEL_PLANTED_BUGS_H_
#define PACKETBOAT_STORE_MODEL_PLANTED_BUGS_H_

#include <set>
#include <utility>

#include "base/ids.h"

namespace packetboat::model {

// Each makes a promise fail, so that a test can show that it would be noticed. All off outside
// tests.
struct PlantedBugs {
  // Each life of the state machine takes a mailbox's next UID to be one above its highest message,
  // instead of what the state says: a UID whose message is gone is given again after a restart.
  bool reuse_uid_after_restart = false;
  // Delivery keys are not written: a retry makes a second copy.
  bool drop_delivery_key = false;

  // Whose next UID this life has found out.
  std::set<std::pair<AccountId, MailboxId>> uid_known;
};

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_PLANTED_BUGS_H_
