#include "tests/sim/oracles/history.h"

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

}  // namespace

uint32_t History::ScopeOf(const std::string& mailbox) {
  return mailbox == "INBOX" ? kInbox : mailbox == "Archive" ? kArchive : 0;
}

void History::Look(AccountId account, const std::string& mailbox, Interval when,
                   std::vector<ImapView::MessagePtr> seen) {
  looks_.push_back({account, ScopeOf(mailbox), when, std::move(seen)});
}

void History::Remove(AccountId account, const std::string& mailbox, uint32_t uid, Interval when) {
  Operation operation = During(when);
  operation.removes.push_back({ScopeOf(mailbox), uid});
  operation.text = absl::StrCat("expunge ", mailbox, " ", uid);
  others_.push_back({account, std::move(operation)});
}

void History::Append(AccountId account, const std::string& octets, Interval when) {
  appends_.push_back({account, octets, when});
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

void History::Final(AccountId account, uint32_t scope, const std::set<uint32_t>& uids,
                    absl::Duration now, const std::string& node) {
  Operation operation = During({now, now});
  operation.look = Operation::Look{scope, {}};
  for (const uint32_t uid : uids) operation.look->items.insert({scope, uid});
  operation.text =
      absl::StrCat(node, " holds ", NameOf(scope), " in the end: ", absl::StrJoin(uids, " "));
  others_.push_back({account, std::move(operation)});
}

std::optional<Operation> History::FromSeen(const Seen& seen) const {
  Operation operation = During(seen.when);
  operation.look = Operation::Look{seen.scope, {}};
  std::vector<uint32_t> uids;
  for (const ImapView::MessagePtr& message : seen.messages) {
    // The connection ended before the client could ask: it cannot say what it saw.
    if (!message->uid.has_value()) return std::nullopt;
    operation.look->items.insert({seen.scope, *message->uid});
    uids.push_back(*message->uid);
  }
  operation.text = absl::StrCat("look ", NameOf(seen.scope), ": ", absl::StrJoin(uids, " "));
  return operation;
}

std::optional<Operation> History::FromAppended(const Appended& appended) const {
  const auto uid = uid_of_append_.find({appended.account, appended.octets});
  if (uid == uid_of_append_.end()) return std::nullopt;
  Operation operation = During(appended.when);
  operation.adds.push_back({kInbox, uid->second});
  operation.text = absl::StrCat("append as ", uid->second);
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
