#include "store/model/message_cursor.h"

#include <string>
#include <utility>

#include "base/status.h"
#include "store/model/records.h"

namespace packetboat::model {
namespace {

absl::StatusOr<bool> IsLeftover(const kv::Reader& reader, const Keys& keys,
                                const MailboxSource& mailbox, Uid uid) {
  for (const record::Leftover& leftover : mailbox.record->leftovers()) {
    const MailboxId stage(leftover.stage());
    ASSIGN_OR_RETURN(const std::optional<std::string> listed,
                     reader.Get(kv::kRecords, keys.StagedSource(mailbox.account, stage, uid)));
    if (listed.has_value()) return true;
  }
  return false;
}

absl::StatusOr<std::optional<StoredMessage>> FindAt(const kv::Reader& reader, const Keys& keys,
                                                    AccountId account, MailboxId table,
                                                    Uid stored_uid, Uid uid, ModSeq implied) {
  ASSIGN_OR_RETURN(
      std::optional<record::MessageFlags> flags,
      ReadRecord<record::MessageFlags>(reader, keys.Flags(account, table, stored_uid)));
  if (!flags.has_value()) return std::optional<StoredMessage>();
  if (flags->modseq() == 0) flags->set_modseq(implied.value());
  return std::optional<StoredMessage>(StoredMessage{uid, *std::move(flags), table, stored_uid});
}

}  // namespace

absl::StatusOr<std::optional<StoredMessage>> FindMessage(const kv::Reader& reader, const Keys& keys,
                                                         const MailboxSource& mailbox, Uid uid) {
  ASSIGN_OR_RETURN(const bool gone, IsLeftover(reader, keys, mailbox, uid));
  if (gone) return std::optional<StoredMessage>();
  ASSIGN_OR_RETURN(std::optional<StoredMessage> found,
                   FindAt(reader, keys, mailbox.account, mailbox.id, uid, uid, ModSeq(0)));
  if (found.has_value()) return found;
  for (const record::Segment& segment : mailbox.record->segments()) {
    if (uid.value() < segment.first_uid() || uid.value() - segment.first_uid() >= segment.count()) {
      continue;
    }
    const Uid stored(uid.value() - segment.first_uid() + 1);
    return FindAt(reader, keys, mailbox.account, MailboxId(segment.stage()), stored, uid,
                  ModSeq(segment.modseq()));
  }
  return std::optional<StoredMessage>();
}

MessageCursor::MessageCursor(const kv::Reader& reader, const Keys& keys,
                             const MailboxSource& mailbox, Uid from)
    : reader_(reader), keys_(keys), mailbox_(mailbox) {
  runs_.push_back(MakeRun(mailbox.id, 0, ModSeq(0)));
  for (const record::Segment& segment : mailbox.record->segments()) {
    runs_.push_back(
        MakeRun(MailboxId(segment.stage()), segment.first_uid() - 1, ModSeq(segment.modseq())));
  }
  for (const record::Leftover& leftover : mailbox.record->leftovers()) {
    const MailboxId stage(leftover.stage());
    hidden_.push_back(
        Run{reader.NewIterator(kv::kRecords, keys.AllStagedSources(mailbox.account, stage)), stage,
            0, ModSeq(0)});
  }
  Position(from);
}

MessageCursor::Run MessageCursor::MakeRun(MailboxId table, uint64_t offset, ModSeq implied) const {
  return Run{reader_.NewIterator(kv::kRecords, keys_.FlagsFrom(mailbox_.account, table, Uid(0))),
             table, offset, implied};
}

void MessageCursor::SeekRun(Run& run, Uid from) {
  const uint32_t stored =
      from.value() > run.offset ? from.value() - static_cast<uint32_t>(run.offset) : 0;
  run.records->Seek(keys_.Flags(mailbox_.account, run.table, Uid(stored)));
}

std::optional<Uid> MessageCursor::UidAt(const Run& run) const {
  if (!run.records->Valid()) return std::nullopt;
  KeyReader key(run.records->key(), kMailboxKeyPrefix);
  return Uid(key.U32() + static_cast<uint32_t>(run.offset));
}

void MessageCursor::Position(Uid from) {
  for (Run& run : runs_) SeekRun(run, from);
  for (Run& run : hidden_) {
    run.records->Seek(keys_.StagedSource(mailbox_.account, run.table, from));
  }
  Settle();
}

void MessageCursor::Seek(Uid uid) {
  if (current_.has_value() && uid <= current_->uid) return;
  Position(uid);
}

void MessageCursor::Next() {
  runs_[current_run_].records->Next();
  Settle();
}

// To the lowest visible message that any run stands on or before.
void MessageCursor::Settle() {
  while (true) {
    current_.reset();
    std::optional<Uid> lowest;
    for (size_t i = 0; i < runs_.size(); ++i) {
      const std::optional<Uid> uid = UidAt(runs_[i]);
      if (!uid.has_value()) {
        status_.Update(runs_[i].records->status());
        continue;
      }
      if (lowest.has_value() && *lowest <= *uid) continue;
      lowest = uid;
      current_run_ = i;
    }
    if (!status_.ok() || !lowest.has_value()) return;
    if (!Hidden(*lowest)) return Load(runs_[current_run_], *lowest);
    runs_[current_run_].records->Next();
  }
}

bool MessageCursor::Hidden(Uid uid) {
  for (Run& run : hidden_) {
    std::optional<Uid> at = UidAt(run);
    while (at.has_value() && *at < uid) {
      run.records->Next();
      at = UidAt(run);
    }
    status_.Update(run.records->status());
    if (at == uid) return true;
  }
  return false;
}

void MessageCursor::Load(const Run& run, Uid uid) {
  auto flags = ParseRecord<record::MessageFlags>(run.records->key(), run.records->value());
  if (!flags.ok()) {
    status_ = flags.status();
    return;
  }
  if (flags->modseq() == 0) flags->set_modseq(run.implied.value());
  current_ = StoredMessage{uid, *std::move(flags), run.table,
                           Uid(uid.value() - static_cast<uint32_t>(run.offset))};
}

}  // namespace packetboat::model
