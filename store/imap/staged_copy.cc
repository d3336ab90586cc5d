#include "store/imap/staged_copy.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/status.h"
#include "store/model/reader.h"

namespace packetboat::store {
namespace {

using imap::CopyResult;
using imap::UidSet;

// One copy or move until its end. Its steps run on the session's loop, one after the other.
class Copier : public std::enable_shared_from_this<Copier> {
 public:
  Copier(SessionContext context, CopyRequest request, imap::Callback<CopyResult> done)
      : context_(std::move(context)), request_(std::move(request)), done_(std::move(done)) {}

  void Start() {
    context_.Read<UidSet>(
        imap::Freshness::kLocal,
        [account = context_.user.account, shard = context_.user.shard, mailbox = request_.mailbox,
         uids = request_.uids](const kv::Reader& state) {
          return Existing(state, shard, account, mailbox, uids);
        },
        [self = shared_from_this()](absl::StatusOr<UidSet> existing) {
          if (!existing.ok()) return self->done_(existing.status());
          // UIDs that do not exist are ignored (RFC 3501 s6.4.8).
          if (existing->empty()) return self->done_(CopyResult());
          self->existing_ = *std::move(existing);
          self->existing_.Count() <= model::kMaxMessagesPerEntry ? self->CopyAtOnce()
                                                                 : self->StagePiece();
        });
  }

 private:
  static absl::StatusOr<UidSet> Existing(const kv::Reader& state, ShardId shard, AccountId account,
                                         MailboxId mailbox, const UidSet& uids) {
    const model::Reader reader(state, shard);
    ASSIGN_OR_RETURN(const std::optional<model::MailboxReader> found,
                     reader.OpenMailbox(account, mailbox));
    if (!found.has_value()) {
      return imap::MakeError(imap::ErrorCode::kNonExistent, "The mailbox was deleted");
    }
    UidSet existing;
    for (const imap::NumberRange& range : uids.ranges()) {
      RETURN_IF_ERROR(found->ForEach(Uid(range.first), [&](const model::MessageState& message) {
        if (message.uid.value() > range.last) return false;
        existing.Add(message.uid.value());
        return true;
      }));
    }
    return existing;
  }

  void CopyAtOnce() {
    entry::Entry entry;
    entry::Copy& copy = *entry.mutable_copy();
    copy.set_account(context_.user.account.value());
    copy.set_source(request_.mailbox.value());
    copy.set_destination(request_.destination);
    copy.set_move(request_.move);
    copy.set_quota_octets(context_.user.quota_octets);
    FillUids(existing_, copy.mutable_uids());
    context_.Propose(std::move(entry),
                     [self = shared_from_this()](absl::StatusOr<entry::Result> result) {
                       if (!result.ok()) return self->done_(result.status());
                       self->Finish(result->copy(), ToUidSet(result->copy().source()));
                     });
  }

  // The next kMaxMessagesPerEntry messages, or the final entry.
  void StagePiece() {
    entry::Entry entry;
    entry::StageCopy& piece = *entry.mutable_stage_copy();
    piece.set_account(context_.user.account.value());
    piece.set_stage(stage_);
    piece.set_require_all(true);
    if (stage_ == 0) {
      piece.set_source(request_.mailbox.value());
      piece.set_destination(request_.destination);
      piece.set_move(request_.move);
    }
    const UidSet uids = NextPiece();
    if (uids.empty()) return FinishStage();
    FillUids(uids, piece.mutable_uids());
    context_.Propose(std::move(entry),
                     [self = shared_from_this()](absl::StatusOr<entry::Result> result) {
                       if (!result.ok()) return self->GiveUp(result.status());
                       self->stage_ = result->stage().stage();
                       self->StagePiece();
                     });
  }

  UidSet NextPiece() {
    UidSet piece;
    uint64_t room = model::kMaxMessagesPerEntry;
    for (const imap::NumberRange& range : existing_.ranges()) {
      if (range.last <= staged_up_to_) continue;
      const uint32_t first = std::max(range.first, staged_up_to_ + 1);
      const uint64_t count = std::min<uint64_t>(uint64_t{range.last} - first + 1, room);
      piece.AddRange(first, static_cast<uint32_t>(first + count - 1));
      room -= count;
      if (room == 0) break;
    }
    if (!piece.empty()) staged_up_to_ = piece.max();
    return piece;
  }

  void FinishStage() {
    entry::Entry entry;
    entry::FinishCopy& finish = *entry.mutable_finish_copy();
    finish.set_account(context_.user.account.value());
    finish.set_stage(stage_);
    finish.set_quota_octets(context_.user.quota_octets);
    context_.Propose(std::move(entry),
                     [self = shared_from_this()](absl::StatusOr<entry::Result> result) {
                       if (!result.ok()) return self->GiveUp(result.status());
                       self->Finish(result->copy(), self->existing_);
                     });
  }

  // What was staged is dropped now or, if even that fails, when it has been idle for a while.
  void GiveUp(const absl::Status& status) {
    if (stage_ != 0) {
      entry::Entry entry;
      entry.mutable_drop_stage()->set_account(context_.user.account.value());
      entry.mutable_drop_stage()->set_stage(stage_);
      context_.Propose(std::move(entry), [](absl::StatusOr<entry::Result>) {});
    }
    done_(status);
  }

  void Finish(const entry::CopyResult& copied, UidSet source) {
    CopyResult result;
    result.uid_validity = UidValidity(copied.uid_validity());
    result.source = std::move(source);
    if (copied.count() > 0) {
      result.destination.AddRange(copied.first_uid(), copied.first_uid() + copied.count() - 1);
    }
    done_(std::move(result));
  }

  const SessionContext context_;
  const CopyRequest request_;
  imap::Callback<CopyResult> done_;
  UidSet existing_;
  uint64_t stage_ = 0;
  uint32_t staged_up_to_ = 0;
};

}  // namespace

void StartCopy(SessionContext context, CopyRequest request, imap::Callback<CopyResult> done) {
  std::make_shared<Copier>(std::move(context), std::move(request), std::move(done))->Start();
}

}  // namespace packetboat::store
