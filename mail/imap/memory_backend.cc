#include "mail/imap/memory_backend.h"

#include <algorithm>
#include <list>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "mail/message/structure.h"

namespace packetboat::imap {
namespace memory_internal {

struct Message {
  std::string email_id;  // a copy keeps it
  std::shared_ptr<const std::string> octets;
  std::string structure;
  absl::Time internal_date;
  FlagSet flags;
  ModSeq modseq;
};

struct Waiter {
  const void* owner = nullptr;
  ModSeq since;
  absl::AnyInvocable<void()> wake;
};

struct Box {
  MailboxId id;
  UidValidity uid_validity;
  Uid uid_next = Uid(1);
  ModSeq highest_modseq = ModSeq(1);
  std::map<Uid, Message> messages;
  std::map<Uid, ModSeq> expunged;
  ModSeq expunges_known_since;
  Uid recent_from = Uid(1);  // from here on no session has claimed \Recent
  std::optional<SpecialUse> special_use;
  bool selectable = true;
  bool deleted = false;
  std::list<Waiter> waiters;

  ModSeq NextModSeq() { return highest_modseq = ModSeq(highest_modseq.value() + 1); }
};

using BoxMap = std::map<std::string, std::shared_ptr<Box>, std::less<>>;

struct AccountState {
  std::string user;
  std::string password;
  std::string relay_node;
  BoxMap boxes;
  std::set<std::string, std::less<>> subscriptions;
  uint32_t next_uid_validity = 1;
  uint64_t next_mailbox_id = 1;
  std::vector<std::weak_ptr<Box>> every_box;  // deleted ones that a session still has open, too

