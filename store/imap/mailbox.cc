#include "store/imap/mailbox.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "mail/message/structure.h"
#include "mail/message/structure_parser.h"
#include "store/imap/staged_copy.h"
#include "store/model/reader.h"

namespace packetboat::store {
namespace {

using imap::Callback;
using imap::CopyResult;
using imap::ErrorCode;
using imap::Freshness;
using imap::MessageMetadata;
using imap::MessageState;
using imap::StoreResult;
using imap::SyncRequest;
using imap::SyncResult;
using imap::UidSet;

absl::Status Gone() { return imap::MakeError(ErrorCode::kNonExistent, "The mailbox was deleted"); }

// Where a mailbox is.
struct Place {
  AccountId account;
  MailboxId mailbox;
  ShardId shard;

  absl::StatusOr<model::MailboxReader> Open(const model::Reader& reader) const {
    ASSIGN_OR_RETURN(std::optional<model::MailboxReader> found,
                     reader.OpenMailbox(account, mailbox));
    if (!found.has_value() || !found->info().selectable) return Gone();
    return *std::move(found);
  }
};

MessageState ToState(const model::MessageState& state) {
  return {.uid = state.uid, .modseq = state.modseq, .flags = ToFlags(state)};
}

// The messages of `uids` that exist.
absl::StatusOr<std::vector<model::MessageState>> StatesOf(const model::MailboxReader& mailbox,
                                                          const UidSet& uids) {
  std::vector<model::MessageState> states;
  for (const imap::NumberRange& range : uids.ranges()) {
    RETURN_IF_ERROR(mailbox.ForEach(Uid(range.first), [&](const model::MessageState& state) {
      if (state.uid.value() > range.last) return false;
      states.push_back(state);
      return true;
    }));
  }
  return states;
}

absl::StatusOr<imap::Expunged> ReadExpunged(const model::MailboxReader& mailbox, ModSeq since) {
  ASSIGN_OR_RETURN(const model::MailboxReader::Expunges expunges, mailbox.ExpungedSince(since));
  imap::Expunged result;
  for (const model::UidRange& range : expunges.uids) {
    result.uids.AddRange(range.first.value(), range.last.value());
  }
  result.complete = expunges.complete;
  return result;
}

// Reads the body again, in pieces.
absl::StatusOr<message::Structure> ParseBody(const model::Reader& reader,
                                             const model::BodyRef& body) {
  message::StructureParser parser;
  for (uint64_t at = 0; at < body.octets; at += imap::kMaxReadBytes) {
    ASSIGN_OR_RETURN(const std::string piece, reader.ReadBody(body, at, imap::kMaxReadBytes));
    parser.Feed(piece);
  }
  return parser.Finish();
}

// The structure that is kept with the body; made anew if it was too large to be kept, or speaks of
// another number of octets than the body has: ranges beyond its end would be promised to clients.
absl::StatusOr<message::Structure> StructureOf(const model::Reader& reader,
                                               const model::BodyRef& body) {
  ASSIGN_OR_RETURN(const std::string stored, reader.ReadStructure(body));
  absl::StatusOr<message::Structure> structure = message::DeserializeStructure(stored);
  if (structure.ok() && structure->message_bytes() == body.octets) return structure;
  return ParseBody(reader, body);
}

// What FETCH shows is the trace fields of this delivery and then the shared body.
absl::StatusOr<std::string> StructureOf(const model::Reader& reader,
                                        const model::MessageInfo& info) {
  ASSIGN_OR_RETURN(message::Structure structure, StructureOf(reader, info.body));
  message::PrependToHeader(info.prefix, &structure);
  return message::SerializeStructure(structure);
}

// A body that was collected between two reads belongs to a message that was expunged long ago.
absl::Status ToReadError(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kNotFound) return status;
  return imap::MakeError(ErrorCode::kExpungeIssued, "The message no longer exists");
}

class SelectedMailbox : public imap::Mailbox {
 public:
  SelectedMailbox(SessionContext context, Info info)
      : context_(std::move(context)),
        info_(std::move(info)),
        place_{context_.user.account, info_.id, context_.user.shard},
        waiter_(std::make_shared<Waiter>(context_, place_)) {}

