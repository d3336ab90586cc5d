#include "store/model/account.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/model/bodies.h"
#include "store/model/commands.h"
#include "store/model/limits.h"
#include "store/model/names.h"

namespace packetboat::model {
namespace {

using entry::Result;

// Behind all mailboxes of the account in the list of purges: it goes last.
constexpr MailboxId kWholeAccount{std::numeric_limits<uint64_t>::max()};

struct FirstMailbox {
  absl::string_view name;
  record::SpecialUse use;
};
constexpr FirstMailbox kFirstMailboxes[] = {
    {kInbox, record::SPECIAL_USE_UNSPECIFIED},
    {"Drafts", record::DRAFTS},
    {"Sent", record::SENT},
    {"Junk", record::JUNK},
    {"Trash", record::TRASH},
    {"Archive", record::ARCHIVE},
};

MailboxId MailboxOfKey(absl::string_view key) {
  KeyReader reader(key, kAccountKeyPrefix);
  return MailboxId(reader.U64());
}

// Removes up to `max` messages with their bodies' references, and at the end all the rest of the
// mailbox. Answers how many messages; fewer than `max` when the mailbox is empty.
size_t PurgeMailbox(State& state, AccountId account, MailboxId mailbox, size_t max) {
  const std::vector<State::Record> messages =
      state.List(state.keys().AllMessages(account, mailbox), max);
  for (const State::Record& stored : messages) {
    auto message = ParseRecord<record::Message>(stored.key, stored.value);
    CHECK_OK(message.status());
    DropReference(state, RaftIndex(message->body()));
    state.Delete(stored.key);
  }
  if (messages.size() < max) state.DeleteRange(state.keys().MailboxRange(account, mailbox));
  return messages.size();
}

void AddPurge(State& state, AccountId account, MailboxId mailbox) {
  record::Purge purge;
  purge.set_deleted_us(state.now_us());
  state.Put(state.keys().Purge(account, mailbox), purge);
}

// Queues one stage or mailbox of a deleted account; false once there is none.
bool QueueForPurge(State& state, AccountId account) {
  for (const State::Record& stage : state.List(state.keys().StagesOf(account), 1)) {
    KeyReader key(stage.key, kShardKeyPrefix + sizeof(uint64_t));
    AddPurge(state, account, MailboxId(key.U64()));
    state.Delete(stage.key);
    return true;
  }
  for (const State::Record& mailbox : state.List(state.keys().AllMailboxes(account), 1)) {
    AddPurge(state, account, MailboxOfKey(mailbox.key));
    state.Delete(mailbox.key);
    return true;
  }
  return false;
}

// Everything of the account but the record that says it was there.
void FinishAccount(State& state, AccountId account) {
  state.DeleteRange(state.keys().AccountRange(account));
  record::Account marker;
  marker.set_deleted(true);
  state.Put(state.keys().Account(account), marker);
}

// Some of the work of one purge. Answers how many messages went, at most `max`.
size_t PurgeStep(State& state, const std::string& purge, size_t max) {
  KeyReader key(purge, kShardKeyPrefix);
  const AccountId account(key.U64());
  const MailboxId mailbox(key.U64());
  if (mailbox != kWholeAccount) {
    const size_t removed = PurgeMailbox(state, account, mailbox, max);
    if (removed < max) state.Delete(purge);
    return removed;
  }
  if (!QueueForPurge(state, account)) {
    FinishAccount(state, account);
    state.Delete(purge);
  }
  return 0;
}

}  // namespace

std::string EncodeMailboxId(MailboxId mailbox) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(mailbox.value() >> shift));
  }
  return bytes;
}

MailboxId DecodeMailboxId(absl::string_view bytes) { return MailboxId(KeyReader(bytes, 0).U64()); }

std::optional<Account> Account::Find(State& state, AccountId id) {
  auto record = state.Find<record::Account>(state.keys().Account(id));
  if (!record.has_value() || record->deleted()) return std::nullopt;
  return Account(state, id, *std::move(record));
}