  std::shared_ptr<Box> Make() {
    auto box = std::make_shared<Box>();
    box->id = MailboxId(next_mailbox_id++);
    box->uid_validity = UidValidity(next_uid_validity++);
    every_box.push_back(box);
    return box;
  }
  std::shared_ptr<Box> Find(absl::string_view name) const {
    const auto found = boxes.find(name);
    return found == boxes.end() ? nullptr : found->second;
  }
  std::shared_ptr<Box> FindSelectable(absl::string_view name) const {
    auto box = Find(name);
    return box != nullptr && box->selectable ? box : nullptr;
  }
  bool HasUse(SpecialUse use) const {
    return std::any_of(boxes.begin(), boxes.end(),
                       [use](const auto& named) { return named.second->special_use == use; });
  }
  bool HasChildren(absl::string_view name) const {
    const std::string prefix = absl::StrCat(name, "/");
    const auto next = boxes.lower_bound(prefix);
    return next != boxes.end() && absl::StartsWith(next->first, prefix);
  }
  uint64_t Octets() const {
    uint64_t sum = 0;
    for (const auto& [name, box] : boxes) {
      for (const auto& [uid, message] : box->messages) sum += message.octets->size();
    }
    return sum;
  }
};

namespace {

constexpr size_t kMaxNameOctets = 255;

absl::Status NoSuchMailbox() { return MakeError(ErrorCode::kNonExistent, "No such mailbox"); }

absl::Status NoSuchDestination() { return MakeError(ErrorCode::kTryCreate, "No such mailbox"); }

Uid Add(Box* box, Message message, ModSeq modseq) {
  const Uid uid = box->uid_next;
  box->uid_next = Uid(uid.value() + 1);
  message.modseq = modseq;
  std::sort(message.flags.keywords.begin(), message.flags.keywords.end());
  box->messages.emplace(uid, std::move(message));
  return uid;
}

// Calls `visit` for each message of `uids`, which it may remove.
template <typename Visit>
void ForEach(Box* box, const UidSet& uids, Visit visit) {
  for (const NumberRange& range : uids.ranges()) {
    auto at = box->messages.lower_bound(Uid(range.first));
    while (at != box->messages.end() && at->first.value() <= range.last) {
      const auto current = at++;
      visit(current);
    }
  }
}

void Remove(Box* box, std::map<Uid, Message>::iterator message, ModSeq modseq) {
  box->expunged.emplace(message->first, modseq);
  box->messages.erase(message);
}

// The messages of `uids` that are there and marked so.
void Expunge(Box* box, const UidSet& uids) {
  std::vector<Uid> deleted;
  ForEach(box, uids, [&](auto at) {
    if (at->second.flags.Has(SystemFlag::kDeleted)) deleted.push_back(at->first);
  });
  if (deleted.empty()) return;
  const ModSeq modseq = box->NextModSeq();
  for (const Uid uid : deleted) Remove(box, box->messages.find(uid), modseq);
}

// Levels above `name` come into being with it (RFC 3501 s6.3.3), to hold it and nothing else.
void MakeParents(AccountState* account, absl::string_view name) {
  for (size_t slash = name.find('/'); slash != absl::string_view::npos;
       slash = name.find('/', slash + 1)) {
    const absl::string_view parent = name.substr(0, slash);
    if (account->Find(parent) == nullptr) {
      const std::shared_ptr<Box> level = account->Make();
      level->selectable = false;
      account->boxes.emplace(std::string(parent), level);
    }
  }
}

Expunged ListExpunged(const Box& box, ModSeq since) {
  Expunged result;
  result.complete = since >= box.expunges_known_since;
  for (const auto& [uid, modseq] : box.expunged) {
    if (modseq > since) result.uids.Add(uid.value());
  }
  return result;
}

SyncResult Sync(Box* box, const SyncRequest& request, bool read_only) {
  SyncResult result;
  result.highest_modseq = box->highest_modseq;
  result.uid_next = box->uid_next;
  if (request.since == box->highest_modseq) return result;
  for (auto at = box->messages.upper_bound(request.after); at != box->messages.end(); ++at) {
    if (at->second.modseq <= request.since) continue;
    if (result.changed.size() == request.max_messages) {
      result.more = true;
      break;
    }
    const bool recent = at->first >= box->recent_from;
    result.changed.push_back({at->first, at->second.modseq, at->second.flags, recent});
  }
  if (!read_only && !result.changed.empty()) {
    const Uid after_last(result.changed.back().uid.value() + 1);
    box->recent_from = std::max(box->recent_from, after_last);
  }
  if (request.since.value() == 0 || request.after.value() != 0) return result;
  Expunged expunged = ListExpunged(*box, request.since);
  result.expunged = std::move(expunged.uids);
  result.expunged_complete = expunged.complete;
  return result;
}

StoreResult StoreFlags(Box* box, const StoreRequest& request) {
  StoreResult result;
  ModSeq modseq;  // one for all that this changes
  ForEach(box, request.uids, [&](auto at) {
    Message& message = at->second;
    if (request.unchanged_since.has_value() && message.modseq > *request.unchanged_since) {
      result.modified.push_back(at->first);
      return;
    }
    FlagSet after = ChangeFlags(message.flags, request.change, request.flags);
    if (!(after == message.flags)) {
      message.flags = std::move(after);
      if (modseq == ModSeq()) modseq = box->NextModSeq();
      message.modseq = modseq;
    }
    result.messages.push_back({at->first, message.modseq, message.flags, false});
  });
  return result;
}

absl::StatusOr<CopyResult> Copy(AccountState* account, Box* box, const UidSet& uids,
                                absl::string_view destination, bool move, uint64_t quota) {
  const std::shared_ptr<Box> target = account->FindSelectable(destination);
  if (target == nullptr) return NoSuchDestination();
  std::vector<std::pair<Uid, Message>> copies;
  uint64_t octets = account->Octets();
  ForEach(box, uids, [&](auto at) {
    copies.emplace_back(at->first, at->second);
    octets += at->second.octets->size();
  });
  if (!move && octets > quota) return MakeError(ErrorCode::kOverQuota, "Quota exceeded");
  CopyResult result;
  result.uid_validity = target->uid_validity;
  if (copies.empty()) return result;
  const ModSeq added = target->NextModSeq();
  for (auto& [uid, message] : copies) {
    result.source.Add(uid.value());
    result.destination.Add(Add(target.get(), std::move(message), added).value());
  }
  if (!move) return result;
  const ModSeq removed = box->NextModSeq();
  for (const auto& [uid, message] : copies) Remove(box, box->messages.find(uid), removed);
  return result;
}

MailboxStatus StatusOf(const Box& box) {
  MailboxStatus status;
  status.messages = box.messages.size();
  for (const auto& [uid, message] : box.messages) {
    status.recent += uid >= box.recent_from;
    status.unseen += !message.flags.Has(SystemFlag::kSeen);
    status.deleted += message.flags.Has(SystemFlag::kDeleted);
    status.size += message.octets->size();
  }
  status.uid_next = box.uid_next;
  status.uid_validity = box.uid_validity;
  status.highest_modseq = box.highest_modseq;
  status.id = box.id;
  return status;
}

}  // namespace
}  // namespace memory_internal

using memory_internal::AccountState;
using memory_internal::Box;
using memory_internal::Message;

template <typename T, typename Work>
void MemoryBackend::Answer(Callback<T> done, Work work) {
  Run([this, done = std::move(done), work = std::move(work)]() mutable {
    absl::Status failure = TakeFailure();
    if (!failure.ok()) return done(std::move(failure));
    done(work());
  });
}

template <typename Work>
void MemoryBackend::AnswerDone(DoneCallback done, Work work) {
  Run([this, done = std::move(done), work = std::move(work)]() mutable {
    absl::Status failure = TakeFailure();
    if (!failure.ok()) return done(std::move(failure));
    done(work());
  });
}

// --- Mailbox ------------------------------------------------------------------------------------

class MemoryMailbox : public Mailbox {
 public:
  MemoryMailbox(MemoryBackend* backend, std::shared_ptr<AccountState> account,
                std::shared_ptr<Box> box, bool read_only)
      : backend_(backend), account_(std::move(account)), box_(std::move(box)) {
    info_.id = box_->id;
    info_.uid_validity = box_->uid_validity;
    info_.read_only = read_only;
    std::set<std::string> keywords;
    for (const auto& [uid, message] : box_->messages) {
      keywords.insert(message.flags.keywords.begin(), message.flags.keywords.end());
    }
    info_.keywords.assign(keywords.begin(), keywords.end());
  }
  ~MemoryMailbox() override { WaitForChange(ModSeq(), nullptr); }

