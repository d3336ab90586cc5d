#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/mailbox_name.h"

namespace packetboat::imap {
namespace {

Reply BadNumbers() { return Bad("No such message"); }

Reply SomeGone() { return No("EXPUNGEISSUED", "Some of the messages no longer exist"); }

// The messages that a command names, as message numbers; nothing for a number above EXISTS.
std::optional<NumberSet> Resolve(const View& view, bool uid, const SequenceSet& set) {
  if (uid) return view.ResolveUids(set);
  return view.ResolveNumbers(set);
}

bool AnyExpunged(const View& view, const NumberSet& numbers) {
  return view.UidsOf(numbers).size() != numbers.Count();
}

// Cuts `numbers` so that no piece names more than `size` messages.
std::vector<NumberSet> Batches(const NumberSet& numbers, size_t size) {
  std::vector<NumberSet> batches;
  size_t room = 0;
  for (NumberRange range : numbers.ranges()) {
    while (range.first <= range.last) {
      if (room == 0) {
        batches.emplace_back();
        room = size;
      }
      const auto count =
          static_cast<uint32_t>(std::min<uint64_t>(room, uint64_t{range.last} - range.first + 1));
      batches.back().AddRange(range.first, range.first + count - 1);
      room -= count;
      if (range.last - range.first + 1 == count) break;
      range.first += count;
    }
  }
  return batches;
}

// Those of `numbers` that carry \Deleted.
NumberSet Deleted(const View& view, const NumberSet& numbers) {
  NumberSet deleted;
  for (const NumberRange& range : numbers.ranges()) {
    for (uint32_t number = range.first; number <= range.last; ++number) {
      const SeqNum message(number);
      if (!view.IsExpunged(message) && view.Has(message, SystemFlag::kDeleted)) deleted.Add(number);
    }
  }
  return deleted;
}

NumberSet AllNumbers(const View& view) {
  NumberSet numbers;
  if (view.size() > 0) numbers.AddRange(1, view.size());
  return numbers;
}

// Removes what is \Deleted by the mailbox's state of now, all of it or what `uids` names: answers
// the UIDs that it named, and perhaps such as no longer exist.
Task<absl::StatusOr<UidSet>> ExpungeDeleted(Context& context,
                                            const std::optional<SequenceSet>& uids) {
  UidSet named;
  const absl::Status synchronized = co_await context.Synchronize(Freshness::kLocal);
  if (!synchronized.ok()) co_return synchronized;
  Selection& selection = *context.selection;
  const View& view = selection.view;
  const NumberSet numbers = uids.has_value() ? view.ResolveUids(*uids) : AllNumbers(view);
  for (const NumberSet& batch : Batches(Deleted(view, numbers), kMaxMessagesPerChange)) {
    const UidSet ranges = view.UidRangesOf(batch);
    const absl::Status status = co_await context.AskDone(
        [&](DoneCallback done) { selection.mailbox->Expunge(ranges, std::move(done)); });
    if (!status.ok()) co_return status;
    for (const NumberRange& range : ranges.ranges()) named.AddRange(range.first, range.last);
  }
  co_return named;
}

// The MODSEQ up to which a client knows the mailbox that has just expunged `own` without being told
// so: the newest, if nothing else happened.
Task<ModSeq> KnownAtClose(Context& context, const UidSet& own) {
  View& view = context.selection->view;
  const ModSeq before = view.told();
  const absl::Status status = co_await context.Synchronize(Freshness::kLocal);
  if (!status.ok()) co_return before;
  const View::Updates news = view.TakeUpdates(/*may_expunge=*/true);
  const bool others = news.exists.has_value() || !news.flags.empty() || !news.modseqs.empty() ||
                      !news.vanished.Subtract(own).empty();
  co_return others ? before : view.told();
}

// The flags in the mailbox's spelling; nothing if it would get too many keywords.
std::optional<FlagSet> MailboxFlags(const Context& context, const FlagSet& wanted,
                                    FlagChange change) {
  const View& view = context.selection->view;
  FlagSet flags;
  flags.system = wanted.system;
  size_t keywords = view.keywords().size();
  for (const std::string& keyword : wanted.keywords) {
    const std::string spelling = view.SpellingOf(keyword);
    const auto& known = view.keywords();
    if (std::find(known.begin(), known.end(), spelling) == known.end()) ++keywords;
    flags.AddKeyword(spelling);
  }
  const bool adds = change != FlagChange::kRemove && keywords > view.keywords().size();
  if (adds && keywords > context.options.limits.max_mailbox_keywords) return std::nullopt;
  return flags;
}

// RFC 7162 s3.1.3: what failed the check is named, whatever else there is to say.
Reply StoreReply(const NumberSet& modified, bool gone) {
  const std::string code = modified.empty() ? "" : absl::StrCat("MODIFIED ", modified.ToString());
  if (gone && modified.empty()) return SomeGone();
  if (gone) return No(code, "Conditional STORE failed, and some messages no longer exist");
  if (!modified.empty()) return Ok(code, "Conditional STORE failed");
  return Ok("Store completed");
}

FlagChange ChangeOf(Store::Mode mode) {
  switch (mode) {
    case Store::Mode::kReplace:
      return FlagChange::kReplace;
    case Store::Mode::kAdd:
      return FlagChange::kAdd;
    case Store::Mode::kRemove:
      return FlagChange::kRemove;
  }
  return FlagChange::kReplace;
}

// What was asked of COPY and MOVE, or why it cannot be done.
struct Transfer {
  UidSet uids;
  std::string destination;
};

std::optional<Reply> Prepare(const View& view, bool uid, const SequenceSet& set,
                             absl::string_view mailbox, Transfer* transfer) {
  const std::optional<NumberSet> numbers = Resolve(view, uid, set);
  if (!numbers.has_value()) return BadNumbers();
  const std::optional<std::string> name = CanonicalMailboxName(mailbox);
  if (!name.has_value()) return No("CANNOT", "Not a mailbox name");
  if (!uid && AnyExpunged(view, *numbers)) return SomeGone();
  transfer->uids = view.UidRangesOf(*numbers);
  transfer->destination = *name;
  return std::nullopt;
}

// RFC 4315 s3; empty if nothing was there to copy.
std::string CopyUid(const CopyResult& result) {
  if (result.source.empty()) return "";
  return absl::StrCat("COPYUID ", result.uid_validity.value(), " ", result.source.ToString(), " ",
                      result.destination.ToString());
}

}  // namespace

Task<Reply> Execute(Context&, const Check&) { co_return Ok("Check completed"); }

Task<Reply> Execute(Context& context, const Close&) {
  absl::StatusOr<UidSet> expunged = UidSet();
  if (!context.selection->read_only) expunged = co_await ExpungeDeleted(context, std::nullopt);
  // Expunging a mailbox that has been deleted meanwhile has nothing left to do.
  if (!expunged.ok() && !absl::IsNotFound(expunged.status()))
    co_return NoBecause(expunged.status());
  std::string code;  // RFC 7162 s3.2.8
  if (context.qresync && expunged.ok()) {
    const ModSeq known = co_await KnownAtClose(context, *expunged);
    code = HighestModSeqCode(known);
  }
  context.selection = nullptr;
  co_return Ok(code, "Close completed");
}

Task<Reply> Execute(Context& context, const Unselect&) {
  context.selection = nullptr;
  co_return Ok("Unselect completed");
}

Task<Reply> Execute(Context& context, const Expunge& command) {
  const auto expunged = co_await ExpungeDeleted(context, command.uids);
  co_return expunged.ok() ? Ok("Expunge completed") : NoBecause(expunged.status());
}

// A conditional STORE is answered with MODSEQ even where it is silent (RFC 7162 s3.1.3), and so is
// any other once the client knows of it.
Task<Reply> Execute(Context& context, const Store& command) {
  Selection& selection = *context.selection;
  const std::optional<NumberSet> numbers = Resolve(selection.view, command.uid, command.set);
  if (!numbers.has_value()) co_return BadNumbers();
  if (command.unchanged_since.has_value()) EnableCondstore(context);
  const auto answer = command.silent ? View::Answer::kModSeq : View::Answer::kFlags;
  StoreRequest request;
  request.change = ChangeOf(command.mode);
  request.unchanged_since = command.unchanged_since;
  const std::optional<FlagSet> flags = MailboxFlags(context, command.flags, request.change);
  if (!flags.has_value()) co_return No("LIMIT", "Too many keywords in this mailbox");
  request.flags = *flags;
  uint64_t found = 0;
  NumberSet modified;
  for (const NumberSet& batch : Batches(*numbers, kMaxMessagesPerChange)) {
    request.uids = selection.view.UidRangesOf(batch);
    const auto result = co_await context.Ask<StoreResult>([&](Callback<StoreResult> done) {
      selection.mailbox->StoreFlags(request, std::move(done));
    });
    if (!result.ok()) co_return NoBecause(result.status());
    for (const MessageState& state : result->messages) {
      selection.view.ApplyOwnChange(state, request.change, request.flags, answer);
    }
    for (const Uid uid : result->modified) {
      modified.Add(command.uid ? uid.value() : selection.view.NumberOf(uid).value());
    }
    found += result->messages.size() + result->modified.size();
  }
  const bool gone = !command.uid && found < numbers->Count();
  co_return StoreReply(modified, gone);
}

Task<Reply> Execute(Context& context, const Copy& command) {
  Selection& selection = *context.selection;
  Transfer transfer;
  const std::optional<Reply> refused =
      Prepare(selection.view, command.uid, command.set, command.mailbox, &transfer);
  if (refused.has_value()) co_return *refused;
  const auto result = co_await context.Ask<CopyResult>([&](Callback<CopyResult> done) {
    selection.mailbox->Copy(transfer.uids, transfer.destination, std::move(done));
  });
  if (!result.ok()) co_return NoBecause(result.status());
  co_return Ok(CopyUid(*result), "Copy completed");
}

// COPYUID comes before the EXPUNGE responses, and so in an OK of its own (RFC 6851 s4.3).
Task<Reply> Execute(Context& context, const Move& command) {
  Selection& selection = *context.selection;
  Transfer transfer;
  const std::optional<Reply> refused =
      Prepare(selection.view, command.uid, command.set, command.mailbox, &transfer);
  if (refused.has_value()) co_return *refused;
  const auto result = co_await context.Ask<CopyResult>([&](Callback<CopyResult> done) {
    selection.mailbox->Move(transfer.uids, transfer.destination, std::move(done));
  });
  if (!result.ok()) co_return NoBecause(result.status());
  const std::string copy_uid = CopyUid(*result);
  if (!copy_uid.empty()) context.SendUntagged(ToString(Ok(copy_uid, "Moved")));
  co_return Ok("Move completed");
}

}  // namespace packetboat::imap
