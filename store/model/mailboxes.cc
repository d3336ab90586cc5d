#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "store/model/account.h"
#include "store/model/commands.h"
#include "store/model/limits.h"
#include "store/model/names.h"

namespace packetboat::model {
namespace {

using entry::Result;

bool HasRoom(const Account& account, uint64_t names) {
  return account.record().mailboxes() + names <= kMaxMailboxesPerAccount;
}

struct Renaming {
  MailboxId id;
  std::string to;
};

// The mailbox and all below it, with their new names. Nothing when one becomes too long or too
// deep.
std::optional<std::vector<Renaming>> PlanRename(const State& state, const Account& account,
                                                MailboxId id, const std::string& from,
                                                const std::string& to) {
  std::vector<Renaming> plan{{id, to}};
  for (const State::Record& stored :
       state.List(state.keys().NamesBelow(account.id(), from), kMaxMailboxesPerAccount)) {
    const absl::string_view name = absl::string_view(stored.key).substr(kAccountKeyPrefix);
    std::string renamed = absl::StrCat(to, name.substr(from.size()));
    if (CanonicalMailboxName(renamed) != renamed) return std::nullopt;
    plan.push_back(Renaming{DecodeMailboxId(stored.value), std::move(renamed)});
  }
  return plan;
}

// INBOX gives its messages, with their UIDs and UIDVALIDITY, to the new name, and is a new, empty
// mailbox from then on; its children stay (RFC 3501 s6.3.5). In a constant number of records: the
// mailbox moves, not its messages, and sessions that have it open follow it.
void RenameInbox(Account& account, MailboxId inbox, const std::string& to) {
  account.SetName(inbox, to);
  const auto fresh = account.AddMailbox(kInbox, record::SPECIAL_USE_UNSPECIFIED);
  CHECK(fresh.has_value());
  account.AddParents(to);
}

// What both ends of a rename have to be, in canonical form.
struct Names {
  std::string from;
  std::string to;
};

Outcome CheckRename(const Account& account, const Names& names, std::optional<MailboxId>& id) {
  id = account.MailboxNamed(names.from);
  if (!id.has_value()) return Result::NO_SUCH_MAILBOX;
  if (account.MailboxNamed(names.to).has_value()) return Result::ALREADY_EXISTS;
  if (names.from != kInbox && IsBelow(names.to, names.from)) return Result::NOT_ALLOWED;
  // A new INBOX takes a name too.
  const uint64_t added = account.CountMissingParents(names.to) + (names.from == kInbox ? 1 : 0);
  return HasRoom(account, added) ? Result::OK : Result::LIMIT;
}

}  // namespace

Outcome Apply(State& state, const entry::CreateMailbox& command, Result& result) {
  if (command.account() == 0 || !record::SpecialUse_IsValid(command.special_use())) {
    return Result::MALFORMED;
  }
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  const std::optional<std::string> name = CanonicalMailboxName(command.name());
  if (!name.has_value()) return Result::NOT_ALLOWED;
  const std::optional<MailboxId> there = account->MailboxNamed(*name);
  if (there.has_value() && !account->FindMailbox(*there)->placeholder()) {
    return Result::ALREADY_EXISTS;
  }
  const record::SpecialUse use = command.special_use();
  if (use != record::SPECIAL_USE_UNSPECIFIED && account->MailboxFor(use).has_value()) {
    return Result::USE_TAKEN;
  }
  if (!there.has_value() && !HasRoom(*account, 1 + account->CountMissingParents(*name))) {
    return Result::LIMIT;
  }
  if (account->UidValiditiesUsedUp()) return Result::LIMIT;

  if (there.has_value()) account->RemoveMailbox(*there);
  account->AddParents(*name);
  const std::optional<MailboxId> id = account->AddMailbox(*name, use);
  CHECK(id.has_value());
  result.mutable_mailbox()->set_mailbox(id->value());
  result.mutable_mailbox()->set_uid_validity(account->record().last_uid_validity());
  account->Save();
  return Result::OK;
}

Outcome Apply(State& state, const entry::DeleteMailbox& command, Result& result) {
  if (command.account() == 0) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  const std::optional<std::string> name = CanonicalMailboxName(command.name());
  if (!name.has_value()) return Result::NO_SUCH_MAILBOX;
  if (*name == kInbox) return Result::NOT_ALLOWED;
  const std::optional<MailboxId> id = account->MailboxNamed(*name);
  if (!id.has_value()) return Result::NO_SUCH_MAILBOX;
  const bool has_children = account->HasChildren(*name);
  if (has_children && account->FindMailbox(*id)->placeholder()) return Result::NOT_ALLOWED;
  account->RemoveMailbox(*id);
  if (has_children) account->AddPlaceholder(*name);
  account->Save();
  result.mutable_mailbox()->set_mailbox(id->value());
  return Result::OK;
}

Outcome Apply(State& state, const entry::RenameMailbox& command, Result& result) {
  if (command.account() == 0) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  const std::optional<std::string> from = CanonicalMailboxName(command.from());
  const std::optional<std::string> to = CanonicalMailboxName(command.to());
  if (!from.has_value()) return Result::NO_SUCH_MAILBOX;
  if (!to.has_value()) return Result::NOT_ALLOWED;
  std::optional<MailboxId> id;
  if (const Outcome checked = CheckRename(*account, Names{*from, *to}, id); checked != Result::OK) {
    return checked;
  }
  result.mutable_mailbox()->set_mailbox(id->value());
  if (*from == kInbox) {
    if (account->UidValiditiesUsedUp()) return Result::LIMIT;
    RenameInbox(*account, *id, *to);
  } else {
    const auto plan = PlanRename(state, *account, *id, *from, *to);
    if (!plan.has_value()) return Result::NOT_ALLOWED;
    for (const Renaming& renaming : *plan) account->SetName(renaming.id, renaming.to);
    account->AddParents(*to);
  }
  account->Save();
  return Result::OK;
}

Outcome Apply(State& state, const entry::Subscribe& command, Result&) {
  if (command.account() == 0) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  const std::optional<std::string> name = CanonicalMailboxName(command.name());
  if (!name.has_value()) return Result::NOT_ALLOWED;
  const std::string key = state.keys().Subscription(account->id(), *name);
  if (state.Has(key) == command.subscribed()) return Result::OK;
  const uint64_t before = account->record().subscriptions();
  if (command.subscribed()) {
    if (before == kMaxSubscriptionsPerAccount) return Result::LIMIT;
    state.PutMark(key);
    account->record().set_subscriptions(before + 1);
  } else {
    state.Delete(key);
    account->record().set_subscriptions(before - 1);
  }
  account->Save();
  return Result::OK;
}

}  // namespace packetboat::model
