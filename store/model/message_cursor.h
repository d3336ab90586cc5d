#ifndef PACKETBOAT_STORE_MODEL_MESSAGE_CURSOR_H_
#define PACKETBOAT_STORE_MODEL_MESSAGE_CURSOR_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "proto/store/record.pb.h"
#include "store/kv/database.h"
#include "store/model/keys.h"

// The messages of a mailbox in order, wherever their records are. Internal to store/model.
//
// Most records stand in the mailbox's own tables. After a copy of many messages has become visible
// by one entry, the mailbox has a segment: UIDs whose records are still where they were staged, as
// UIDs from 1 of a mailbox that nobody can open. The records of one message are in one of the two
// places, and go home when the message changes. After such a move the source has a leftover: a list
// of UIDs that are gone although their records are still there. Apply straightens both out later
// (Unfold); nobody sees a difference.

namespace packetboat::model {

struct StoredMessage {
  Uid uid;
  // As seen: with the segment's MODSEQ where the staged record has none of its own.
  record::MessageFlags flags;
  // Where the records are: the mailbox itself and `uid`, or a stage.
  MailboxId table;
  Uid stored_uid;
};

// Which mailbox. The record must be as current as what is read.
struct MailboxSource {
  AccountId account;
  MailboxId id;
  const record::Mailbox* record;
};

// Nothing, if no such message is visible.
absl::StatusOr<std::optional<StoredMessage>> FindMessage(const kv::Reader& reader, const Keys& keys,
                                                         const MailboxSource& mailbox, Uid uid);

// Walks visible messages upward. Is void once what it reads from has changed.
class MessageCursor {
 public:
  // Stands on the first message at or above `from`. Everything must outlive it.
  MessageCursor(const kv::Reader& reader, const Keys& keys, const MailboxSource& mailbox, Uid from);

  // False at the end and after an error.
  bool Valid() const { return status_.ok() && current_.has_value(); }
  // Needs Valid().
  const StoredMessage& message() const { return *current_; }
  void Next();
  // To the first message at or above `uid`, which is not below the current one.
  void Seek(Uid uid);

  // kDataLoss.
  const absl::Status& status() const { return status_; }

 private:
  // A run of records: the mailbox's own, or those of a segment.
  struct Run {
    std::unique_ptr<kv::Iterator> records;
    MailboxId table;
    uint64_t offset = 0;  // of a UID over the stored one
    ModSeq implied;
  };

  void Position(Uid from);
  Run MakeRun(MailboxId table, uint64_t offset, ModSeq implied) const;
  void SeekRun(Run& run, Uid from);
  std::optional<Uid> UidAt(const Run& run) const;
  void Settle();
  bool Hidden(Uid uid);
  void Load(const Run& run, Uid uid);

  const kv::Reader& reader_;
  const Keys& keys_;
  const MailboxSource mailbox_;
  std::vector<Run> runs_;
  std::vector<Run> hidden_;
  std::optional<StoredMessage> current_;
  size_t current_run_ = 0;
  absl::Status status_;
};

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_MESSAGE_CURSOR_H_
