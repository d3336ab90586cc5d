#include "tests/sim/oracles/history.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace packetboat::sim {
namespace {

Operation During(const History::Interval& when) {
  Operation operation;
  operation.called = when.called;
  operation.returned = when.returned;
  return operation;
}

const char* NameOf(uint32_t scope) { return scope == History::kInbox ? "INBOX" : "Archive"; }

constexpr MessageFlags kAllFlags[] = {kSeen, kFlagged};

Item FlagItem(uint32_t scope, uint32_t uid, MessageFlags flag) { return {16 * scope + flag, uid}; }

std::vector<Item> FlagItems(uint32_t scope, uint32_t uid, MessageFlags flags) {
  std::vector<Item> items;
  for (const MessageFlags flag : kAllFlags) {
    if ((flags & flag) != 0) items.push_back(FlagItem(scope, uid, flag));
  }
  return items;
}

// All flags of one message, those that are set and those that are not.
void SeeFlags(Operation& operation, uint32_t scope, uint32_t uid, MessageFlags flags) {
  for (const MessageFlags flag : kAllFlags) {
    std::vector<Item>& where = (flags & flag) != 0 ? operation.saw : operation.missed;
    where.push_back(FlagItem(scope, uid, flag));
  }
}

std::string FlagText(MessageFlags flags) {
  return absl::StrCat((flags & kSeen) != 0 ? "s" : "", (flags & kFlagged) != 0 ? "f" : "");
}

Item NameItem(const std::string& name) {
  const std::vector<std::string>& names = History::Names();
  const auto found = std::find(names.begin(), names.end(), name);
  return {History::kNames, static_cast<uint64_t>(found - names.begin())};
}

const char* OutcomeText(History::Outcome outcome) {
  switch (outcome) {
    case History::Outcome::kDone:
      return "done";
    case History::Outcome::kExists:
      return "it exists";
    case History::Outcome::kMissing:
      return "it is missing";
    default:
      return "unknown";
  }
}

}  // namespace

uint32_t History::ScopeOf(const std::string& mailbox) {
  return mailbox == "INBOX" ? kInbox : mailbox == "Archive" ? kArchive : 0;
}

const std::vector<std::string>& History::Names() {
  static const auto* const kAll = new std::vector<std::string>{"Lists", "Old", "Work"};
  return *kAll;
}

void History::Look(AccountId account, const std::string& mailbox, Interval when,
                   const std::vector<ImapView::MessagePtr>& seen) {
  Seen look{account, ScopeOf(mailbox), when, {}};
  for (const ImapView::MessagePtr& message : seen) {
    look.messages.push_back({message, message->flags});
  }
  looks_.push_back(std::move(look));
}

void History::Remove(AccountId account, const std::string& mailbox, uint32_t uid, Interval when) {
  Operation operation = During(when);
  operation.removes.push_back({ScopeOf(mailbox), uid});
  operation.text = absl::StrCat("expunge ", mailbox, " ", uid);
  others_.push_back({account, std::move(operation)});
}

void History::SetFlags(AccountId account, const std::string& mailbox, uint32_t uid,
                       MessageFlags flags, bool set, Interval when) {
  Operation operation = During(when);
  const uint32_t scope = ScopeOf(mailbox);
  operation.only_with = Item{scope, uid};
  (set ? operation.adds : operation.removes) = FlagItems(scope, uid, flags);
  operation.text =
      absl::StrCat(set ? "set " : "clear ", FlagText(flags), " of ", mailbox, " ", uid);
  others_.push_back({account, std::move(operation)});
}

void History::Append(AccountId account, const std::string& octets, MessageFlags flags,
                     Interval when) {
  appends_.push_back({account, octets, flags, when});
}

void History::Create(AccountId account, const std::string& name, absl::Duration called,
                     absl::Duration returned, Outcome outcome) {
  Operation operation = During({called, returned});
  if (outcome == Outcome::kUnknown) operation.returned = std::nullopt;
  if (outcome == Outcome::kDone) operation.missed.push_back(NameItem(name));
  if (outcome == Outcome::kExists) operation.saw.push_back(NameItem(name));
  if (outcome != Outcome::kExists) operation.adds.push_back(NameItem(name));
  operation.text = absl::StrCat("create ", name, ": ", OutcomeText(outcome));
  others_.push_back({account, std::move(operation)});
}

void History::Delete(AccountId account, const std::string& name, absl::Duration called,
                     absl::Duration returned, Outcome outcome) {
  Operation operation = During({called, returned});
  if (outcome == Outcome::kUnknown) operation.returned = std::nullopt;
  if (outcome == Outcome::kDone) operation.saw.push_back(NameItem(name));
  if (outcome == Outcome::kMissing) operation.missed.push_back(NameItem(name));
  if (outcome != Outcome::kMissing) operation.removes.push_back(NameItem(name));
  operation.text = absl::StrCat("delete ", name, ": ", OutcomeText(outcome));
  others_.push_back({account, std::move(operation)});
}

void History::Rename(AccountId account, const std::string& from, const std::string& to,
                     absl::Duration called, absl::Duration returned, Outcome outcome) {
  Operation operation = During({called, returned});
  operation.text = absl::StrCat("rename ", from, " to ", to, ": ", OutcomeText(outcome));
  if (outcome == Outcome::kExists) operation.saw.push_back(NameItem(to));
  if (outcome == Outcome::kMissing) operation.missed.push_back(NameItem(from));
  if (outcome == Outcome::kDone) {
    operation.saw.push_back(NameItem(from));
    operation.missed.push_back(NameItem(to));
  }
  if (outcome == Outcome::kUnknown) {
    operation.returned = std::nullopt;
    operation.only_with = NameItem(from);
    operation.only_without = NameItem(to);
  }
  if (outcome == Outcome::kDone || outcome == Outcome::kUnknown) {
    operation.removes.push_back(NameItem(from));
    operation.adds.push_back(NameItem(to));
  }
  others_.push_back({account, std::move(operation)});
}

