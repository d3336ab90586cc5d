#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/model/account.h"
#include "store/model/bodies.h"
#include "store/model/commands.h"
#include "store/model/limits.h"
#include "store/model/mailbox.h"
#include "store/model/names.h"
#include "store/model/types.h"

namespace packetboat::model {
namespace {

using entry::Result;

std::vector<std::string> KeywordsOf(const entry::FlagList& flags) {
  return std::vector<std::string>(flags.keywords().begin(), flags.keywords().end());
}

bool Wellformed(const entry::FlagList& flags) {
  if ((flags.system() & ~kAllSystemFlags) != 0) return false;
  if (static_cast<size_t>(flags.keywords_size()) > kMaxKeywordsPerMailbox) return false;
  return std::all_of(flags.keywords().begin(), flags.keywords().end(),
                     [](const std::string& keyword) { return WellformedKeyword(keyword); });
}

void SetKeywords(record::MessageFlags& flags, const std::vector<uint32_t>& numbers) {
  flags.mutable_keywords()->Assign(numbers.begin(), numbers.end());
}

// ------------------------------------------------------------------------------------------------

bool Wellformed(const entry::Append& command) {
  return command.account() != 0 && WellformedBody(command.body()) && Wellformed(command.flags()) &&
         command.prefix().size() <= kMaxPrefixBytes;
}

record::Message MessageFor(State& state, const entry::Append& command) {
  const int64_t date_us =
      command.has_internal_date_us() ? command.internal_date_us() : state.now_us();
  record::Message message;
  message.set_internal_date_us(std::min(date_us, state.now_us()));
  message.set_saved_us(state.now_us());
  message.set_prefix(command.prefix());
  message.set_body(Refer(state, command.body()).value());
  message.set_body_octets(command.body().octets());
  message.mutable_email_id()->set_shard(state.shard().value());
  message.mutable_email_id()->set_index(state.index().value());
  return message;
}

// ------------------------------------------------------------------------------------------------

bool Wellformed(const entry::StoreFlags& command) {
  return command.account() != 0 && command.mailbox() != 0 && WellformedUids(command.uids()) &&
         Wellformed(command.flags()) && entry::StoreFlags::Change_IsValid(command.change()) &&
         command.change() != entry::StoreFlags::CHANGE_UNSPECIFIED;
}

std::vector<uint32_t> Union(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  std::vector<uint32_t> all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

std::vector<uint32_t> Difference(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  std::vector<uint32_t> rest;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(rest));
  return rest;
}

// `flags` after the change; keywords are numbers of the mailbox.
record::MessageFlags Changed(record::MessageFlags flags, entry::StoreFlags::Change change,
                             uint32_t system, const std::vector<uint32_t>& keywords) {
  const std::vector<uint32_t> before(flags.keywords().begin(), flags.keywords().end());
  switch (change) {
    case entry::StoreFlags::ADD:
      flags.set_system(flags.system() | system);
      SetKeywords(flags, Union(before, keywords));
      break;
    case entry::StoreFlags::REMOVE:
      flags.set_system(flags.system() & ~system);
      SetKeywords(flags, Difference(before, keywords));
      break;
    default:
      flags.set_system(system);
      SetKeywords(flags, keywords);
      break;
  }
  return flags;
}

bool SameFlags(const record::MessageFlags& a, const record::MessageFlags& b) {
  return a.system() == b.system() && std::equal(a.keywords().begin(), a.keywords().end(),
                                                b.keywords().begin(), b.keywords().end());
}

void StoreOn(Mailbox& mailbox, const entry::StoreFlags& command,
             const std::vector<uint32_t>& keywords, const std::vector<StoredMessage>& messages,
             entry::StoreFlagsResult& result) {
  for (const StoredMessage& stored : messages) {
    if (command.has_unchanged_since() && stored.flags.modseq() > command.unchanged_since()) {
      AddUid(*result.mutable_modified(), stored.uid);
      continue;
    }
    record::MessageFlags flags =
        Changed(stored.flags, command.change(), command.flags().system(), keywords);
    if (SameFlags(flags, stored.flags)) continue;
    if (result.modseq() == 0) result.set_modseq(mailbox.RaiseModSeq().value());
    flags.set_modseq(result.modseq());
    mailbox.SetFlags(stored, flags);
    AddUid(*result.mutable_changed(), stored.uid);
  }
}

// ------------------------------------------------------------------------------------------------

bool Wellformed(const entry::Expunge& command) {
  return command.account() != 0 && command.mailbox() != 0 && WellformedUids(command.uids());
}

// ------------------------------------------------------------------------------------------------

bool Wellformed(const entry::Copy& command) {
  return command.account() != 0 && command.source() != 0 && WellformedUids(command.uids());
}

// One Copy while it is applied. Source and destination may be the same mailbox.
class Copying {
 public:
  Copying(State& state, const entry::Copy& command, Account& account, Mailbox& source,
          Mailbox& destination)
      : state_(state),
        command_(command),
        account_(account),
        source_(source),
        destination_(destination) {}