  const Info& info() const override { return info_; }

  void Sync(const SyncRequest& request, Callback<SyncResult> done) override {
    AnswerHere<SyncResult>(std::move(done), [box = box_, request, read_only = info_.read_only] {
      return memory_internal::Sync(box.get(), request, read_only);
    });
  }

  void ListExpunged(ModSeq since, Callback<Expunged> done) override {
    AnswerHere<Expunged>(std::move(done), [box = box_, since] {
      return memory_internal::ListExpunged(*box, since);
    });
  }

  void WaitForChange(ModSeq since, absl::AnyInvocable<void()> wake) override {
    box_->waiters.remove_if([this](const auto& waiter) { return waiter.owner == this; });
    if (!wake) return;
    if (box_->deleted || box_->highest_modseq > since) return backend_->Run(std::move(wake));
    box_->waiters.push_back({this, since, std::move(wake)});
  }

  void FetchMetadata(std::vector<Uid> uids, bool with_structure,
                     Callback<std::vector<MessageMetadata>> done) override {
    AnswerHere<std::vector<MessageMetadata>>(
        std::move(done), [box = box_, uids = std::move(uids), with_structure] {
          std::vector<MessageMetadata> found;
          for (const Uid uid : uids) {
            const auto at = box->messages.find(uid);
            if (at == box->messages.end()) continue;
            const Message& message = at->second;
            found.push_back({uid, message.internal_date, message.octets->size(),
                             with_structure ? message.structure : "", message.email_id});
          }
          return found;
        });
  }

  void Read(Uid uid, uint64_t offset, size_t length, Callback<std::string> done) override {
    ++backend_->reads_;
    AnswerHere<std::string>(std::move(done),
                            [box = box_, uid, offset, length]() -> absl::StatusOr<std::string> {
                              const auto at = box->messages.find(uid);
                              if (at == box->messages.end()) {
                                return MakeError(ErrorCode::kExpungeIssued, "Message is gone");
                              }
                              const std::string& octets = *at->second.octets;
                              if (offset >= octets.size()) return std::string();
                              return octets.substr(offset, length);
                            });
  }