void History::List(AccountId account, const std::set<std::string>& names, Interval when) {
  Operation operation = During(when);
  operation.look = Operation::Look{kNames, {}};
  for (const std::string& name : names) operation.look->items.insert(NameItem(name));
  operation.text = absl::StrCat("names: ", absl::StrJoin(names, " "));
  others_.push_back({account, std::move(operation)});
}

bool History::MayTransfer(AccountId account, uint32_t uid) {
  return transferred_.insert({account, uid}).second;
}

void History::Transfer(AccountId account, uint32_t uid, bool move, Interval when,
                       std::optional<uint32_t> became) {
  transfers_.push_back({account, uid, move, when, became});
}

void History::Deliver(AccountId account, uint32_t uid, Interval when, const std::string& text) {
  Operation operation = During(when);
  operation.adds.push_back({kInbox, uid});
  operation.text = absl::StrCat("deliver ", text, " as ", uid);
  others_.push_back({account, std::move(operation)});
}

void History::OnEntry(const entry::Entry& entry, const entry::Result& result) {
  if (entry.has_append()) {
    uid_of_append_[{AccountId(entry.append().account()), entry.append().body().whole()}] =
        result.append().uid();
  } else if (entry.has_copy() && result.copy().count() == 1) {
    uid_of_copy_[{AccountId(entry.copy().account()), result.copy().source(0).first()}] =
        result.copy().first_uid();
  }
}

void History::Final(AccountId account, uint32_t scope,
                    const std::map<uint32_t, MessageFlags>& messages, absl::Duration now,
                    const std::string& node) {
  Operation operation = During({now, now});
  operation.look = Operation::Look{scope, {}};
  operation.text = absl::StrCat(node, " holds ", NameOf(scope), " in the end:");
  for (const auto& [uid, flags] : messages) {
    operation.look->items.insert({scope, uid});
    SeeFlags(operation, scope, uid, flags);
    absl::StrAppend(&operation.text, " ", uid, FlagText(flags));
  }
  others_.push_back({account, std::move(operation)});
}

std::optional<Operation> History::FromSeen(const Seen& seen) const {
  Operation operation = During(seen.when);
  operation.look = Operation::Look{seen.scope, {}};
  operation.text = absl::StrCat("look ", NameOf(seen.scope), ":");
  for (const auto& [message, flags] : seen.messages) {
    // The connection ended before the client could ask: it cannot say what it saw.
    if (!message->uid.has_value()) return std::nullopt;
    operation.look->items.insert({seen.scope, *message->uid});
    absl::StrAppend(&operation.text, " ", *message->uid,
                    flags.has_value() ? FlagText(*flags) : "?");
    if (flags.has_value()) SeeFlags(operation, seen.scope, *message->uid, *flags);
  }
  return operation;
}

std::optional<Operation> History::FromAppended(const Appended& appended) const {
  const auto uid = uid_of_append_.find({appended.account, appended.octets});
  if (uid == uid_of_append_.end()) return std::nullopt;
  Operation operation = During(appended.when);
  operation.adds = FlagItems(kInbox, uid->second, appended.flags);
  operation.adds.push_back({kInbox, uid->second});
  operation.text = absl::StrCat("append as ", uid->second, FlagText(appended.flags));
  return operation;
}

std::optional<Operation> History::FromMoved(const Moved& moved) const {
  Operation operation = During(moved.when);
  const Item from{kInbox, moved.uid};
  std::optional<uint32_t> became = moved.became;
  if (!became.has_value()) {
    const auto copied = uid_of_copy_.find({moved.account, moved.uid});
    // It never took effect.
    if (copied == uid_of_copy_.end()) return std::nullopt;
    became = copied->second;
  }
  operation.text = absl::StrCat(moved.move ? "move " : "copy ", moved.uid, " as ", *became);
  if (*became == 0) {
    operation.missed.push_back(from);
    return operation;
  }
  operation.saw.push_back(from);
  if (moved.move) operation.removes.push_back(from);
  operation.adds.push_back({kArchive, *became});
  for (const MessageFlags flag : kAllFlags) {
    operation.copies.push_back(
        {FlagItem(kInbox, moved.uid, flag), FlagItem(kArchive, *became, flag)});
  }
  return operation;
}

std::map<AccountId, std::vector<Operation>> History::Operations() const {
  std::map<AccountId, std::vector<Operation>> by_account;
  for (const auto& [account, operation] : others_) by_account[account].push_back(operation);
  for (const Seen& seen : looks_) {
    if (auto operation = FromSeen(seen)) by_account[seen.account].push_back(*std::move(operation));
  }
  for (const Appended& appended : appends_) {
    if (auto operation = FromAppended(appended)) {
      by_account[appended.account].push_back(*std::move(operation));
    }
  }
  for (const Moved& moved : transfers_) {
    if (auto operation = FromMoved(moved)) {
      by_account[moved.account].push_back(*std::move(operation));
    }
  }
  return by_account;
}

}  // namespace packetboat::sim
