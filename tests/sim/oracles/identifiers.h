#ifndef PACKETBOAT_TESTS_SIM_ORACLES_IDENTIFIERS_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_IDENTIFIERS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/ids.h"
#include "proto/store/entry.pb.h"
#include "tests/sim/oracles/findings.h"

namespace packetboat::sim {

// Promise P4: UIDs of a mailbox ascend and are never given twice, its MODSEQ ascends, its
// UIDVALIDITY never changes and is that of no other mailbox of the account. Judges each entry's
// result as it takes effect, in the order of the log.
class IdentifiersOracle {
 public:
  explicit IdentifiersOracle(Findings& findings) : findings_(findings) {}

  void OnEntry(const entry::Entry& entry, const entry::Result& result);

 private:
  struct Mailbox {
    uint32_t last_uid = 0;
    uint32_t uid_validity = 0;
    uint64_t last_modseq = 0;
  };

  Mailbox& Find(uint64_t account, uint64_t mailbox) { return mailboxes_[{account, mailbox}]; }
  void TakeUids(uint64_t account, uint64_t mailbox, uint32_t first, uint32_t count);
  void TakeValidity(uint64_t account, uint64_t mailbox, uint32_t uid_validity);
  // Several changes of one entry may share a MODSEQ.
  void TakeModSeq(uint64_t account, uint64_t mailbox, uint64_t modseq);

  Findings& findings_;
  std::map<std::pair<uint64_t, uint64_t>, Mailbox> mailboxes_;
  std::map<std::pair<uint64_t, uint32_t>, uint64_t> validities_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_IDENTIFIERS_H_