  void StoreFlags(StoreRequest request, Callback<StoreResult> done) override {
    AnswerHere<StoreResult>(std::move(done), [this_backend = backend_, account = account_,
                                              box = box_, request = std::move(request)] {
      StoreResult result = memory_internal::StoreFlags(box.get(), request);
      this_backend->WakeWaiters(account);
      return result;
    });
  }

  void Expunge(UidSet uids, DoneCallback done) override {
    backend_->AnswerDone(std::move(done),
                         [backend = backend_, account = account_, box = box_,
                          uids = std::move(uids)]() -> absl::Status {
                           if (box->deleted) return memory_internal::NoSuchMailbox();
                           memory_internal::Expunge(box.get(), uids);
                           backend->WakeWaiters(account);
                           return absl::OkStatus();
                         });
  }

  void Copy(UidSet uids, absl::string_view destination, Callback<CopyResult> done) override {
    CopyOrMove(std::move(uids), destination, false, std::move(done));
  }
  void Move(UidSet uids, absl::string_view destination, Callback<CopyResult> done) override {
    CopyOrMove(std::move(uids), destination, true, std::move(done));
  }

 private:
  // As Answer, but not for a mailbox that has been deleted.
  template <typename T, typename Work>
  void AnswerHere(Callback<T> done, Work work) {
    backend_->Answer<T>(std::move(done),
                        [box = box_, work = std::move(work)]() mutable -> absl::StatusOr<T> {
                          if (box->deleted) return memory_internal::NoSuchMailbox();
                          return work();
                        });
  }

  void CopyOrMove(UidSet uids, absl::string_view destination, bool move,
                  Callback<CopyResult> done) {
    AnswerHere<CopyResult>(std::move(done), [backend = backend_, account = account_, box = box_,
                                             uids = std::move(uids),
                                             destination = std::string(destination), move,
                                             quota = backend_->quota_octets_] {
      auto result = memory_internal::Copy(account.get(), box.get(), uids, destination, move, quota);
      backend->WakeWaiters(account);
      return result;
    });
  }

  MemoryBackend* const backend_;
  const std::shared_ptr<AccountState> account_;
  const std::shared_ptr<Box> box_;
  Info info_;
};

// --- APPEND -------------------------------------------------------------------------------------

class MemoryAppendStream : public AppendStream {
 public:
  MemoryAppendStream(MemoryBackend* backend, std::shared_ptr<AccountState> account,
                     AppendRequest request)
      : backend_(backend),
        account_(std::move(account)),
        request_(std::make_shared<const AppendRequest>(std::move(request))),
        octets_(std::make_shared<std::string>()) {}

  void Write(std::string chunk, DoneCallback done) override {
    backend_->AnswerDone(std::move(done), [octets = octets_, chunk = std::move(chunk)] {
      octets->append(chunk);
      return absl::OkStatus();
    });
  }

  void Commit(Callback<AppendResult> done) override {
    backend_->Answer<AppendResult>(
        std::move(done),
        [backend = backend_, account = account_, request = request_,
         octets = octets_]() -> absl::StatusOr<AppendResult> {
          const std::shared_ptr<Box> box = account->FindSelectable(request->mailbox);
          if (box == nullptr) return memory_internal::NoSuchDestination();
          if (account->Octets() + octets->size() > backend->quota_octets_) {
            return MakeError(ErrorCode::kOverQuota, "Quota exceeded");
          }
          Message message;
          message.email_id = backend->NextEmailId();
          message.structure = message::SerializeStructure(message::ParseStructure(*octets));
          message.octets = octets;
          message.flags = request->flags;
          message.internal_date = request->internal_date.value_or(backend->now_);
          const Uid uid = memory_internal::Add(box.get(), std::move(message), box->NextModSeq());
          backend->WakeWaiters(account);
          return AppendResult{box->uid_validity, uid};
        });
  }