  ~SelectedMailbox() override {
    waiter_->Stop();
    if (!info_.read_only) KeepRecentMark();
  }

  const Info& info() const override { return info_; }

  void Sync(const SyncRequest& request, Callback<SyncResult> done) override {
    RecentMarks* const recent = context_.services.recent;
    // Before the snapshot: a mark that is forgotten from now on might not be in it yet.
    const Uid mark = recent->Get(place_.account, place_.mailbox, Uid());
    context_.Read<SyncResult>(
        request.freshness,
        [request, place = place_, recent, mark,
         read_only = info_.read_only](const kv::Reader& state) {
          return ReadChanges(request, place, *recent, mark, read_only, state);
        },
        std::move(done));
  }

  void ListExpunged(ModSeq since, Callback<imap::Expunged> done) override {
    context_.Read<imap::Expunged>(
        Freshness::kLocal,
        [since, place = place_](const kv::Reader& state) -> absl::StatusOr<imap::Expunged> {
          const model::Reader reader(state, place.shard);
          ASSIGN_OR_RETURN(const model::MailboxReader mailbox, place.Open(reader));
          return ReadExpunged(mailbox, since);
        },
        std::move(done));
  }

  void WaitForChange(ModSeq since, absl::AnyInvocable<void()> wake) override {
    waiter_->Stop();
    waiter_ = std::make_shared<Waiter>(context_, place_);
    if (wake) waiter_->Start(since, std::move(wake));
  }

  void FetchMetadata(std::vector<Uid> uids, bool with_structure,
                     Callback<std::vector<MessageMetadata>> done) override {
    context_.Read<std::vector<MessageMetadata>>(
        Freshness::kLocal,
        [uids = std::move(uids), with_structure, place = place_](const kv::Reader& state) {
          return ReadMetadata(uids, with_structure, place, state);
        },
        std::move(done));
  }

  void Read(Uid uid, uint64_t offset, size_t length, Callback<std::string> done) override {
    context_.Read<std::string>(
        Freshness::kLocal,
        [uid, offset, length, place = place_,
         known = known_](const kv::Reader& state) -> absl::StatusOr<std::string> {
          const model::Reader reader(state, place.shard);
          ASSIGN_OR_RETURN(const model::MessageInfo info, known->Find(uid, place, reader));
          absl::StatusOr<std::string> octets = reader.ReadMessage(info, offset, length);
          if (!octets.ok()) return ToReadError(octets.status());
          return octets;
        },
        std::move(done));
  }

  void StoreFlags(imap::StoreRequest request, Callback<StoreResult> done) override {
    entry::Entry entry;
    entry::StoreFlags& store = *entry.mutable_store_flags();
    store.set_account(place_.account.value());
    store.set_mailbox(place_.mailbox.value());
    FillUids(request.uids, store.mutable_uids());
    FillFlags(request.flags, *store.mutable_flags());
    store.set_change(ToEntry(request.change));
    if (request.unchanged_since.has_value()) {
      store.set_unchanged_since(request.unchanged_since->value());
    }
    context_.Propose(std::move(entry),
                     [context = context_, place = place_, uids = std::move(request.uids),
                      done = std::move(done)](absl::StatusOr<entry::Result> result) mutable {
                       if (!result.ok()) return done(result.status());
                       const UidSet modified = ToUidSet(result->store_flags().modified());
                       context.Read<StoreResult>(
                           Freshness::kLocal,
                           [place, uids = std::move(uids), modified](const kv::Reader& state) {
                             return ReadStored(place, uids, modified, state);
                           },
                           std::move(done));
                     });
  }

  void Expunge(UidSet uids, imap::DoneCallback done) override {
    entry::Entry entry;
    entry::Expunge& expunge = *entry.mutable_expunge();
    expunge.set_account(place_.account.value());
    expunge.set_mailbox(place_.mailbox.value());
    FillUids(uids, expunge.mutable_uids());
    expunge.set_only_deleted(true);
    context_.Propose(std::move(entry),
                     [done = std::move(done)](absl::StatusOr<entry::Result> result) mutable {
                       done(result.status());
                     });
  }

