#ifndef PACKETBOAT_STORE_IMAP_CONVERT_H_
#define PACKETBOAT_STORE_IMAP_CONVERT_H_

#include <optional>

#include "absl/status/status.h"
#include "mail/imap/backend.h"
#include "mail/imap/flags.h"
#include "proto/store/entry.pb.h"
#include "store/model/types.h"

// Between the values of the IMAP engine, of the model's readers, and of its log entries. Pure.

namespace packetboat::store {

imap::FlagSet ToFlags(const model::MessageState& state);
void FillFlags(const imap::FlagSet& flags, entry::FlagList& out);

std::optional<imap::SpecialUse> ToSpecialUse(model::SpecialUse use);
record::SpecialUse ToRecord(std::optional<imap::SpecialUse> use);

// `Ranges` is a repeated field of record.UidRange.
template <typename Ranges>
imap::UidSet ToUidSet(const Ranges& ranges) {
  imap::UidSet set;
  for (const auto& range : ranges) set.AddRange(range.first(), range.last());
  return set;
}

template <typename Ranges>
void FillUids(const imap::UidSet& uids, Ranges* out) {
  for (const imap::NumberRange& range : uids.ranges()) {
    auto* const added = out->Add();
    added->set_first(range.first);
    added->set_last(range.last);
  }
}

// OK for an outcome that is; else what the client is told.
absl::Status ToStatus(const entry::Result& result);

// Of a proposal or a barrier: what the engine shows as UNAVAILABLE.
absl::Status ToUnavailable(const absl::Status& status);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_CONVERT_H_