 private:
  MemoryBackend* const backend_;
  const std::shared_ptr<AccountState> account_;
  const std::shared_ptr<const AppendRequest> request_;
  const std::shared_ptr<std::string> octets_;
};

// --- Account ------------------------------------------------------------------------------------

class MemoryAccount : public Account {
 public:
  MemoryAccount(MemoryBackend* backend, std::shared_ptr<AccountState> state)
      : backend_(backend), state_(std::move(state)) {}

  void List(Callback<std::vector<MailboxEntry>> done) override {
    backend_->Answer<std::vector<MailboxEntry>>(std::move(done), [state = state_] {
      std::vector<MailboxEntry> entries;
      for (const auto& [name, box] : state->boxes) {
        MailboxEntry entry;
        entry.name = name;
        entry.selectable = box->selectable;
        entry.subscribed = state->subscriptions.contains(name);
        entry.special_use = box->special_use;
        entry.id = box->id;
        entries.push_back(std::move(entry));
      }
      for (const std::string& name : state->subscriptions) {
        if (state->Find(name) != nullptr) continue;
        MailboxEntry entry;
        entry.name = name;
        entry.exists = false;
        entry.subscribed = true;
        entries.push_back(std::move(entry));
      }
      return entries;
    });
  }

  void Status(absl::string_view name, Callback<MailboxStatus> done) override {
    backend_->Answer<MailboxStatus>(
        std::move(done),
        [state = state_, name = std::string(name)]() -> absl::StatusOr<MailboxStatus> {
          const std::shared_ptr<Box> box = state->FindSelectable(name);
          if (box == nullptr) return memory_internal::NoSuchMailbox();
          return memory_internal::StatusOf(*box);
        });
  }

  void Create(absl::string_view name, std::optional<SpecialUse> special_use,
              Callback<MailboxId> done) override {
    backend_->Answer<MailboxId>(
        std::move(done),
        [state = state_, name = std::string(name), special_use]() -> absl::StatusOr<MailboxId> {
          if (name.size() > memory_internal::kMaxNameOctets) {
            return MakeError(ErrorCode::kCannot, "Mailbox name is too long");
          }
          std::shared_ptr<Box> box = state->Find(name);
          if (box != nullptr && box->selectable) {
            return MakeError(ErrorCode::kAlreadyExists, "Mailbox exists");
          }
          if (special_use.has_value() && state->HasUse(*special_use)) {
            return MakeError(ErrorCode::kUseAttr, "Another mailbox has this special use");
          }
          if (box == nullptr) box = state->Make();
          box->selectable = true;
          box->special_use = special_use;
          memory_internal::MakeParents(state.get(), name);
          state->boxes[name] = box;
          return box->id;
        });
  }

  void Delete(absl::string_view name, DoneCallback done) override {
    backend_->AnswerDone(std::move(done),
                         [this_backend = backend_, state = state_, name = std::string(name)] {
                           const absl::Status status = DeleteNow(state.get(), name);
                           this_backend->WakeWaiters(state);
                           return status;
                         });
  }

  void Rename(absl::string_view from, absl::string_view to, DoneCallback done) override {
    backend_->AnswerDone(std::move(done), [this_backend = backend_, state = state_,
                                           from = std::string(from), to = std::string(to)] {
      const absl::Status status = RenameNow(state.get(), from, to);
      this_backend->WakeWaiters(state);
      return status;
    });
  }

  void Subscribe(absl::string_view name, DoneCallback done) override {
    backend_->AnswerDone(std::move(done), [state = state_, name = std::string(name)] {
      state->subscriptions.insert(name);
      return absl::OkStatus();
    });
  }

  void Unsubscribe(absl::string_view name, DoneCallback done) override {
    backend_->AnswerDone(std::move(done), [state = state_, name = std::string(name)] {
      state->subscriptions.erase(name);
      return absl::OkStatus();
    });
  }

  void Open(absl::string_view name, bool read_only,
            Callback<std::unique_ptr<Mailbox>> done) override {
    backend_->Answer<std::unique_ptr<Mailbox>>(
        std::move(done),
        [backend = backend_, state = state_, name = std::string(name),
         read_only]() -> absl::StatusOr<std::unique_ptr<Mailbox>> {
          const std::shared_ptr<Box> box = state->FindSelectable(name);
          if (box == nullptr) return memory_internal::NoSuchMailbox();
          return std::make_unique<MemoryMailbox>(backend, state, box, read_only);
        });
  }

