#ifndef PACKETBOAT_STORE_MODEL_ACCOUNT_H_
#define PACKETBOAT_STORE_MODEL_ACCOUNT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "proto/store/record.pb.h"
#include "store/model/state.h"

// An account and the names in it, in apply. Internal to store/model.

namespace packetboat::model {

// One account while an entry changes it. Writes nothing about the account itself before Save();
// names and mailbox records are written at once.
class Account {
 public:
  // Nothing for one that is not here or was deleted.
  static std::optional<Account> Find(State& state, AccountId id);
  // Makes it, with its first mailboxes, if it is not here. Nothing for one that was deleted.
  static std::optional<Account> FindOrCreate(State& state, AccountId id);

  AccountId id() const { return id_; }
  record::Account& record() { return record_; }
  const record::Account& record() const { return record_; }
  // Whether `octets` more are too many; zero is no quota.
  bool Exceeds(uint64_t quota_octets, uint64_t octets) const;
  void Save() { state_->Put(state_->keys().Account(id_), record_); }

  // The mailbox or placeholder called `name`, in canonical form.
  std::optional<MailboxId> MailboxNamed(absl::string_view name) const;
  // The one with this use that has the lowest number.
  std::optional<MailboxId> MailboxFor(record::SpecialUse use) const;
  std::optional<record::Mailbox> FindMailbox(MailboxId mailbox) const;

  // Never given out before. Mailboxes and stages.
  MailboxId NextMailboxId();
  // Above every one given out before, and not below the seconds of log time, so that the names of
  // an account that took the place of a deleted one do not repeat them. Zero once they are used up.
  UidValidity NextUidValidity();
  bool UidValiditiesUsedUp() const;

  // A new, empty mailbox under a name that is free. Nothing when UIDVALIDITYs are used up.
  std::optional<MailboxId> AddMailbox(absl::string_view name, record::SpecialUse use);
  // A name without a mailbox.
  void AddPlaceholder(absl::string_view name);
  // The names above `name` that are missing, as placeholders.
  void AddParents(absl::string_view name);
  // How many names AddParents(name) would add.
  uint64_t CountMissingParents(absl::string_view name) const;
  // Takes away name, record and counters; messages are left to Purge.
  void RemoveMailbox(MailboxId mailbox);
  // Gives a mailbox another name, which is free.
  void SetName(MailboxId mailbox, absl::string_view name);
  bool HasChildren(absl::string_view name) const;

 private:
  Account(State& state, AccountId id, record::Account record)
      : state_(&state), id_(id), record_(std::move(record)) {}

  void PutName(absl::string_view name, MailboxId mailbox);

  State* state_;
  AccountId id_;
  record::Account record_;
};

// The value under Keys::MailboxByName.
std::string EncodeMailboxId(MailboxId mailbox);
MailboxId DecodeMailboxId(absl::string_view bytes);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_ACCOUNT_H_