  Outcome Run(entry::CopyResult& result) {
    const auto found = source_.Collect(command_.uids(), kMaxMessagesPerEntry);
    if (!found.has_value()) return Result::MALFORMED;
    if (command_.require_all() && found->size() != CountUids(command_.uids())) {
      return Result::EXPUNGED;
    }
    result.set_destination(destination_.id().value());
    result.set_uid_validity(destination_.record().uid_validity());
    if (found->empty()) return Result::OK;
    if (const Outcome outcome = Prepare(*found); outcome != Result::OK) return outcome;

    Add(*found, result);
    if (command_.move()) TakeOut(*found, result);
    return Result::OK;
  }

 private:
  // Everything that can fail.
  Outcome Prepare(const std::vector<StoredMessage>& found) {
    uint64_t octets = 0;
    std::vector<std::string> keywords;
    for (const StoredMessage& stored : found) {
      messages_.push_back(source_.MessageOf(stored));
      octets += SizeOf(messages_.back());
      for (std::string& keyword : source_.KeywordsOf(stored.flags)) {
        keywords.push_back(std::move(keyword));
      }
    }
    if (!command_.move() && account_.Exceeds(command_.quota_octets(), octets)) {
      return Result::OVER_QUOTA;
    }
    if (!destination_.HasUids(found.size())) return Result::LIMIT;
    std::sort(keywords.begin(), keywords.end());
    keywords.erase(std::unique(keywords.begin(), keywords.end()), keywords.end());
    return destination_.Intern(keywords).has_value() ? Result::OK : Result::LIMIT;
  }

  void Add(const std::vector<StoredMessage>& found, entry::CopyResult& result) {
    const ModSeq modseq = destination_.RaiseModSeq();
    result.set_modseq(modseq.value());
    result.set_first_uid(destination_.counters().uid_next());
    result.set_count(static_cast<uint32_t>(found.size()));
    for (size_t i = 0; i < found.size(); ++i) {
      record::MessageFlags flags = found[i].flags;
      flags.set_modseq(modseq.value());
      SetKeywords(flags, destination_.NumbersOf(source_.KeywordsOf(found[i].flags)));
      messages_[i].set_saved_us(state_.now_us());
      AddReference(state_, RaftIndex(messages_[i].body()));
      destination_.Add(messages_[i], flags);
      AddUid(*result.mutable_source(), found[i].uid);
    }
  }

  void TakeOut(const std::vector<StoredMessage>& found, const entry::CopyResult& result) {
    for (const StoredMessage& stored : found) source_.Remove(stored);
    source_.Bury(result.source(), source_.RaiseModSeq());
  }