  void BeginAppend(AppendRequest request, Callback<std::unique_ptr<AppendStream>> done) override {
    backend_->Answer<std::unique_ptr<AppendStream>>(
        std::move(done),
        [backend = backend_, state = state_,
         request = std::move(request)]() -> absl::StatusOr<std::unique_ptr<AppendStream>> {
          if (state->FindSelectable(request.mailbox) == nullptr) {
            return memory_internal::NoSuchDestination();
          }
          return std::make_unique<MemoryAppendStream>(backend, state, request);
        });
  }

 private:
  static absl::Status DeleteNow(AccountState* state, const std::string& name) {
    if (name == "INBOX") return MakeError(ErrorCode::kCannot, "INBOX cannot be deleted");
    const std::shared_ptr<Box> box = state->Find(name);
    if (box == nullptr) return memory_internal::NoSuchMailbox();
    const bool children = state->HasChildren(name);
    if (!box->selectable && children) {
      return MakeError(ErrorCode::kCannot, "Mailbox has children");
    }
    box->deleted = true;
    state->boxes.erase(name);
    if (!children) return absl::OkStatus();
    const std::shared_ptr<Box> level = state->Make();
    level->selectable = false;
    state->boxes.emplace(name, level);
    return absl::OkStatus();
  }

  static absl::Status RenameNow(AccountState* state, const std::string& from,
                                const std::string& to) {
    if (state->Find(from) == nullptr) return memory_internal::NoSuchMailbox();
    if (state->Find(to) != nullptr) return MakeError(ErrorCode::kAlreadyExists, "Mailbox exists");
    if (to.size() > memory_internal::kMaxNameOctets) {
      return MakeError(ErrorCode::kCannot, "Mailbox name is too long");
    }
    const std::string prefix = absl::StrCat(from, "/");
    if (absl::StartsWith(to, prefix) && from != "INBOX") {
      return MakeError(ErrorCode::kCannot, "A mailbox cannot move below itself");
    }
    memory_internal::MakeParents(state, to);
    if (from == "INBOX") return RenameInbox(state, to);
    memory_internal::BoxMap moved;
    for (const auto& [name, box] : state->boxes) {
      if (name != from && !absl::StartsWith(name, prefix)) continue;
      moved.emplace(absl::StrCat(to, name.substr(from.size())), box);
    }
    std::erase_if(state->boxes, [&](const auto& named) {
      return named.first == from || absl::StartsWith(named.first, prefix);
    });
    state->boxes.merge(moved);
    return absl::OkStatus();
  }

  // The messages go, INBOX stays, its children too (RFC 3501 s6.3.5).
  static absl::Status RenameInbox(AccountState* state, const std::string& to) {
    const std::shared_ptr<Box> inbox = state->Find("INBOX");
    const std::shared_ptr<Box> target = state->Make();
    state->boxes[to] = target;
    while (!inbox->messages.empty()) {
      memory_internal::Add(target.get(), inbox->messages.begin()->second, target->NextModSeq());
      memory_internal::Remove(inbox.get(), inbox->messages.begin(), inbox->NextModSeq());
    }
    return absl::OkStatus();
  }

