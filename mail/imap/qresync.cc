#include "mail/imap/qresync.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace packetboat::imap {
namespace {

// One VANISHED response names no more ranges: a line of some 8,000 octets (RFC 2683 s3.2.1.5).
constexpr size_t kMaxRangesPerLine = 360;

NumberSet Between(uint32_t first, uint32_t last) {
  NumberSet numbers;
  if (first <= last) numbers.AddRange(first, last);
  return numbers;
}

// The UIDs that were given out in this mailbox by the time it was read last.
UidSet GivenOut(const Selection& selection) {
  return Between(1, std::max(selection.uid_next.value(), uint32_t{1}) - 1);
}

// Those of `uids` that have vanished since. What still has a number is told when it loses it.
Task<absl::StatusOr<UidSet>> FindVanished(Context& context, const UidSet& uids, ModSeq since,
                                          Uid matched) {
  const Selection& selection = *context.selection;
  const auto expunged = co_await context.Ask<Expunged>(
      [&](Callback<Expunged> done) { selection.mailbox->ListExpunged(since, std::move(done)); });
  if (!expunged.ok()) co_return expunged.status();
  const UidSet absent = uids.Intersect(GivenOut(selection)).Subtract(selection.view.AllUids());
  if (expunged->complete) co_return absent.Intersect(expunged->uids);
  co_return absent.Subtract(Between(1, matched.value()));
}

// FLAGS and MODSEQ of what changed among `uids`.
Task<> SendChanged(Context& context, const UidSet& uids, ModSeq since) {
  const View& view = context.selection->view;
  const NumberSet numbers = view.NumbersIn(uids);
  for (const NumberRange& range : numbers.ranges()) {
    for (uint32_t number = range.first; number <= range.last; ++number) {
      if (view.ModSeqOf(SeqNum(number)) <= since) continue;
      context.SendChange(SeqNum(number), /*with_flags=*/true, /*with_uid=*/true);
      if (!context.HasRoom()) co_await context.WaitForRoom();
    }
  }
}

}  // namespace

Task<> SendVanished(Context& context, const UidSet& uids, bool earlier) {
  const std::vector<NumberRange>& ranges = uids.ranges();
  for (size_t at = 0; at < ranges.size(); at += kMaxRangesPerLine) {
    const auto begin = ranges.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(kMaxRangesPerLine, ranges.size() - at);
    const UidSet piece = UidSet::FromRanges({begin, begin + static_cast<std::ptrdiff_t>(count)});
    context.SendUntagged(absl::StrCat("VANISHED ", earlier ? "(EARLIER) " : "", piece.ToString()));
    if (!context.HasRoom()) co_await context.WaitForRoom();
  }
}

Uid LastMatch(const View& view, const SequenceSet& numbers, const SequenceSet& uids) {
  const NumberSet all_numbers = numbers.Resolve(0);
  const NumberSet all_uids = uids.Resolve(0);
  Uid last;
  auto run = all_uids.ranges().begin();
  uint32_t skipped = 0;  // of `run`
  for (const NumberRange& range : all_numbers.ranges()) {
    for (uint32_t number = range.first; number <= range.last; ++number) {
      if (number > view.size() || run == all_uids.ranges().end()) return last;
      const Uid uid(run->first + skipped);
      if (view.UidOf(SeqNum(number)) == uid) last = uid;
      if (uid.value() == run->last) {
        ++run;
        skipped = 0;
      } else {
        ++skipped;
      }
    }
  }
  return last;
}

Task<absl::Status> Resynchronize(Context& context, const QresyncParameters& known) {
  const Selection& selection = *context.selection;
  if (known.uid_validity != selection.mailbox->info().uid_validity) co_return absl::OkStatus();
  UidSet uids = GivenOut(selection);
  if (known.known_uids.has_value()) uids = known.known_uids->Resolve(0);
  Uid matched;
  if (known.sequence_match.has_value()) {
    matched = LastMatch(selection.view, known.sequence_match->first, known.sequence_match->second);
  }
  const auto vanished = co_await FindVanished(context, uids, known.mod_seq, matched);
  if (!vanished.ok()) co_return vanished.status();
  co_await SendVanished(context, *vanished, /*earlier=*/true);
  co_await SendChanged(context, uids, known.mod_seq);
  co_return absl::OkStatus();
}

Task<absl::Status> SendVanishedSince(Context& context, const UidSet& uids, ModSeq since) {
  const auto vanished = co_await FindVanished(context, uids, since, Uid());
  if (!vanished.ok()) co_return vanished.status();
  co_await SendVanished(context, *vanished, /*earlier=*/true);
  co_return absl::OkStatus();
}

}  // namespace packetboat::imap