  State& state_;
  const entry::Copy& command_;
  Account& account_;
  Mailbox& source_;
  Mailbox& destination_;
  std::vector<record::Message> messages_;
};

}  // namespace

Outcome Apply(State& state, const entry::Append& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  std::optional<Mailbox> mailbox = Mailbox::FindByName(state, *account, command.mailbox());
  if (!mailbox.has_value()) return Result::NO_SUCH_DESTINATION;
  const uint64_t octets = command.body().octets() + command.prefix().size();
  if (account->Exceeds(command.quota_octets(), octets)) return Result::OVER_QUOTA;
  if (!mailbox->HasUids(1)) return Result::LIMIT;
  const BodyState body = Look(state, command.body());
  if (body == BodyState::kMalformed) return Result::MALFORMED;
  if (body == BodyState::kMissing) return Result::BODY_MISSING;
  const auto keywords = mailbox->Intern(KeywordsOf(command.flags()));
  if (!keywords.has_value()) return Result::LIMIT;

  record::MessageFlags flags;
  flags.set_modseq(mailbox->RaiseModSeq().value());
  flags.set_system(command.flags().system());
  SetKeywords(flags, *keywords);
  entry::AppendResult& append = *result.mutable_append();
  append.set_mailbox(mailbox->id().value());
  append.set_uid_validity(mailbox->record().uid_validity());
  append.set_modseq(flags.modseq());
  append.set_uid(mailbox->Add(MessageFor(state, command), flags).value());
  mailbox->Save();
  account->Save();
  return Result::OK;
}

Outcome Apply(State& state, const entry::StoreFlags& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  std::optional<Mailbox> mailbox = Mailbox::Find(state, *account, MailboxId(command.mailbox()));
  if (!mailbox.has_value()) return Result::NO_SUCH_MAILBOX;
  const auto found = mailbox->Collect(command.uids(), kMaxMessagesPerEntry);
  if (!found.has_value()) return Result::MALFORMED;
  entry::StoreFlagsResult& stored = *result.mutable_store_flags();
  if (found->empty()) return Result::OK;

  const std::vector<std::string> named = KeywordsOf(command.flags());
  const auto keywords = command.change() == entry::StoreFlags::REMOVE
                            ? std::optional(mailbox->NumbersOf(named))
                            : mailbox->Intern(named);
  if (!keywords.has_value()) return Result::LIMIT;
  StoreOn(*mailbox, command, *keywords, *found, stored);
  if (!stored.changed().empty()) mailbox->Save();
  return Result::OK;
}

Outcome Apply(State& state, const entry::Expunge& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  std::optional<Mailbox> mailbox = Mailbox::Find(state, *account, MailboxId(command.mailbox()));
  if (!mailbox.has_value()) return Result::NO_SUCH_MAILBOX;
  const auto found = mailbox->Collect(command.uids(), kMaxMessagesPerEntry);
  if (!found.has_value()) return Result::MALFORMED;

  entry::ExpungeResult& expunge = *result.mutable_expunge();
  for (const StoredMessage& stored : *found) {
    if (command.only_deleted() && (stored.flags.system() & kDeleted) == 0) continue;
    mailbox->Remove(stored);
    AddUid(*expunge.mutable_expunged(), stored.uid);
  }
  if (expunge.expunged().empty()) return Result::OK;
  const ModSeq modseq = mailbox->RaiseModSeq();
  expunge.set_modseq(modseq.value());
  mailbox->Bury(expunge.expunged(), modseq);
  mailbox->Save();
  account->Save();
  return Result::OK;
}

Outcome Apply(State& state, const entry::Copy& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  std::optional<Mailbox> source = Mailbox::Find(state, *account, MailboxId(command.source()));
  if (!source.has_value()) return Result::NO_SUCH_MAILBOX;
  std::optional<Mailbox> other = Mailbox::FindByName(state, *account, command.destination());
  if (!other.has_value()) return Result::NO_SUCH_DESTINATION;
  const bool same = other->id() == source->id();
  Mailbox& destination = same ? *source : *other;

  const Outcome outcome =
      Copying(state, command, *account, *source, destination).Run(*result.mutable_copy());
  if (outcome != Result::OK) return outcome;
  source->Save();
  if (!same) destination.Save();
  account->Save();
  return Result::OK;
}

Outcome Apply(State& state, const entry::RecentMark& command, Result&) {
  if (command.account() == 0 || command.mailbox() == 0) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  std::optional<Mailbox> mailbox = Mailbox::Find(state, *account, MailboxId(command.mailbox()));
  if (!mailbox.has_value()) return Result::NO_SUCH_MAILBOX;
  record::MailboxCounters& counters = mailbox->counters();
  if (command.uid() > counters.uid_next()) return Result::MALFORMED;
  if (command.uid() <= counters.recent_mark()) return Result::OK;
  counters.set_recent_mark(command.uid());
  mailbox->Save();
  return Result::OK;
}

Outcome Apply(State& state, const entry::ExpireTombstones& command, Result& result) {
  if (command.max() == 0 || command.max() > kMaxSweptPerEntry) return Result::MALFORMED;
  entry::SweepResult& sweep = *result.mutable_sweep();
  for (const State::Record& due : state.List(state.keys().TombstoneExpiries(), command.max() + 1)) {
    KeyReader key(due.key, kShardKeyPrefix);
    if (key.Time() >= command.before_us()) break;
    if (sweep.removed() == command.max()) {
      sweep.set_more(true);
      break;
    }
    const AccountId account(key.U64());
    const MailboxId mailbox(key.U64());
    const ModSeq modseq(key.U64());
    state.Delete(state.keys().Tombstone(account, mailbox, modseq, Uid(key.U32())));
    state.Delete(due.key);
    sweep.set_removed(sweep.removed() + 1);
    const std::string at = state.keys().Counters(account, mailbox);
    auto counters = state.Find<record::MailboxCounters>(at);
    if (!counters.has_value() || counters->floor_modseq() >= modseq.value()) continue;
    counters->set_floor_modseq(modseq.value());
    state.Put(at, *counters);
  }
  return Result::OK;
}

}  // namespace packetboat::model
