#ifndef PACKETBOAT_STORE_MODEL_READER_H_
#define PACKETBOAT_STORE_MODEL_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "store/kv/database.h"
#include "store/model/types.h"

// Reading a shard: accounts, mailboxes, messages, bodies. Over any kv::Reader, usually a snapshot,
// so that what is read together belongs together. Reads nothing ahead; memory is bounded by what is
// asked for. Every error is kDataLoss (what is on disk is no state), unless said otherwise.

namespace packetboat::model {

// One mailbox as it is in one state. Thread-compatible; cheap to make, so make a new one for a
// newer state. What it was made from must outlive it.
class MailboxReader {
 public:
  struct Changes {
    // With a MODSEQ above what was asked for, new ones among them, by UID.
    std::vector<MessageState> messages;
    // There are more, above the last UID of `messages`.
    bool more = false;
  };

  struct Expunges {
    // By UID, neither overlapping nor touching.
    std::vector<UidRange> uids;
    // False: some may have been forgotten (the mailbox's floor is above); only the UIDs that exist
    // tell the rest.
    bool complete = true;
  };

  MailboxReader(MailboxReader&&) noexcept;
  MailboxReader& operator=(MailboxReader&&) noexcept;
  ~MailboxReader();

  const MailboxInfo& info() const;
  // Zeros for a mailbox that is not selectable.
  const MailboxStatus& status() const;

  // Messages from `from` on, upward, until there are none or `visit` answers false.
  absl::Status ForEach(Uid from, absl::FunctionRef<bool(const MessageState&)> visit) const;
  absl::StatusOr<std::optional<MessageState>> State(Uid uid) const;
  absl::StatusOr<std::optional<MessageInfo>> Info(Uid uid) const;

  // Messages that changed after `since` and have a UID above `after`; at most `max`. Costs as much
  // as what changed, or at most a walk through the mailbox over all pages.
  absl::StatusOr<Changes> ChangedSince(ModSeq since, Uid after, size_t max) const;
  // UIDs that were expunged after `since`.
  absl::StatusOr<Expunges> ExpungedSince(ModSeq since) const;

 private:
  friend class Reader;
  struct Rep;
  explicit MailboxReader(std::unique_ptr<Rep> rep);

  absl::StatusOr<bool> ListChanged(ModSeq since, Uid after, size_t max,
                                   std::vector<Uid>& uids) const;
  absl::StatusOr<Changes> WalkChanged(ModSeq since, Uid after, size_t max) const;

  std::unique_ptr<Rep> rep_;
};

// What housekeeping there is to propose (proto/store/entry.proto): the oldest of each kind.
struct Housekeeping {
  std::optional<absl::Time> oldest_delivery_key;
  std::optional<absl::Time> oldest_tombstone;
  std::optional<absl::Time> oldest_idle_body;
  std::optional<absl::Time> oldest_idle_chunk;
  std::optional<absl::Time> oldest_open_stage;
  bool purge = false;
  bool unfold = false;
};

// One shard in one state. Thread-compatible.
class Reader {
 public:
  // `state` must outlive it and every MailboxReader made by it.
  Reader(const kv::Reader& state, ShardId shard) : state_(&state), shard_(shard) {}

  // Nothing for an account that is not here (yet) or was deleted.
  absl::StatusOr<std::optional<AccountTotals>> FindAccount(AccountId account) const;
  // Placeholders among them, by name (octet-wise).
  absl::StatusOr<std::vector<MailboxInfo>> Mailboxes(AccountId account) const;
  absl::StatusOr<std::vector<std::string>> Subscriptions(AccountId account) const;

  // `name` in any case of INBOX.
  absl::StatusOr<std::optional<MailboxReader>> OpenMailbox(AccountId account,
                                                           absl::string_view name) const;
  absl::StatusOr<std::optional<MailboxReader>> OpenMailbox(AccountId account,
                                                           MailboxId mailbox) const;

  // Octets [offset, offset + length) of prefix and body; fewer at the end. kNotFound once the body
  // was collected, which is some time after its last message went.
  absl::StatusOr<std::string> ReadMessage(const MessageInfo& message, uint64_t offset,
                                          size_t length) const;
  absl::StatusOr<std::string> ReadBody(const BodyRef& body, uint64_t offset, size_t length) const;
  // The serialised structure of the body; empty if none was kept. kNotFound as above.
  absl::StatusOr<std::string> ReadStructure(const BodyRef& body) const;

  absl::StatusOr<Housekeeping> ReadHousekeeping() const;

 private:
  absl::StatusOr<bool> IsThere(AccountId account) const;

  const kv::Reader* state_;
  ShardId shard_;
};

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_READER_H_
