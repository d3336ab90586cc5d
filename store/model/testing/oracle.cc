#include "store/model/testing/oracle.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/model/limits.h"
#include "store/model/names.h"

namespace packetboat::model::testing {
namespace {

using entry::Result;
using One = entry::DeliverResult::One;
using Outcome = Result::Outcome;

constexpr const char* kNames[] = {"INBOX",
                                  "inbox",
                                  "Junk",
                                  "Trash",
                                  "a",
                                  "a/b",
                                  "a/b/c",
                                  "b",
                                  "b/x/y",
                                  "INBOX/in",
                                  "a//b",
                                  "Gr\xc3\xbc\xc3\x9f"
                                  "e"};
constexpr const char* kKeywords[] = {"$Forwarded", "$forwarded", "NonJunk", "todo"};

template <typename Command>
void SetUids(Command& command, const std::vector<Range>& uids) {
  for (const Range& range : uids) {
    record::UidRange& added = *command.add_uids();
    added.set_first(range.first);
    added.set_last(range.last);
  }
}

template <typename Ranges>
void AddUid(Ranges* ranges, uint32_t uid) {
  if (!ranges->empty() && (ranges->end() - 1)->last() + 1 == uid) {
    (ranges->end() - 1)->set_last(uid);
    return;
  }
  record::UidRange& range = *ranges->Add();
  range.set_first(uid);
  range.set_last(uid);
}

template <typename Messages, typename Ranges>
std::vector<uint32_t> Existing(const Messages& messages, const Ranges& ranges) {
  std::vector<uint32_t> uids;
  for (const record::UidRange& range : ranges) {
    for (auto it = messages.lower_bound(range.first());
         it != messages.end() && it->first <= range.last(); ++it) {
      uids.push_back(it->first);
    }
  }
  return uids;
}

template <typename Ranges>
uint64_t CountNamed(const Ranges& ranges) {
  uint64_t count = 0;
  for (const record::UidRange& range : ranges) count += range.last() - range.first() + 1;
  return count;
}

// What the model compares without case.
std::string Folded(const std::string& keyword) {
  std::string folded = keyword;
  for (char& c : folded) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return folded;
}

}  // namespace

// ---- Account

Oracle::Mailbox* Oracle::Account::ById(uint64_t id) {
  for (auto& [name, mailbox] : mailboxes) {
    if (mailbox.id == id) return &mailbox;
  }
  return nullptr;
}

Oracle::Mailbox* Oracle::Account::Selectable(uint64_t id) {
  Mailbox* mailbox = ById(id);
  return mailbox == nullptr || mailbox->placeholder ? nullptr : mailbox;
}

Oracle::Mailbox* Oracle::Account::Selectable(const std::string& name) {
  const auto canonical = CanonicalMailboxName(name);
  const auto found = canonical.has_value() ? mailboxes.find(*canonical) : mailboxes.end();
  return found == mailboxes.end() || found->second.placeholder ? nullptr : &found->second;
}

std::string Oracle::Account::NameOf(uint64_t id) const {
  for (const auto& [name, mailbox] : mailboxes) {
    if (mailbox.id == id) return name;
  }
  return "";
}

bool Oracle::Account::HasChildren(const std::string& name) const {
  return std::any_of(mailboxes.begin(), mailboxes.end(),
                     [&](const auto& entry) { return IsBelow(entry.first, name); });
}

uint64_t Oracle::Account::octets() const {
  uint64_t octets = 0;
  for (const auto& [name, mailbox] : mailboxes) {
    for (const auto& [uid, message] : mailbox.messages) octets += message.text.size();
  }
  return octets;
}

// ---- Making commands

std::string Oracle::AnyName() { return kNames[random_.Below(std::size(kNames))]; }

uint64_t Oracle::AnyMailbox(uint64_t account) {
  const auto found = accounts_.find(account);
  if (found == accounts_.end() || found->second.mailboxes.empty() || random_.Below(30) == 0) {
    return 1 + random_.Below(20);
  }
  // Few mailboxes, so that they fill.
  if (random_.Below(2) == 0) {
    const auto inbox = found->second.mailboxes.find("INBOX");
    return inbox->second.id;
  }
  auto it = found->second.mailboxes.begin();
  std::advance(it, random_.Below(found->second.mailboxes.size()));
  return it->second.id;
}

std::vector<Range> Oracle::AnyUids(uint64_t account, uint64_t mailbox, size_t max_ranges) {
  uint32_t top = 3;
  if (const auto found = accounts_.find(account); found != accounts_.end()) {
    if (const Mailbox* there = found->second.ById(mailbox)) top = there->uid_next + 1;
  }
  std::vector<Range> ranges;
  uint32_t from = 1;
  for (size_t i = 0; i <= random_.Below(max_ranges) && from <= top; ++i) {
    const uint32_t first = from + static_cast<uint32_t>(random_.Below(top - from + 1));
    const uint32_t last = first + static_cast<uint32_t>(random_.Below(4));
    ranges.push_back(Range{first, last});
    from = last + 1;
  }
  return ranges;
}

std::string Oracle::AnyBody() {
  return absl::StrCat("body ", ++bodies_made_, std::string(random_.Below(40), 'x'));
}

entry::BodySource Oracle::AnyBodySource() {
  if (chunks_.empty() || random_.Below(3) > 0) return Whole(AnyBody(), "structure");
  std::vector<RaftIndex> indexes;
  uint64_t octets = 0;
  auto it = chunks_.begin();
  std::advance(it, random_.Below(chunks_.size()));
  for (size_t i = 0; i <= random_.Below(2) && it != chunks_.end(); ++i, ++it) {
    indexes.push_back(RaftIndex(it->first));
    octets += it->second.size();
  }
  // Used once: whose body a chunk is, the oracle does not know.
  for (const RaftIndex index : indexes) chunks_.erase(index.value());
  entry::BodySource source = Chunks(indexes, octets);
  return source;
}

void Oracle::MakeDeliver(entry::Entry& entry) {
  if (!deliveries_.empty() && random_.Below(4) == 0) {
    entry = deliveries_[random_.Below(deliveries_.size())];
    return;
  }
  entry::Deliver& command = *entry.mutable_deliver();
  *command.mutable_body() = Whole(AnyBody(), random_.Below(2) == 0 ? "structure" : "");
  command.set_received_us(static_cast<int64_t>(random_.Below(4'000'000'000)) * 1000 * 1000);
  for (size_t i = 0; i <= random_.Below(4); ++i) {
    entry::Recipient& recipient = *command.add_recipients();
    recipient.set_account(AnyAccount());
    if (random_.Below(3) == 0) recipient.set_name(AnyName());
    if (random_.Below(5) == 0) recipient.set_special_use(record::JUNK);
    recipient.set_prefix(absl::StrCat("prefix ", random_.Below(100)));
    recipient.set_delivery_key(Hash(absl::StrCat(
        recipient.account(), recipient.name(), recipient.special_use(), command.body().sha256())));
  }
  deliveries_.push_back(entry);
}

void Oracle::MakeAppend(entry::Entry& entry) {
  entry::Append& command = *entry.mutable_append();
  command.set_account(AnyAccount());
  command.set_mailbox(AnyName());
  *command.mutable_body() = AnyBodySource();
  command.mutable_flags()->set_system(static_cast<uint32_t>(random_.Below(32)));
  if (random_.Below(3) == 0) {
    command.mutable_flags()->add_keywords(kKeywords[random_.Below(std::size(kKeywords))]);
  }
  if (random_.Below(2) == 0) {
    command.set_internal_date_us(static_cast<int64_t>(random_.Below(4'000'000'000)) * 1000 * 1000);
  }
  if (random_.Below(4) == 0) command.set_quota_octets(random_.Below(2000));
}

void Oracle::MakeStoreFlags(entry::Entry& entry) {
  entry::StoreFlags& command = *entry.mutable_store_flags();
  command.set_account(AnyAccount());
  command.set_mailbox(AnyMailbox(command.account()));
  SetUids(command, AnyUids(command.account(), command.mailbox()));
  command.set_change(static_cast<entry::StoreFlags::Change>(1 + random_.Below(3)));
  command.mutable_flags()->set_system(static_cast<uint32_t>(random_.Below(32)));
  for (const char* keyword : kKeywords) {
    if (random_.Below(6) == 0) command.mutable_flags()->add_keywords(keyword);
  }
  if (random_.Below(4) == 0) command.set_unchanged_since(random_.Below(200));
}

void Oracle::MakeExpunge(entry::Entry& entry) {
  entry::Expunge& command = *entry.mutable_expunge();
  command.set_account(AnyAccount());
  command.set_mailbox(AnyMailbox(command.account()));
  SetUids(command, AnyUids(command.account(), command.mailbox()));
  command.set_only_deleted(random_.Below(2) == 0);
}

void Oracle::MakeCopy(entry::Entry& entry) {
  entry::Copy& command = *entry.mutable_copy();
  command.set_account(AnyAccount());
  command.set_source(AnyMailbox(command.account()));
  SetUids(command, AnyUids(command.account(), command.source()));
  command.set_destination(AnyName());
  command.set_move(random_.Below(2) == 0);
  command.set_require_all(random_.Below(4) == 0);
  if (random_.Below(4) == 0) command.set_quota_octets(random_.Below(2000));
}

void Oracle::MakeStage(entry::Entry& entry) {
  const uint64_t account = AnyAccount();
  const auto found = accounts_.find(account);
  uint64_t stage = 0;
  if (found != accounts_.end() && !found->second.stages.empty() && random_.Below(5) > 0) {
    auto it = found->second.stages.begin();
    std::advance(it, random_.Below(found->second.stages.size()));
    stage = it->first;
  }
  if (stage != 0 && random_.Below(3) == 0) {
    entry.mutable_finish_copy()->set_account(account);
    entry.mutable_finish_copy()->set_stage(stage);
    if (random_.Below(5) == 0) entry.mutable_finish_copy()->set_quota_octets(random_.Below(3000));
    return;
  }
  if (random_.Below(20) == 0) {
    entry.mutable_drop_stage()->set_account(account);
    entry.mutable_drop_stage()->set_stage(stage);
    entry.mutable_drop_stage()->set_idle_since_us(now_us_);
    return;
  }
  entry::StageCopy& command = *entry.mutable_stage_copy();
  command.set_account(account);
  command.set_stage(stage);
  uint64_t source = 0;
  if (stage == 0) {
    source = AnyMailbox(account);
    command.set_source(source);
    command.set_destination(AnyName());
    command.set_move(random_.Below(2) == 0);
  } else {
    source = found->second.stages[stage].source;
  }
  command.set_require_all(random_.Below(10) == 0);
  SetUids(command, AnyUids(account, source));
}

void Oracle::MakeMailboxCommand(entry::Entry& entry) {
  const uint64_t account = AnyAccount();
  switch (random_.Below(8)) {
    case 0:
      entry = testing::DeleteMailbox(account, AnyName());
      break;
    case 1:
    case 2:
      entry = testing::RenameMailbox(account, AnyName(), "");
      entry.mutable_rename_mailbox()->set_to(AnyName());
      break;
    case 3:
      entry.mutable_subscribe()->set_account(account);
      entry.mutable_subscribe()->set_name(AnyName());
      entry.mutable_subscribe()->set_subscribed(random_.Below(2) == 0);
      break;
    case 4:
      entry.mutable_recent_mark()->set_account(account);
      entry.mutable_recent_mark()->set_mailbox(AnyMailbox(account));
      entry.mutable_recent_mark()->set_uid(static_cast<uint32_t>(random_.Below(60)));
      break;
    case 5:
      if (random_.Below(12) == 0) {
        entry.mutable_delete_account()->set_account(3);
        break;
      }
      entry = testing::CreateAccount(account);
      break;
    default:
      entry = testing::CreateMailbox(account, AnyName());
      if (random_.Below(4) == 0) entry.mutable_create_mailbox()->set_special_use(record::ALL);
      break;
  }
}

void Oracle::MakeHousekeeping(entry::Entry& entry) {
  const int64_t before_us = now_us_ - static_cast<int64_t>(random_.Below(3'000'000'000));
  switch (random_.Below(5)) {
    case 0:
      entry.mutable_purge()->set_max_messages(static_cast<uint32_t>(1 + random_.Below(10)));
      break;
    case 1:
      entry.mutable_unfold()->set_max_messages(static_cast<uint32_t>(1 + random_.Below(3)));
      break;
    case 2:
      entry.mutable_collect_bodies()->set_unreferenced_before_us(before_us);
      entry.mutable_collect_bodies()->set_max(static_cast<uint32_t>(1 + random_.Below(10)));
      break;
    case 3:
      entry.mutable_expire_keys()->set_before_us(before_us);
      entry.mutable_expire_keys()->set_max(1000);
      break;
    default:
      entry.mutable_expire_tombstones()->set_before_us(before_us);
      entry.mutable_expire_tombstones()->set_max(static_cast<uint32_t>(1 + random_.Below(3)));
      break;
  }
}

entry::Entry Oracle::Next() {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  const uint64_t dice = random_.Below(100);
  if (dice < 25) {
    MakeDeliver(entry);
  } else if (dice < 33) {
    MakeAppend(entry);
  } else if (dice < 50) {
    MakeStoreFlags(entry);
  } else if (dice < 57) {
    MakeExpunge(entry);
  } else if (dice < 68) {
    MakeCopy(entry);
  } else if (dice < 80) {
    MakeStage(entry);
  } else if (dice < 88) {
    MakeMailboxCommand(entry);
  } else if (dice < 92) {
    entry.mutable_body_chunk()->set_octets(absl::StrCat("chunk ", ++bodies_made_));
  } else {
    MakeHousekeeping(entry);
  }
  return entry;
}

// ---- Foretelling

Oracle::Account* Oracle::Find(uint64_t account) {
  const auto found = accounts_.find(account);
  return found == accounts_.end() || found->second.deleted ? nullptr : &found->second;
}

uint32_t Oracle::NextValidity(Account& account) const {
  account.last_uid_validity =
      std::max(account.last_uid_validity + 1, static_cast<uint32_t>(now_us_ / 1000000));
  return account.last_uid_validity;
}

Oracle::Mailbox& Oracle::AddMailbox(Account& account, const std::string& name,
                                    record::SpecialUse use) {
  Mailbox mailbox;
  mailbox.uid_validity = NextValidity(account);
  mailbox.id = ++account.last_mailbox_id;
  mailbox.use = use;
  return account.mailboxes[name] = std::move(mailbox);
}

void Oracle::AddParents(Account& account, const std::string& name) {
  for (absl::string_view above = ParentOf(name); !above.empty(); above = ParentOf(above)) {
    if (account.mailboxes.count(std::string(above)) > 0) continue;
    Mailbox mailbox;
    mailbox.placeholder = true;
    mailbox.id = ++account.last_mailbox_id;
    account.mailboxes[std::string(above)] = std::move(mailbox);
  }
}

Oracle::Account* Oracle::FindOrCreate(uint64_t id) {
  if (accounts_.count(id) > 0) return Find(id);
  Account& account = accounts_[id];
  const std::pair<const char*, record::SpecialUse> first[] = {
      {"INBOX", record::SPECIAL_USE_UNSPECIFIED},
      {"Drafts", record::DRAFTS},
      {"Sent", record::SENT},
      {"Junk", record::JUNK},
      {"Trash", record::TRASH},
      {"Archive", record::ARCHIVE}};
  for (const auto& [name, use] : first) {
    AddMailbox(account, name, use);
    account.subscriptions.insert(name);
  }
  return &account;
}

uint32_t Oracle::Add(Mailbox& mailbox, Message message, uint64_t modseq) {
  message.modseq = modseq;
  mailbox.messages[mailbox.uid_next] = std::move(message);
  return mailbox.uid_next++;
}

void Oracle::Disturb(Mailbox& mailbox, Account& account, uint32_t uid) {
  const auto stage = account.stages.find(mailbox.moving_stage);
  if (stage == account.stages.end()) return;
  const std::vector<uint32_t>& uids = stage->second.uids;
  if (std::find(uids.begin(), uids.end(), uid) != uids.end()) mailbox.moving_stage = 0;
}

void Oracle::Remove(Mailbox& mailbox, Account& account, uint32_t uid, uint64_t modseq) {
  Disturb(mailbox, account, uid);
  mailbox.messages.erase(uid);
  mailbox.expunged.push_back(Expunged{uid, modseq, now_us_});
}

std::optional<std::string> Oracle::TextOf(const entry::BodySource& source) const {
  if (source.has_whole()) return source.whole();
  std::string text;
  for (const uint64_t index : source.chunks().indexes()) {
    const auto chunk = all_chunks_.find(index);
    if (chunk == all_chunks_.end()) return std::nullopt;
    text += chunk->second;
  }
  return text;
}

Outcome Oracle::Deliver(const entry::Deliver& command, entry::DeliverResult& result) {
  std::map<std::pair<uint64_t, uint64_t>, One> copies;
  bool stored = false;
  for (const entry::Recipient& recipient : command.recipients()) {
    One& one = *result.add_recipients();
    const auto account = accounts_.find(recipient.account());
    if (account == accounts_.end()) continue;
    if (account->second.deleted) {
      one.set_outcome(One::NO_SUCH_ACCOUNT);
      continue;
    }
    const auto key = account->second.keys.find(recipient.delivery_key());
    if (key == account->second.keys.end()) continue;
    one.set_outcome(One::DUPLICATE);
    one.set_mailbox(key->second.mailbox);
    one.set_uid(key->second.uid);
    one.set_uid_validity(key->second.uid_validity);
    copies[{recipient.account(), key->second.mailbox}] = one;
  }
  for (int i = 0; i < command.recipients_size(); ++i) {
    One& one = *result.mutable_recipients(i);
    if (one.outcome() != One::OUTCOME_UNSPECIFIED) continue;
    const entry::Recipient& recipient = command.recipients(i);
    Account& account = *FindOrCreate(recipient.account());
    Mailbox* mailbox = nullptr;
    if (recipient.has_special_use()) {
      uint64_t lowest = 0;
      for (auto& [name, candidate] : account.mailboxes) {
        if (candidate.use != recipient.special_use()) continue;
        if (lowest == 0 || candidate.id < lowest) lowest = candidate.id;
      }
      mailbox = account.Selectable(lowest);
    } else if (recipient.has_name()) {
      mailbox = account.Selectable(recipient.name());
    }
    if (mailbox == nullptr) mailbox = account.Selectable("INBOX");
    const std::pair<uint64_t, uint64_t> place(recipient.account(), mailbox->id);
    if (copies.count(place) == 0) {
      Message message;
      message.text = recipient.prefix() + *TextOf(command.body());
      message.internal_date_us = std::min(command.received_us(), now_us_);
      stored = true;
      One copy;
      copy.set_outcome(One::DELIVERED);
      copy.set_mailbox(mailbox->id);
      copy.set_modseq(++mailbox->highest_modseq);
      copy.set_uid(Add(*mailbox, std::move(message), mailbox->highest_modseq));
      copy.set_uid_validity(mailbox->uid_validity);
      copies[place] = copy;
    }
    one = copies[place];
    account.keys.emplace(recipient.delivery_key(),
                         Key{now_us_, one.mailbox(), one.uid(), one.uid_validity()});
  }
  if (stored) result.set_body(index_);
  return Result::OK;
}

Outcome Oracle::Append(const entry::Append& command, entry::AppendResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  Mailbox* mailbox = account->Selectable(command.mailbox());
  if (mailbox == nullptr) return Result::NO_SUCH_DESTINATION;
  const uint64_t octets = command.body().octets();
  if (command.quota_octets() != 0 && account->octets() + octets > command.quota_octets()) {
    return Result::OVER_QUOTA;
  }
  Message message;
  message.text = *TextOf(command.body());
  message.internal_date_us =
      command.has_internal_date_us() ? std::min(command.internal_date_us(), now_us_) : now_us_;
  message.system = command.flags().system();
  for (const std::string& keyword : command.flags().keywords()) {
    message.keywords.insert(Folded(keyword));
  }
  result.set_mailbox(mailbox->id);
  result.set_uid_validity(mailbox->uid_validity);
  result.set_modseq(++mailbox->highest_modseq);
  result.set_uid(Add(*mailbox, std::move(message), mailbox->highest_modseq));
  return Result::OK;
}

Outcome Oracle::StoreFlags(const entry::StoreFlags& command, entry::StoreFlagsResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  Mailbox* mailbox = account->Selectable(command.mailbox());
  if (mailbox == nullptr) return Result::NO_SUCH_MAILBOX;
  std::set<std::string> keywords;
  for (const std::string& keyword : command.flags().keywords()) keywords.insert(Folded(keyword));
  for (const uint32_t uid : Existing(mailbox->messages, command.uids())) {
    Message& message = mailbox->messages[uid];
    if (command.has_unchanged_since() && message.modseq > command.unchanged_since()) {
      AddUid(result.mutable_modified(), uid);
      continue;
    }
    Message changed = message;
    switch (command.change()) {
      case entry::StoreFlags::ADD:
        changed.system |= command.flags().system();
        changed.keywords.insert(keywords.begin(), keywords.end());
        break;
      case entry::StoreFlags::REMOVE:
        changed.system &= ~command.flags().system();
        for (const std::string& keyword : keywords) changed.keywords.erase(keyword);
        break;
      default:
        changed.system = command.flags().system();
        changed.keywords = keywords;
        break;
    }
    if (changed.system == message.system && changed.keywords == message.keywords) continue;
    if (result.modseq() == 0) result.set_modseq(++mailbox->highest_modseq);
    changed.modseq = result.modseq();
    message = changed;
    Disturb(*mailbox, *account, uid);
    AddUid(result.mutable_changed(), uid);
  }
  return Result::OK;
}

Outcome Oracle::Expunge(const entry::Expunge& command, entry::ExpungeResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  Mailbox* mailbox = account->Selectable(command.mailbox());
  if (mailbox == nullptr) return Result::NO_SUCH_MAILBOX;
  for (const uint32_t uid : Existing(mailbox->messages, command.uids())) {
    if (command.only_deleted() && (mailbox->messages[uid].system & kDeleted) == 0) continue;
    if (result.modseq() == 0) result.set_modseq(++mailbox->highest_modseq);
    Remove(*mailbox, *account, uid, result.modseq());
    AddUid(result.mutable_expunged(), uid);
  }
  return Result::OK;
}

Outcome Oracle::Copy(const entry::Copy& command, entry::CopyResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  Mailbox* source = account->Selectable(command.source());
  if (source == nullptr) return Result::NO_SUCH_MAILBOX;
  Mailbox* destination = account->Selectable(command.destination());
  if (destination == nullptr) return Result::NO_SUCH_DESTINATION;
  const std::vector<uint32_t> uids = Existing(source->messages, command.uids());
  if (command.require_all() && uids.size() != CountNamed(command.uids())) return Result::EXPUNGED;
  result.set_destination(destination->id);
  result.set_uid_validity(destination->uid_validity);
  if (uids.empty()) return Result::OK;
  uint64_t octets = 0;
  for (const uint32_t uid : uids) octets += source->messages[uid].text.size();
  if (!command.move() && command.quota_octets() != 0 &&
      account->octets() + octets > command.quota_octets()) {
    return Result::OVER_QUOTA;
  }
  result.set_modseq(++destination->highest_modseq);
  result.set_first_uid(destination->uid_next);
  result.set_count(static_cast<uint32_t>(uids.size()));
  for (const uint32_t uid : uids) {
    Add(*destination, source->messages[uid], result.modseq());
    AddUid(result.mutable_source(), uid);
  }
  if (!command.move()) return Result::OK;
  ++source->highest_modseq;
  for (const uint32_t uid : uids) Remove(*source, *account, uid, source->highest_modseq);
  return Result::OK;
}

Outcome Oracle::StageCopy(const entry::StageCopy& command, entry::StageResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  Stage fresh;
  uint64_t id = command.stage();
  if (id != 0) {
    const auto found = account->stages.find(id);
    if (found == account->stages.end()) return Result::NOT_FOUND;
    fresh = found->second;
  } else {
    const Mailbox* destination = account->Selectable(command.destination());
    if (destination == nullptr) return Result::NO_SUCH_DESTINATION;
    fresh.source = command.source();
    fresh.destination = destination->id;
    fresh.move = command.move();
  }
  Mailbox* source = account->Selectable(fresh.source);
  if (source == nullptr) return Result::NO_SUCH_MAILBOX;
  if (account->Selectable(fresh.destination) == nullptr) return Result::NO_SUCH_DESTINATION;
  if (fresh.move && id != 0 && source->moving_stage != id) return Result::IN_USE;
  if (fresh.move && id == 0) {
    const auto other = account->stages.find(source->moving_stage);
    if (other != account->stages.end() && other->second.touched_us > now_us_ - kStageIdleUs) {
      return Result::IN_USE;
    }
  }
  if (!fresh.uids.empty() && command.uids(0).first() <= fresh.uids.back()) {
    return Result::MALFORMED;
  }
  const std::vector<uint32_t> uids = Existing(source->messages, command.uids());
  if (command.require_all() && uids.size() != CountNamed(command.uids())) return Result::EXPUNGED;
  if (id == 0) {
    id = ++account->last_mailbox_id;
    if (fresh.move) source->moving_stage = id;
  }
  for (const uint32_t uid : uids) {
    fresh.uids.push_back(uid);
    fresh.messages.push_back(source->messages[uid]);
  }
  fresh.touched_us = now_us_;
  result.set_stage(id);
  result.set_count(static_cast<uint32_t>(fresh.uids.size()));
  account->stages[id] = std::move(fresh);
  return Result::OK;
}

Outcome Oracle::FinishCopy(const entry::FinishCopy& command, entry::CopyResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  const auto found = account->stages.find(command.stage());
  if (found == account->stages.end()) return Result::NOT_FOUND;
  const Stage stage = found->second;
  Mailbox* source = account->Selectable(stage.source);
  if (source == nullptr) return Result::NO_SUCH_MAILBOX;
  Mailbox* destination = account->Selectable(stage.destination);
  if (destination == nullptr) return Result::NO_SUCH_DESTINATION;
  if (stage.move && source->moving_stage != command.stage()) return Result::IN_USE;
  uint64_t octets = 0;
  for (const Message& message : stage.messages) octets += message.text.size();
  if (!stage.move && command.quota_octets() != 0 &&
      account->octets() + octets > command.quota_octets()) {
    return Result::OVER_QUOTA;
  }
  result.set_destination(destination->id);
  result.set_uid_validity(destination->uid_validity);
  account->stages.erase(found);
  if (stage.move) source->moving_stage = 0;
  if (stage.uids.empty()) return Result::OK;
  result.set_modseq(++destination->highest_modseq);
  result.set_first_uid(destination->uid_next);
  result.set_count(static_cast<uint32_t>(stage.uids.size()));
  for (const Message& message : stage.messages) Add(*destination, message, result.modseq());
  if (!stage.move) return Result::OK;
  ++source->highest_modseq;
  for (const uint32_t uid : stage.uids) Remove(*source, *account, uid, source->highest_modseq);
  return Result::OK;
}

Outcome Oracle::DropStage(const entry::DropStage& command) {
  const int64_t before_us = std::min(command.idle_since_us(), now_us_ - kStageIdleUs);
  bool found = command.stage() == 0;
  for (auto& [id, account] : accounts_) {
    for (auto it = account.stages.begin(); it != account.stages.end();) {
      const bool named =
          command.stage() != 0 && id == command.account() && it->first == command.stage();
      const bool idle = command.stage() == 0 && it->second.touched_us < before_us;
      if (!named && !idle) {
        ++it;
        continue;
      }
      found = true;
      Mailbox* source = account.ById(it->second.source);
      if (source != nullptr && source->moving_stage == it->first) source->moving_stage = 0;
      it = account.stages.erase(it);
    }
  }
  return found ? Result::OK : Result::NOT_FOUND;
}

Outcome Oracle::CreateMailbox(const entry::CreateMailbox& command, entry::MailboxResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  const auto name = CanonicalMailboxName(command.name());
  if (!name.has_value()) return Result::NOT_ALLOWED;
  const auto there = account->mailboxes.find(*name);
  if (there != account->mailboxes.end() && !there->second.placeholder) {
    return Result::ALREADY_EXISTS;
  }
  if (command.special_use() != record::SPECIAL_USE_UNSPECIFIED) {
    for (const auto& [other, mailbox] : account->mailboxes) {
      if (mailbox.use == command.special_use()) return Result::USE_TAKEN;
    }
  }
  AddParents(*account, *name);
  const Mailbox& made = AddMailbox(*account, *name, command.special_use());
  result.set_mailbox(made.id);
  result.set_uid_validity(made.uid_validity);
  return Result::OK;
}

Outcome Oracle::DeleteMailbox(const entry::DeleteMailbox& command, entry::MailboxResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  const auto name = CanonicalMailboxName(command.name());
  if (!name.has_value()) return Result::NO_SUCH_MAILBOX;
  if (*name == "INBOX") return Result::NOT_ALLOWED;
  const auto found = account->mailboxes.find(*name);
  if (found == account->mailboxes.end()) return Result::NO_SUCH_MAILBOX;
  const bool has_children = account->HasChildren(*name);
  if (has_children && found->second.placeholder) return Result::NOT_ALLOWED;
  result.set_mailbox(found->second.id);
  account->mailboxes.erase(found);
  if (has_children) {
    Mailbox& placeholder = account->mailboxes[*name];
    placeholder.placeholder = true;
    placeholder.id = ++account->last_mailbox_id;
  }
  return Result::OK;
}

Outcome Oracle::RenameMailbox(const entry::RenameMailbox& command, entry::MailboxResult& result) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  const auto from = CanonicalMailboxName(command.from());
  const auto to = CanonicalMailboxName(command.to());
  if (!from.has_value()) return Result::NO_SUCH_MAILBOX;
  if (!to.has_value()) return Result::NOT_ALLOWED;
  auto& mailboxes = account->mailboxes;
  if (mailboxes.count(*from) == 0) return Result::NO_SUCH_MAILBOX;
  if (mailboxes.count(*to) > 0) return Result::ALREADY_EXISTS;
  if (*from != "INBOX" && IsBelow(*to, *from)) return Result::NOT_ALLOWED;
  result.set_mailbox(mailboxes[*from].id);
  if (*from == "INBOX") {
    mailboxes[*to] = std::move(mailboxes[*from]);
    mailboxes.erase(*from);
    AddMailbox(*account, "INBOX", record::SPECIAL_USE_UNSPECIFIED);
    AddParents(*account, *to);
    return Result::OK;
  }
  std::map<std::string, Mailbox> renamed;
  for (auto it = mailboxes.begin(); it != mailboxes.end();) {
    if (it->first != *from && !IsBelow(it->first, *from)) {
      ++it;
      continue;
    }
    renamed[*to + it->first.substr(from->size())] = std::move(it->second);
    it = mailboxes.erase(it);
  }
  for (auto& [name, mailbox] : renamed) mailboxes[name] = std::move(mailbox);
  AddParents(*account, *to);
  return Result::OK;
}

Outcome Oracle::Subscribe(const entry::Subscribe& command) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  const auto name = CanonicalMailboxName(command.name());
  if (!name.has_value()) return Result::NOT_ALLOWED;
  if (command.subscribed()) {
    account->subscriptions.insert(*name);
  } else {
    account->subscriptions.erase(*name);
  }
  return Result::OK;
}

Outcome Oracle::RecentMark(const entry::RecentMark& command) {
  Account* account = Find(command.account());
  if (account == nullptr) return Result::NO_SUCH_ACCOUNT;
  Mailbox* mailbox = account->Selectable(command.mailbox());
  if (mailbox == nullptr) return Result::NO_SUCH_MAILBOX;
  if (command.uid() > mailbox->uid_next) return Result::MALFORMED;
  mailbox->recent_mark = std::max(mailbox->recent_mark, command.uid());
  return Result::OK;
}

uint32_t Oracle::ExpireKeys(const entry::ExpireKeys& command) {
  uint32_t removed = 0;
  for (auto& [id, account] : accounts_) {
    for (auto it = account.keys.begin(); it != account.keys.end();) {
      const bool due = it->second.written_us < command.before_us();
      it = due ? account.keys.erase(it) : std::next(it);
      if (due) ++removed;
    }
  }
  return removed;
}

std::optional<Result> Oracle::Foretell(const entry::Entry& entry, RaftIndex index, int64_t now_us) {
  index_ = index.value();
  now_us_ = now_us;
  Result result;
  Outcome outcome = Result::OK;
  switch (entry.command_case()) {
    case entry::Entry::kBodyChunk:
      chunks_[index_] = entry.body_chunk().octets();
      all_chunks_[index_] = entry.body_chunk().octets();
      break;
    case entry::Entry::kDeliver:
      outcome = Deliver(entry.deliver(), *result.mutable_deliver());
      break;
    case entry::Entry::kAppend:
      outcome = Append(entry.append(), *result.mutable_append());
      break;
    case entry::Entry::kStoreFlags:
      outcome = StoreFlags(entry.store_flags(), *result.mutable_store_flags());
      break;
    case entry::Entry::kExpunge:
      outcome = Expunge(entry.expunge(), *result.mutable_expunge());
      break;
    case entry::Entry::kCopy:
      outcome = Copy(entry.copy(), *result.mutable_copy());
      break;
    case entry::Entry::kStageCopy:
      outcome = StageCopy(entry.stage_copy(), *result.mutable_stage());
      break;
    case entry::Entry::kFinishCopy:
      outcome = FinishCopy(entry.finish_copy(), *result.mutable_copy());
      break;
    case entry::Entry::kDropStage:
      outcome = DropStage(entry.drop_stage());
      break;
    case entry::Entry::kCreateMailbox:
      outcome = CreateMailbox(entry.create_mailbox(), *result.mutable_mailbox());
      break;
    case entry::Entry::kDeleteMailbox:
      outcome = DeleteMailbox(entry.delete_mailbox(), *result.mutable_mailbox());
      break;
    case entry::Entry::kRenameMailbox:
      outcome = RenameMailbox(entry.rename_mailbox(), *result.mutable_mailbox());
      break;
    case entry::Entry::kSubscribe:
      outcome = Subscribe(entry.subscribe());
      break;
    case entry::Entry::kRecentMark:
      outcome = RecentMark(entry.recent_mark());
      break;
    case entry::Entry::kCreateAccount:
      if (FindOrCreate(entry.create_account().account()) == nullptr) {
        outcome = Result::NO_SUCH_ACCOUNT;
      }
      break;
    case entry::Entry::kDeleteAccount: {
      Account& account = accounts_[entry.delete_account().account()];
      account = Account();
      account.deleted = true;
      break;
    }
    case entry::Entry::kExpireKeys:
      ExpireKeys(entry.expire_keys());
      return std::nullopt;
    default:
      return std::nullopt;
  }
  if (outcome != Result::OK) result.clear_value();
  result.set_outcome(outcome);
  return result;
}

// ---- Comparing

void Oracle::CompareSync(const MailboxReader& reader, const Mailbox& mailbox) {
  const uint64_t since = 1 + random_.Below(mailbox.highest_modseq);
  const size_t page = 1 + random_.Below(5);
  std::vector<uint32_t> changed;
  Uid after(0);
  while (true) {
    const auto changes = Must(reader.ChangedSince(ModSeq(since), after, page));
    for (const MessageState& message : changes.messages) changed.push_back(message.uid.value());
    if (!changes.more) break;
    ASSERT_FALSE(changes.messages.empty());
    after = changes.messages.back().uid;
  }
  std::vector<uint32_t> expected;
  for (const auto& [uid, message] : mailbox.messages) {
    if (message.modseq > since) expected.push_back(uid);
  }
  EXPECT_EQ(changed, expected);

  const auto expunges = Must(reader.ExpungedSince(ModSeq(since)));
  std::set<uint32_t> told;
  for (const UidRange& range : expunges.uids) {
    for (uint32_t uid = range.first.value(); uid <= range.last.value(); ++uid) told.insert(uid);
  }
  std::set<uint32_t> gone;
  for (const Expunged& expunged : mailbox.expunged) {
    if (expunged.modseq > since) gone.insert(expunged.uid);
  }
  EXPECT_EQ(expunges.complete, since >= reader.status().floor.value());
  if (expunges.complete) {
    EXPECT_EQ(told, gone);
  } else {
    EXPECT_TRUE(std::includes(gone.begin(), gone.end(), told.begin(), told.end()));
  }
}

void Oracle::CompareMailbox(const Shard& shard, uint64_t account, const std::string& name,
                            const Mailbox& mailbox) {
  SCOPED_TRACE(absl::StrCat("account ", account, " mailbox ", name));
  const MailboxReader reader = Open(shard, account, name);
  EXPECT_EQ(reader.info().id.value(), mailbox.id);
  EXPECT_EQ(reader.info().selectable, !mailbox.placeholder);
  EXPECT_EQ(reader.info().uid_validity.value(), mailbox.uid_validity);
  if (mailbox.placeholder) return;
  MailboxStatus expected = reader.status();
  expected.uid_next = Uid(mailbox.uid_next);
  expected.highest_modseq = ModSeq(mailbox.highest_modseq);
  expected.messages = mailbox.messages.size();
  expected.recent_mark = Uid(mailbox.recent_mark);
  expected.octets = expected.unseen = expected.deleted = 0;
  for (const auto& [uid, message] : mailbox.messages) {
    expected.octets += message.text.size();
    if ((message.system & kSeen) == 0) ++expected.unseen;
    if ((message.system & kDeleted) != 0) ++expected.deleted;
  }
  EXPECT_TRUE(reader.status() == expected);

  const std::vector<MessageState> messages = Messages(reader);
  ASSERT_EQ(messages.size(), mailbox.messages.size());
  auto it = mailbox.messages.begin();
  for (const MessageState& message : messages) {
    EXPECT_EQ(message.uid.value(), it->first);
    EXPECT_EQ(message.modseq.value(), it->second.modseq);
    EXPECT_EQ(message.system, it->second.system);
    std::set<std::string> keywords;
    for (const std::string& keyword : message.keywords) keywords.insert(Folded(keyword));
    EXPECT_EQ(keywords, it->second.keywords);
    EXPECT_TRUE(Must(reader.State(message.uid)) == message);
    EXPECT_EQ(Text(shard, reader, message.uid.value()), it->second.text);
    EXPECT_EQ(absl::ToUnixMicros(Must(reader.Info(message.uid))->internal_date),
              it->second.internal_date_us);
    ++it;
  }
  CompareSync(reader, mailbox);
}

void Oracle::Compare(const Shard& shard) {
  for (const auto& [id, account] : accounts_) {
    const auto totals = Must(shard.reader().FindAccount(AccountId(id)));
    ASSERT_EQ(totals.has_value(), !account.deleted);
    const std::vector<MailboxInfo> infos = Must(shard.reader().Mailboxes(AccountId(id)));
    ASSERT_EQ(infos.size(), account.mailboxes.size());
    for (const auto& [name, mailbox] : account.mailboxes) {
      CompareMailbox(shard, id, name, mailbox);
    }
    if (account.deleted) continue;
    EXPECT_EQ(totals->octets, account.octets());
    const std::vector<std::string> names = Must(shard.reader().Subscriptions(AccountId(id)));
    EXPECT_THAT(names, ::testing::ElementsAreArray(account.subscriptions));
  }
}

}  // namespace packetboat::model::testing
