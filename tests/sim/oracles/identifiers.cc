#include "tests/sim/oracles/identifiers.h"

#include <algorithm>

namespace packetboat::sim {

void IdentifiersOracle::OnEntry(const entry::Entry& entry, const entry::Result& result) {
  if (result.outcome() != entry::Result::OK) return;
  if (entry.has_deliver()) {
    for (int i = 0; i < result.deliver().recipients_size(); ++i) {
      const entry::DeliverResult::One& one = result.deliver().recipients(i);
      if (one.outcome() != entry::DeliverResult::One::DELIVERED) continue;
      const uint64_t account = entry.deliver().recipients(i).account();
      TakeValidity(account, one.mailbox(), one.uid_validity());
      TakeUids(account, one.mailbox(), one.uid(), 1);
      TakeModSeq(account, one.mailbox(), one.modseq());
    }
  } else if (entry.has_append()) {
    const entry::AppendResult& append = result.append();
    TakeValidity(entry.append().account(), append.mailbox(), append.uid_validity());
    TakeUids(entry.append().account(), append.mailbox(), append.uid(), 1);
    TakeModSeq(entry.append().account(), append.mailbox(), append.modseq());
  } else if (entry.has_copy() && result.copy().count() > 0) {
    const entry::CopyResult& copy = result.copy();
    TakeValidity(entry.copy().account(), copy.destination(), copy.uid_validity());
    TakeUids(entry.copy().account(), copy.destination(), copy.first_uid(), copy.count());
    TakeModSeq(entry.copy().account(), copy.destination(), copy.modseq());
  } else if (entry.has_store_flags() && result.store_flags().changed_size() > 0) {
    TakeModSeq(entry.store_flags().account(), entry.store_flags().mailbox(),
               result.store_flags().modseq());
  } else if (entry.has_expunge() && result.expunge().expunged_size() > 0) {
    TakeModSeq(entry.expunge().account(), entry.expunge().mailbox(), result.expunge().modseq());
  }
}

void IdentifiersOracle::TakeUids(uint64_t account, uint64_t mailbox, uint32_t first,
                                 uint32_t count) {
  uint32_t& last = Find(account, mailbox).last_uid;
  if (first <= last) {
    findings_.Add("uid: ", first, " in mailbox ", mailbox, " of account ", account, " after ",
                  last);
  }
  last = std::max(last, first + count - 1);
}

void IdentifiersOracle::TakeValidity(uint64_t account, uint64_t mailbox, uint32_t uid_validity) {
  uint32_t& known = Find(account, mailbox).uid_validity;
  if (known != 0 && known != uid_validity) {
    findings_.Add("uidvalidity of mailbox ", mailbox, " of account ", account, " was ", known,
                  " and is ", uid_validity);
  }
  known = uid_validity;
  const auto [owner, is_new] = validities_.emplace(std::pair(account, uid_validity), mailbox);
  if (!is_new && owner->second != mailbox) {
    findings_.Add("uidvalidity ", uid_validity, " of account ", account, " names two mailboxes");
  }
}

void IdentifiersOracle::TakeModSeq(uint64_t account, uint64_t mailbox, uint64_t modseq) {
  uint64_t& last = Find(account, mailbox).last_modseq;
  if (modseq < last) {
    findings_.Add("modseq: ", modseq, " in mailbox ", mailbox, " of account ", account, " after ",
                  last);
  }
  last = std::max(last, modseq);
}

}  // namespace packetboat::sim