  void Copy(UidSet uids, absl::string_view destination, Callback<CopyResult> done) override {
    CopyOrMove(std::move(uids), destination, /*move=*/false, std::move(done));
  }

  void Move(UidSet uids, absl::string_view destination, Callback<CopyResult> done) override {
    CopyOrMove(std::move(uids), destination, /*move=*/true, std::move(done));
  }

 private:
  // Where messages lie whose octets were asked for lately: a body that is read in pieces stays
  // readable while another session expunges it.
  class KnownMessages {
   public:
    absl::StatusOr<model::MessageInfo> Find(Uid uid, const Place& place,
                                            const model::Reader& reader) {
      {
        absl::MutexLock lock(&mutex_);
        if (last_.has_value() && last_->uid == uid) return *last_;
      }
      ASSIGN_OR_RETURN(const model::MailboxReader mailbox, place.Open(reader));
      ASSIGN_OR_RETURN(std::optional<model::MessageInfo> info, mailbox.Info(uid));
      if (!info.has_value()) {
        return imap::MakeError(ErrorCode::kExpungeIssued, "The message no longer exists");
      }
      absl::MutexLock lock(&mutex_);
      last_ = *info;
      return *std::move(info);
    }

   private:
    absl::Mutex mutex_;
    std::optional<model::MessageInfo> last_ ABSL_GUARDED_BY(mutex_);
  };

  // One WaitForChange, from Start to its wake or Stop. Used on the loop.
  class Waiter : public std::enable_shared_from_this<Waiter> {
   public:
    Waiter(SessionContext context, Place place) : context_(std::move(context)), place_(place) {}

    void Start(ModSeq since, absl::AnyInvocable<void()> wake) {
      since_ = since;
      wake_ = std::move(wake);
      watch_ = context_.services.shards->WatchMailbox(
          {place_.account, place_.mailbox}, [loop = context_.loop, weak = weak_from_this()] {
            loop->Post([weak] {
              if (const auto self = weak.lock()) self->Look();
            });
          });
      Look();
    }

    void Stop() {
      if (watch_ != 0) context_.services.shards->Unwatch(watch_);
      watch_ = 0;
      wake_ = nullptr;
    }

   private:
    void Look() {
      if (watch_ == 0) return;
      context_.Read<bool>(
          Freshness::kLocal,
          [place = place_, since = since_](const kv::Reader& state) -> absl::StatusOr<bool> {
            const model::Reader reader(state, place.shard);
            const absl::StatusOr<model::MailboxReader> mailbox = place.Open(reader);
            return !mailbox.ok() || mailbox->status().highest_modseq > since;
          },
          [weak = weak_from_this()](absl::StatusOr<bool> changed) {
            if (const auto self = weak.lock()) self->Looked(changed);
          });
    }

    void Looked(const absl::StatusOr<bool>& changed) {
      if (watch_ == 0 || (changed.ok() && !*changed)) return;
      absl::AnyInvocable<void()> wake = std::move(wake_);
      Stop();
      wake();
    }

    const SessionContext context_;
    const Place place_;
    ModSeq since_;
    absl::AnyInvocable<void()> wake_;
    Shards::WatchId watch_ = 0;
  };

  static absl::StatusOr<SyncResult> ReadChanges(const SyncRequest& request, const Place& place,
                                                RecentMarks& recent, Uid mark, bool read_only,
                                                const kv::Reader& state) {
    const model::Reader reader(state, place.shard);
    ASSIGN_OR_RETURN(const model::MailboxReader mailbox, place.Open(reader));
    const model::MailboxStatus& status = mailbox.status();
    ASSIGN_OR_RETURN(const model::MailboxReader::Changes changes,
                     mailbox.ChangedSince(request.since, request.after, request.max_messages));
    SyncResult result;
    result.highest_modseq = status.highest_modseq;
    result.uid_next = status.uid_next;
    result.more = changes.more;
    const Uid told = changes.more ? Uid(changes.messages.back().uid.value() + 1) : status.uid_next;
    const Uid known = std::max(mark, status.recent_mark);
    const Uid first_recent = read_only ? recent.Get(place.account, place.mailbox, known)
                                       : recent.Claim(place.account, place.mailbox, known, told);
    for (const model::MessageState& message : changes.messages) {
      result.changed.push_back(ToState(message));
      result.changed.back().recent = message.uid >= first_recent;
    }
    if (request.since == ModSeq() || request.after != Uid()) return result;
    ASSIGN_OR_RETURN(imap::Expunged expunged, ReadExpunged(mailbox, request.since));
    result.expunged = std::move(expunged.uids);
    result.expunged_complete = expunged.complete;
    return result;
  }

