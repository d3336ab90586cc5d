#ifndef PACKETBOAT_STORE_MODEL_MAILBOX_H_
#define PACKETBOAT_STORE_MODEL_MAILBOX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "proto/store/record.pb.h"
#include "store/model/account.h"
#include "store/model/message_cursor.h"
#include "store/model/state.h"
#include "store/model/uid_ranges.h"

// One mailbox while an entry changes it. Internal to store/model.

namespace packetboat::model {

// Keeps together what belongs together: a message's two records, its place in the list of changes,
// the mailbox's and the account's counters, the reference to the body. Messages are written at
// once, the mailbox itself by Save(); the account's record is the caller's to save.
class Mailbox {
 public:
  // Nothing, if there is none or it is a placeholder. `account` must outlive it.
  static std::optional<Mailbox> Find(State& state, Account& account, MailboxId id);

  static std::optional<Mailbox> FindByName(State& state, Account& account, absl::string_view name);

  MailboxId id() const { return id_; }
  const record::Mailbox& record() const { return record_; }
  record::Mailbox& mutable_record() {
    record_changed_ = true;
    return record_;
  }
  record::MailboxCounters& counters() { return counters_; }
  void Save();

  // ---- Reading
  // The visible messages of `ranges`; nothing when there are more than `max`.
  std::optional<std::vector<StoredMessage>> Collect(const UidRanges& ranges, size_t max) const;
  record::Message MessageOf(const StoredMessage& stored) const;

  // ---- Changing
  // A MODSEQ above all others, for what this entry does.
  ModSeq RaiseModSeq();
  bool HasUids(uint64_t count) const;
  // `count` UIDs, which HasUids(count) says are there; the first of them.
  Uid TakeUids(uint32_t count);
  // The numbers of these keywords here, added where they are new. Nothing when they are too many:
  // then nothing was added.
  std::optional<std::vector<uint32_t>> Intern(const std::vector<std::string>& keywords);
  // As above, of those that are here.
  std::vector<uint32_t> NumbersOf(const std::vector<std::string>& keywords) const;
  std::vector<std::string> KeywordsOf(const record::MessageFlags& flags) const;

  // Adds a message whose body's reference the caller has added. Needs HasUids(1).
  Uid Add(const record::Message& message, record::MessageFlags flags);
  // Gives a message other flags, `flags` with their MODSEQ.
  void SetFlags(const StoredMessage& stored, const record::MessageFlags& flags);
  // Takes a message out, and drops its body's reference.
  void Remove(const StoredMessage& stored);
  // Removes a message's records and its body's reference, and counts nothing.
  void Erase(const StoredMessage& stored);
  // Remembers that `uids` left at `modseq`.
  void Bury(const UidRanges& uids, ModSeq modseq);
  // Puts a message that is read from a segment where the mailbox has its own; no effect on others.
  StoredMessage Unfold(const StoredMessage& stored);

  // Counts a message in or out.
  void Count(const record::Message& message, const record::MessageFlags& flags, bool in);

 private:
  Mailbox(State& state, Account& account, MailboxId id, record::Mailbox record,
          record::MailboxCounters counters)
      : state_(&state),
        account_(&account),
        id_(id),
        record_(std::move(record)),
        counters_(std::move(counters)) {}

  MailboxSource source() const { return MailboxSource{account_->id(), id_, &record_}; }
  // Planted bug.
  void ForgetNextUid();
  void CountFlags(const record::MessageFlags& flags, bool in);
  // Gives up the staged move out of here that has taken up this message, if there is one.
  void DisturbMove(Uid uid);

  State* state_;
  Account* account_;
  MailboxId id_;
  record::Mailbox record_;
  record::MailboxCounters counters_;
  bool record_changed_ = false;
};

// Sum of prefix and body.
uint64_t SizeOf(const record::Message& message);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_MAILBOX_H_