std::optional<Account> Account::FindOrCreate(State& state, AccountId id) {
  auto record = state.Find<record::Account>(state.keys().Account(id));
  if (record.has_value()) {
    if (record->deleted()) return std::nullopt;
    return Account(state, id, *std::move(record));
  }
  Account account(state, id, record::Account());
  account.record_.set_created_us(state.now_us());
  for (const FirstMailbox& first : kFirstMailboxes) {
    CHECK(account.AddMailbox(first.name, first.use).has_value());
    state.PutMark(state.keys().Subscription(id, first.name));
    account.record_.set_subscriptions(account.record_.subscriptions() + 1);
  }
  account.Save();
  return account;
}

bool Account::Exceeds(uint64_t quota_octets, uint64_t octets) const {
  if (quota_octets == 0) return false;
  return octets > quota_octets || record_.octets() > quota_octets - octets;
}

std::optional<MailboxId> Account::MailboxNamed(absl::string_view name) const {
  const auto id = state_->FindBytes(kv::kRecords, state_->keys().MailboxByName(id_, name));
  if (!id.has_value()) return std::nullopt;
  return DecodeMailboxId(*id);
}

std::optional<MailboxId> Account::MailboxFor(record::SpecialUse use) const {
  for (const State::Record& stored :
       state_->List(state_->keys().AllMailboxes(id_), kMaxMailboxesPerAccount)) {
    auto mailbox = ParseRecord<record::Mailbox>(stored.key, stored.value);
    CHECK_OK(mailbox.status());
    if (mailbox->special_use() == use) return MailboxOfKey(stored.key);
  }
  return std::nullopt;
}

std::optional<record::Mailbox> Account::FindMailbox(MailboxId mailbox) const {
  return state_->Find<record::Mailbox>(state_->keys().Mailbox(id_, mailbox));
}

MailboxId Account::NextMailboxId() {
  record_.set_last_mailbox_id(record_.last_mailbox_id() + 1);
  return MailboxId(record_.last_mailbox_id());
}

UidValidity Account::NextUidValidity() {
  constexpr int64_t kLast = std::numeric_limits<uint32_t>::max();
  // Leaves some to count on with after the year 2106.
  constexpr int64_t kLastFromTime = kLast - (int64_t{1} << 24);
  const int64_t seconds = state_->now_us() / 1000000;
  const int64_t floor = std::clamp<int64_t>(seconds, 1, kLastFromTime);
  const int64_t next = std::max<int64_t>(record_.last_uid_validity() + int64_t{1}, floor);
  if (next > kLast) return UidValidity(0);
  record_.set_last_uid_validity(static_cast<uint32_t>(next));
  return UidValidity(static_cast<uint32_t>(next));
}

bool Account::UidValiditiesUsedUp() const {
  return record_.last_uid_validity() == std::numeric_limits<uint32_t>::max();
}

void Account::PutName(absl::string_view name, MailboxId mailbox) {
  state_->PutBytes(kv::kRecords, state_->keys().MailboxByName(id_, name), EncodeMailboxId(mailbox));
}

std::optional<MailboxId> Account::AddMailbox(absl::string_view name, record::SpecialUse use) {
  const UidValidity validity = NextUidValidity();
  if (validity == UidValidity(0)) return std::nullopt;
  const MailboxId id = NextMailboxId();
  record::Mailbox mailbox;
  mailbox.set_name(std::string(name));
  mailbox.set_uid_validity(validity.value());
  mailbox.set_special_use(use);
  mailbox.set_created_us(state_->now_us());
  state_->Put(state_->keys().Mailbox(id_, id), mailbox);
  record::MailboxCounters counters;
  counters.set_uid_next(1);
  counters.set_highest_modseq(1);
  counters.set_recent_mark(1);
  state_->Put(state_->keys().Counters(id_, id), counters);
  PutName(name, id);
  record_.set_mailboxes(record_.mailboxes() + 1);
  return id;
}