  static absl::StatusOr<std::vector<MessageMetadata>> ReadMetadata(const std::vector<Uid>& uids,
                                                                   bool with_structure,
                                                                   const Place& place,
                                                                   const kv::Reader& state) {
    const model::Reader reader(state, place.shard);
    ASSIGN_OR_RETURN(const model::MailboxReader mailbox, place.Open(reader));
    std::vector<MessageMetadata> all;
    for (const Uid uid : uids) {
      ASSIGN_OR_RETURN(const std::optional<model::MessageInfo> info, mailbox.Info(uid));
      if (!info.has_value()) continue;
      std::string structure;
      if (with_structure) {
        ASSIGN_OR_RETURN(structure, StructureOf(reader, *info));
      }
      all.push_back({.uid = uid,
                     .internal_date = info->internal_date,
                     .size = info->size(),
                     .structure = std::move(structure),
                     .email_id = info->email_id});
    }
    return all;
  }

  static absl::StatusOr<StoreResult> ReadStored(const Place& place, const UidSet& uids,
                                                const UidSet& modified, const kv::Reader& state) {
    const model::Reader reader(state, place.shard);
    ASSIGN_OR_RETURN(const model::MailboxReader mailbox, place.Open(reader));
    ASSIGN_OR_RETURN(const std::vector<model::MessageState> states, StatesOf(mailbox, uids));
    StoreResult result;
    for (const model::MessageState& message : states) {
      if (!modified.Contains(message.uid.value())) result.messages.push_back(ToState(message));
    }
    for (const imap::NumberRange& range : modified.ranges()) {
      for (uint64_t uid = range.first; uid <= range.last; ++uid) {
        result.modified.push_back(Uid(static_cast<uint32_t>(uid)));
      }
    }
    return result;
  }

  static entry::StoreFlags::Change ToEntry(imap::FlagChange change) {
    switch (change) {
      case imap::FlagChange::kAdd:
        return entry::StoreFlags::ADD;
      case imap::FlagChange::kRemove:
        return entry::StoreFlags::REMOVE;
      case imap::FlagChange::kReplace:
        return entry::StoreFlags::REPLACE;
    }
    return entry::StoreFlags::CHANGE_UNSPECIFIED;
  }

  void CopyOrMove(UidSet uids, absl::string_view destination, bool move,
                  Callback<CopyResult> done) {
    StartCopy(context_,
              {.mailbox = place_.mailbox,
               .uids = std::move(uids),
               .destination = std::string(destination),
               .move = move},
              std::move(done));
  }

  // Puts this node's memory of \Recent into the log; a mark that is lost makes messages recent once
  // more, never less.
  void KeepRecentMark() {
    RecentMarks* const recent = context_.services.recent;
    const Uid mark = recent->Get(place_.account, place_.mailbox, Uid());
    if (mark == Uid()) return;
    entry::Entry entry;
    entry::RecentMark& out = *entry.mutable_recent_mark();
    out.set_account(place_.account.value());
    out.set_mailbox(place_.mailbox.value());
    out.set_uid(mark.value());
    context_.Propose(std::move(entry),
                     [recent, place = place_, mark](absl::StatusOr<entry::Result> result) {
                       if (result.ok()) recent->Forget(place.account, place.mailbox, mark);
                     });
  }

  const SessionContext context_;
  const Info info_;
  const Place place_;
  const std::shared_ptr<KnownMessages> known_ = std::make_shared<KnownMessages>();
  std::shared_ptr<Waiter> waiter_;
};

}  // namespace

std::unique_ptr<imap::Mailbox> NewMailbox(SessionContext context, imap::Mailbox::Info info) {
  return std::make_unique<SelectedMailbox>(std::move(context), std::move(info));
}

}  // namespace packetboat::store
