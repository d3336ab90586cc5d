#include "store/model/mailbox.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "base/check.h"
#include "store/model/bodies.h"
#include "store/model/limits.h"
#include "store/model/names.h"
#include "store/model/types.h"

namespace packetboat::model {
namespace {

// Adds one to a counter, or takes one off.
void Step(uint64_t& counter, uint64_t by, bool up) {
  if (!up) CHECK_GE(counter, by);
  counter = up ? counter + by : counter - by;
}

std::optional<uint32_t> FindKeyword(const record::Mailbox& mailbox, const std::string& keyword) {
  for (int i = 0; i < mailbox.keywords_size(); ++i) {
    if (absl::EqualsIgnoreCase(mailbox.keywords(i), keyword)) return static_cast<uint32_t>(i);
  }
  return std::nullopt;
}

void SortUnique(std::vector<uint32_t>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

uint64_t SizeOf(const record::Message& message) {
  return message.prefix().size() + message.body_octets();
}

std::optional<Mailbox> Mailbox::Find(State& state, Account& account, MailboxId id) {
  std::optional<record::Mailbox> record = account.FindMailbox(id);
  if (!record.has_value() || record->placeholder()) return std::nullopt;
  auto counters = state.Get<record::MailboxCounters>(state.keys().Counters(account.id(), id));
  return Mailbox(state, account, id, *std::move(record), std::move(counters));
}

std::optional<Mailbox> Mailbox::FindByName(State& state, Account& account, absl::string_view name) {
  const std::optional<std::string> canonical = CanonicalMailboxName(name);
  if (!canonical.has_value()) return std::nullopt;
  const std::optional<MailboxId> id = account.MailboxNamed(*canonical);
  return id.has_value() ? Find(state, account, *id) : std::nullopt;
}

void Mailbox::Save() {
  if (record_changed_) state_->Put(state_->keys().Mailbox(account_->id(), id_), record_);
  state_->Put(state_->keys().Counters(account_->id(), id_), counters_);
}

std::optional<std::vector<StoredMessage>> Mailbox::Collect(const UidRanges& ranges,
                                                           size_t max) const {
  std::vector<StoredMessage> found;
  if (ranges.empty()) return found;
  MessageCursor cursor(state_->reader(), state_->keys(), source(), Uid(ranges[0].first()));
  for (const record::UidRange& range : ranges) {
    for (cursor.Seek(Uid(range.first()));
         cursor.Valid() && cursor.message().uid.value() <= range.last(); cursor.Next()) {
      if (found.size() == max) return std::nullopt;
      found.push_back(cursor.message());
    }
  }
  CHECK_OK(cursor.status());
  return found;
}

record::Message Mailbox::MessageOf(const StoredMessage& stored) const {
  return state_->Get<record::Message>(
      state_->keys().Message(account_->id(), stored.table, stored.stored_uid));
}

ModSeq Mailbox::RaiseModSeq() {
  CHECK_LT(counters_.highest_modseq(), uint64_t{1} << 62);
  counters_.set_highest_modseq(counters_.highest_modseq() + 1);
  state_->changes().mailboxes.insert(MailboxChange{account_->id(), id_});
  return ModSeq(counters_.highest_modseq());
}

// The last number is left out: UIDNEXT has to be a UID too (RFC 3501 s9, nz-number).
bool Mailbox::HasUids(uint64_t count) const {
  return count <= std::numeric_limits<uint32_t>::max() - counters_.uid_next();
}

// As if the counter were in memory alone.
void Mailbox::ForgetNextUid() {
  if (!state_->bugs().uid_known.emplace(account_->id(), id_).second) return;
  MessageCursor cursor(state_->reader(), state_->keys(), source(), Uid(1));
  uint32_t next = 1;
  for (; cursor.Valid(); cursor.Next()) next = cursor.message().uid.value() + 1;
  counters_.set_uid_next(next);
}

Uid Mailbox::TakeUids(uint32_t count) {
  CHECK(HasUids(count));
  if (state_->bugs().reuse_uid_after_restart) ForgetNextUid();
  const Uid first(counters_.uid_next());
  counters_.set_uid_next(counters_.uid_next() + count);
  return first;
}

std::optional<std::vector<uint32_t>> Mailbox::Intern(const std::vector<std::string>& keywords) {
  std::vector<uint32_t> numbers;
  record::Mailbox record = record_;
  for (const std::string& keyword : keywords) {
    if (const std::optional<uint32_t> known = FindKeyword(record, keyword)) {
      numbers.push_back(*known);
      continue;
    }
    if (static_cast<size_t>(record.keywords_size()) == kMaxKeywordsPerMailbox) return std::nullopt;
    numbers.push_back(static_cast<uint32_t>(record.keywords_size()));
    record.add_keywords(keyword);
  }
  if (record.keywords_size() != record_.keywords_size()) mutable_record() = std::move(record);
  SortUnique(numbers);
  return numbers;
}

std::vector<uint32_t> Mailbox::NumbersOf(const std::vector<std::string>& keywords) const {
  std::vector<uint32_t> numbers;
  for (const std::string& keyword : keywords) {
    if (const std::optional<uint32_t> known = FindKeyword(record_, keyword)) {
      numbers.push_back(*known);
    }
  }
  SortUnique(numbers);
  return numbers;
}

std::vector<std::string> Mailbox::KeywordsOf(const record::MessageFlags& flags) const {
  std::vector<std::string> keywords;
  for (const uint32_t number : flags.keywords()) {
    CHECK_LT(number, static_cast<uint32_t>(record_.keywords_size()));
    keywords.push_back(record_.keywords(static_cast<int>(number)));
  }
  return keywords;
}

void Mailbox::CountFlags(const record::MessageFlags& flags, bool in) {
  if ((flags.system() & kSeen) == 0) {
    uint64_t unseen = counters_.unseen();
    Step(unseen, 1, in);
    counters_.set_unseen(unseen);
  }
  if ((flags.system() & kDeleted) != 0) {
    uint64_t deleted = counters_.deleted();
    Step(deleted, 1, in);
    counters_.set_deleted(deleted);
  }
}

void Mailbox::Count(const record::Message& message, const record::MessageFlags& flags, bool in) {
  uint64_t messages = counters_.messages();
  uint64_t octets = counters_.octets();
  uint64_t account_messages = account_->record().messages();
  uint64_t account_octets = account_->record().octets();
  Step(messages, 1, in);
  Step(octets, SizeOf(message), in);
  Step(account_messages, 1, in);
  Step(account_octets, SizeOf(message), in);
  counters_.set_messages(messages);
  counters_.set_octets(octets);
  account_->record().set_messages(account_messages);
  account_->record().set_octets(account_octets);
  CountFlags(flags, in);
}

Uid Mailbox::Add(const record::Message& message, record::MessageFlags flags) {
  const Uid uid = TakeUids(1);
  const Keys& keys = state_->keys();
  state_->Put(keys.Message(account_->id(), id_, uid), message);
  state_->Put(keys.Flags(account_->id(), id_, uid), flags);
  state_->PutMark(keys.Change(account_->id(), id_, ModSeq(flags.modseq()), uid));
  Count(message, flags, true);
  return uid;
}

void Mailbox::SetFlags(const StoredMessage& stored, const record::MessageFlags& flags) {
  DisturbMove(stored.uid);
  const StoredMessage home = Unfold(stored);
  const Keys& keys = state_->keys();
  state_->Delete(keys.Change(account_->id(), id_, ModSeq(home.flags.modseq()), home.uid));
  state_->Put(keys.Flags(account_->id(), id_, home.uid), flags);
  state_->PutMark(keys.Change(account_->id(), id_, ModSeq(flags.modseq()), home.uid));
  CountFlags(home.flags, false);
  CountFlags(flags, true);
}

void Mailbox::Remove(const StoredMessage& stored) {
  DisturbMove(stored.uid);
  Count(MessageOf(stored), stored.flags, false);
  Erase(stored);
}

void Mailbox::Erase(const StoredMessage& stored) {
  const RaftIndex body(MessageOf(stored).body());
  const Keys& keys = state_->keys();
  state_->Delete(keys.Message(account_->id(), stored.table, stored.stored_uid));
  state_->Delete(keys.Flags(account_->id(), stored.table, stored.stored_uid));
  if (stored.table == id_) {
    state_->Delete(keys.Change(account_->id(), id_, ModSeq(stored.flags.modseq()), stored.uid));
  }
  DropReference(*state_, body);
}

void Mailbox::Bury(const UidRanges& uids, ModSeq modseq) {
  CHECK(!uids.empty());
  record::Tombstone tombstone;
  *tombstone.mutable_uids() = uids;
  tombstone.set_expunged_us(state_->now_us());
  const Uid first(uids[0].first());
  state_->Put(state_->keys().Tombstone(account_->id(), id_, modseq, first), tombstone);
  state_->PutMark(
      state_->keys().TombstoneExpiry(state_->now_us(), account_->id(), id_, modseq, first));
}

StoredMessage Mailbox::Unfold(const StoredMessage& stored) {
  if (stored.table == id_) return stored;
  const Keys& keys = state_->keys();
  const record::Message message = MessageOf(stored);
  state_->Delete(keys.Message(account_->id(), stored.table, stored.stored_uid));
  state_->Delete(keys.Flags(account_->id(), stored.table, stored.stored_uid));
  state_->Put(keys.Message(account_->id(), id_, stored.uid), message);
  state_->Put(keys.Flags(account_->id(), id_, stored.uid), stored.flags);
  state_->PutMark(keys.Change(account_->id(), id_, ModSeq(stored.flags.modseq()), stored.uid));
  return StoredMessage{stored.uid, stored.flags, id_, stored.uid};
}

void Mailbox::DisturbMove(Uid uid) {
  if (record_.moving_stage() == 0) return;
  const MailboxId stage(record_.moving_stage());
  if (!state_->Has(state_->keys().StagedSource(account_->id(), stage, uid))) return;
  mutable_record().clear_moving_stage();
}

}  // namespace packetboat::model