void Account::AddPlaceholder(absl::string_view name) {
  const MailboxId id = NextMailboxId();
  record::Mailbox mailbox;
  mailbox.set_name(std::string(name));
  mailbox.set_placeholder(true);
  mailbox.set_created_us(state_->now_us());
  state_->Put(state_->keys().Mailbox(id_, id), mailbox);
  PutName(name, id);
  record_.set_mailboxes(record_.mailboxes() + 1);
}

void Account::AddParents(absl::string_view name) {
  for (absl::string_view above = ParentOf(name); !above.empty(); above = ParentOf(above)) {
    if (!MailboxNamed(above).has_value()) AddPlaceholder(above);
  }
}

uint64_t Account::CountMissingParents(absl::string_view name) const {
  uint64_t missing = 0;
  for (absl::string_view above = ParentOf(name); !above.empty(); above = ParentOf(above)) {
    if (!MailboxNamed(above).has_value()) ++missing;
  }
  return missing;
}

void Account::RemoveMailbox(MailboxId mailbox) {
  const auto record = state_->Get<record::Mailbox>(state_->keys().Mailbox(id_, mailbox));
  if (!record.placeholder()) {
    const auto counters =
        state_->Get<record::MailboxCounters>(state_->keys().Counters(id_, mailbox));
    CHECK_GE(record_.messages(), counters.messages());
    CHECK_GE(record_.octets(), counters.octets());
    record_.set_messages(record_.messages() - counters.messages());
    record_.set_octets(record_.octets() - counters.octets());
    state_->Delete(state_->keys().Counters(id_, mailbox));
    AddPurge(*state_, id_, mailbox);
    state_->changes().mailboxes.insert(MailboxChange{id_, mailbox});
  }
  state_->Delete(state_->keys().Mailbox(id_, mailbox));
  state_->Delete(state_->keys().MailboxByName(id_, record.name()));
  record_.set_mailboxes(record_.mailboxes() - 1);
}

void Account::SetName(MailboxId mailbox, absl::string_view name) {
  const std::string key = state_->keys().Mailbox(id_, mailbox);
  auto record = state_->Get<record::Mailbox>(key);
  state_->Delete(state_->keys().MailboxByName(id_, record.name()));
  record.set_name(std::string(name));
  state_->Put(key, record);
  PutName(name, mailbox);
}

bool Account::HasChildren(absl::string_view name) const {
  return !state_->Empty(state_->keys().NamesBelow(id_, name));
}

Result::Outcome Apply(State& state, const entry::CreateAccount& command, Result&) {
  if (command.account() == 0) return Result::MALFORMED;
  return Account::FindOrCreate(state, AccountId(command.account())).has_value()
             ? Result::OK
             : Result::NO_SUCH_ACCOUNT;
}

Result::Outcome Apply(State& state, const entry::DeleteAccount& command, Result&) {
  if (command.account() == 0) return Result::MALFORMED;
  const AccountId id(command.account());
  auto record = state.Find<record::Account>(state.keys().Account(id));
  if (record.has_value() && record->deleted()) return Result::OK;
  if (record.has_value()) {
    AddPurge(state, id, kWholeAccount);
    state.changes().mailboxes.insert(MailboxChange{id, MailboxId(0)});
  }
  record::Account marker;
  marker.set_deleted(true);
  state.Put(state.keys().Account(id), marker);
  return Result::OK;
}

Result::Outcome Apply(State& state, const entry::Purge& command, Result& result) {
  if (command.max_messages() == 0 || command.max_messages() > kMaxMessagesPerEntry) {
    return Result::MALFORMED;
  }
  entry::SweepResult& sweep = *result.mutable_sweep();
  size_t left = command.max_messages();
  while (left > 0) {
    const std::vector<State::Record> due = state.List(state.keys().AllPurges(), 1);
    if (due.empty()) return Result::OK;
    const size_t removed = PurgeStep(state, due[0].key, left);
    sweep.set_removed(sweep.removed() + static_cast<uint32_t>(removed));
    left -= std::min(left, std::max<size_t>(removed, 1));
  }
  sweep.set_more(!state.Empty(state.keys().AllPurges()));
  return Result::OK;
}

}  // namespace packetboat::model