  MemoryBackend* const backend_;
  const std::shared_ptr<AccountState> state_;
};

// --- MemoryBackend ------------------------------------------------------------------------------

MemoryBackend::MemoryBackend() = default;
MemoryBackend::~MemoryBackend() = default;

void MemoryBackend::AddAccount(absl::string_view user, absl::string_view password) {
  auto account = std::make_shared<AccountState>();
  account->user = std::string(user);
  account->password = std::string(password);
  const std::pair<const char*, std::optional<SpecialUse>> kMailboxes[] = {
      {"INBOX", std::nullopt},       {"Drafts", SpecialUse::kDrafts},
      {"Sent", SpecialUse::kSent},   {"Junk", SpecialUse::kJunk},
      {"Trash", SpecialUse::kTrash}, {"Archive", SpecialUse::kArchive},
  };
  for (const auto& [name, special_use] : kMailboxes) {
    const std::shared_ptr<Box> box = account->Make();
    box->special_use = special_use;
    account->boxes.emplace(name, box);
    account->subscriptions.insert(name);
  }
  accounts_[std::string(user)] = std::move(account);
}

void MemoryBackend::ForgetExpunges(absl::string_view user, absl::string_view mailbox) {
  Box& box = *accounts_.find(user)->second->Find(mailbox);
  box.expunged.clear();
  box.expunges_known_since = box.highest_modseq;
}

void MemoryBackend::SetRelay(absl::string_view user, absl::string_view node) {
  accounts_.find(user)->second->relay_node = std::string(node);
}

Uid MemoryBackend::Deliver(absl::string_view user, absl::string_view mailbox,
                           absl::string_view message, const FlagSet& flags) {
  const std::shared_ptr<AccountState> account = accounts_.find(user)->second;
  Message record;
  record.email_id = NextEmailId();
  record.octets = std::make_shared<const std::string>(message);
  record.structure = message::SerializeStructure(message::ParseStructure(message));
  record.internal_date = now_;
  record.flags = flags;
  const std::shared_ptr<Box> box = account->Find(mailbox);
  const Uid uid = memory_internal::Add(box.get(), std::move(record), box->NextModSeq());
  WakeWaiters(account);
  return uid;
}

std::string MemoryBackend::NextEmailId() { return absl::StrCat("M", ++last_email_id_); }

void MemoryBackend::FailAfter(size_t calls, absl::Status error) {
  failures_.resize(failures_.size() + calls);
  failures_.push_back(std::move(error));
}

absl::Status MemoryBackend::TakeFailure() {
  if (failures_.empty()) return absl::OkStatus();
  absl::Status failure = std::move(failures_.front());
  failures_.pop_front();
  return failure;
}

void MemoryBackend::Run(absl::AnyInvocable<void()> call) {
  if (deferred_) {
    pending_.push_back(std::move(call));
  } else {
    call();
  }
}

void MemoryBackend::Complete(size_t n) {
  absl::AnyInvocable<void()> call = std::move(pending_[n]);
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(n));
  call();
}

void MemoryBackend::CompleteAll() {
  while (!pending_.empty()) Complete();
}

void MemoryBackend::WakeWaiters(const std::shared_ptr<AccountState>& account) {
  std::vector<absl::AnyInvocable<void()>> due;
  const auto collect = [&due](Box* box) {
    for (auto at = box->waiters.begin(); at != box->waiters.end();) {
      const bool wake = box->deleted || box->highest_modseq > at->since;
      if (wake) due.push_back(std::move(at->wake));
      at = wake ? box->waiters.erase(at) : std::next(at);
    }
  };
  std::erase_if(account->every_box, [](const auto& box) { return box.expired(); });
  for (const std::weak_ptr<Box>& box : account->every_box) {
    if (const std::shared_ptr<Box> alive = box.lock(); alive != nullptr) collect(alive.get());
  }
  for (absl::AnyInvocable<void()>& wake : due) Run(std::move(wake));
}

void MemoryBackend::Authenticate(Credentials credentials, Callback<LoginResult> done) {
  last_credentials_ = credentials;
  Answer<LoginResult>(
      std::move(done),
      [this, credentials = std::move(credentials)]() -> absl::StatusOr<LoginResult> {
        const auto found = accounts_.find(credentials.user);
        const bool other_user = !credentials.authorization_id.empty() &&
                                credentials.authorization_id != credentials.user;
        if (found == accounts_.end() || found->second->password != credentials.password) {
          return MakeError(ErrorCode::kAuthenticationFailed, "Invalid credentials");
        }
        if (other_user) {
          return MakeError(ErrorCode::kAuthorizationFailed, "Not allowed to act as that user");
        }
        LoginResult result;
        result.relay_node = found->second->relay_node;
        if (result.relay_node.empty()) result.account = OpenAccount(credentials.user);
        return result;
      });
}

std::unique_ptr<Account> MemoryBackend::OpenAccount(absl::string_view user) {
  return std::make_unique<MemoryAccount>(this, accounts_.find(user)->second);
}

}  // namespace packetboat::imap
