#include "mail/imap/view.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace packetboat::imap {
namespace {

// RFC 3501 leaves open whether keywords differ by case; clients take it that they do not.
auto EqualsIgnoringCase(absl::string_view keyword) {
  return [keyword](const std::string& other) { return absl::EqualsIgnoreCase(other, keyword); };
}

}  // namespace

std::optional<SeqNum> View::FirstUnseen() const {
  const auto seen = static_cast<uint32_t>(SystemFlag::kSeen);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return (entry.system & seen) == 0; });
  if (found == entries_.end()) return std::nullopt;
  return SeqNum(static_cast<uint32_t>(found - entries_.begin()) + 1);
}

FlagSet View::FlagsOf(SeqNum number) const {
  const Entry& entry = At(number);
  FlagSet flags;
  flags.system = static_cast<uint8_t>(entry.system);
  flags.keywords = keyword_sets_[entry.keyword_set];
  return flags;
}

bool View::Has(SeqNum number, SystemFlag flag) const {
  return (At(number).system & static_cast<uint32_t>(flag)) != 0;
}

bool View::HasKeyword(SeqNum number, absl::string_view keyword) const {
  const std::vector<std::string>& keywords = keyword_sets_[At(number).keyword_set];
  return std::any_of(keywords.begin(), keywords.end(), EqualsIgnoringCase(keyword));
}

size_t View::LowerBound(uint32_t uid) const {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), uid,
                       [](const Entry& entry, uint32_t value) { return entry.uid < value; });
  return static_cast<size_t>(found - entries_.begin());
}

SeqNum View::NumberOf(Uid uid) const {
  const size_t index = LowerBound(uid.value());
  if (index == entries_.size() || entries_[index].uid != uid.value()) return SeqNum();
  return SeqNum(static_cast<uint32_t>(index) + 1);
}

std::optional<NumberSet> View::ResolveNumbers(const SequenceSet& set) const {
  if (set.largest_number() > size()) return std::nullopt;
  return set.Resolve(size());
}

NumberSet View::ResolveUids(const SequenceSet& set) const {
  if (entries_.empty()) return NumberSet();
  return NumbersIn(set.Resolve(entries_.back().uid));
}

NumberSet View::NumbersIn(const UidSet& uids) const {
  NumberSet numbers;
  for (const NumberRange& range : uids.ranges()) {
    const size_t begin = LowerBound(range.first);
    const size_t end = range.last == UINT32_MAX ? entries_.size() : LowerBound(range.last + 1);
    if (begin == end) continue;
    numbers.AddRange(static_cast<uint32_t>(begin) + 1, static_cast<uint32_t>(end));
  }
  return numbers;
}

UidSet View::AllUids() const {
  UidSet uids;
  for (const Entry& entry : entries_) uids.Add(entry.uid);
  return uids;
}

std::vector<Uid> View::UidsOf(const NumberSet& numbers) const {
  std::vector<Uid> uids;
  uids.reserve(numbers.Count());
  for (const NumberRange& range : numbers.ranges()) {
    for (uint32_t number = range.first; number <= range.last; ++number) {
      const Entry& entry = At(SeqNum(number));
      if (!entry.expunged) uids.push_back(Uid(entry.uid));
    }
  }
  return uids;
}

UidSet View::UidRangesOf(const NumberSet& numbers) const {
  UidSet uids;
  for (const NumberRange& range : numbers.ranges()) {
    uids.AddRange(At(SeqNum(range.first)).uid, At(SeqNum(range.last)).uid);
  }
  return uids;
}

std::string View::SpellingOf(absl::string_view keyword) const {
  const auto found = std::find_if(keywords_.begin(), keywords_.end(), EqualsIgnoringCase(keyword));
  return found == keywords_.end() ? std::string(keyword) : *found;
}

void View::AddKeyword(absl::string_view keyword) {
  if (std::none_of(keywords_.begin(), keywords_.end(), EqualsIgnoringCase(keyword))) {
    keywords_.emplace_back(keyword);
  }
}

uint32_t View::InternKeywords(const std::vector<std::string>& keywords) {
  const auto found = keyword_set_index_.find(keywords);
  if (found != keyword_set_index_.end()) return found->second;
  for (const std::string& keyword : keywords) AddKeyword(keyword);
  if (keyword_sets_.size() >= kMaxKeywordSets) DropUnusedKeywordSets();
  const auto index = static_cast<uint32_t>(keyword_sets_.size());
  keyword_sets_.push_back(keywords);
  keyword_set_index_.emplace(keywords, index);
  return index;
}

void View::DropUnusedKeywordSets() {
  std::vector<std::vector<std::string>> old_sets = std::move(keyword_sets_);
  std::vector<uint32_t> moved_to(old_sets.size(), 0);
  keyword_sets_ = {{}};
  keyword_set_index_ = {{{}, 0}};
  for (Entry& entry : entries_) {
    uint32_t& target = moved_to[entry.keyword_set];
    if (entry.keyword_set != 0 && target == 0) {
      target = static_cast<uint32_t>(keyword_sets_.size());
      keyword_set_index_.emplace(old_sets[entry.keyword_set], target);
      keyword_sets_.push_back(std::move(old_sets[entry.keyword_set]));
    }
    entry.keyword_set = target;
  }
}

// Whether the client-visible flags became others.
bool View::SetFlags(const MessageState& state, Entry* entry) {
  const uint32_t keyword_set = InternKeywords(state.flags.keywords);
  const bool changed = entry->system != state.flags.system || entry->keyword_set != keyword_set;
  entry->system = state.flags.system;
  entry->keyword_set = keyword_set;
  entry->modseq = state.modseq.value();
  return changed;
}

void View::Append(const MessageState& state) {
  Entry entry{};
  entry.uid = state.uid.value();
  entry.recent = state.recent;
  entries_.push_back(entry);
  SetFlags(state, &entries_.back());
  if (state.recent) ++recent_;
}

void View::ApplyState(const MessageState& state) {
  if (entries_.empty() || state.uid.value() > entries_.back().uid) return Append(state);
  const size_t index = LowerBound(state.uid.value());
  Entry& entry = entries_[index];
  if (entry.uid != state.uid.value() || entry.modseq >= state.modseq.value()) return;
  SetFlags(state, &entry) ? OweFlags(&entry) : OweModSeq(&entry);
}

void View::OweFlags(Entry* entry) {
  if (!entry->flags_pending && !entry->modseq_pending) pending_.push_back(entry->uid);
  entry->flags_pending = 1;
}

void View::OweModSeq(Entry* entry) {
  if (!tells_modseqs_ || entry->flags_pending || entry->modseq_pending) return;
  pending_.push_back(entry->uid);
  entry->modseq_pending = 1;
}

void View::MarkExpunged(const NumberSet& uids) {
  for (const NumberRange& range : uids.ranges()) {
    for (size_t i = LowerBound(range.first); i < entries_.size(); ++i) {
      if (entries_[i].uid > range.last) break;
      MarkExpunged(&entries_[i]);
    }
  }
}

void View::MarkExpunged(Entry* entry) {
  if (entry->expunged) return;
  entry->expunged = 1;
  ++expunged_;
}

void View::ExpungeAllBut(const UidSet& uids) {
  for (Entry& entry : entries_) {
    if (!uids.Contains(entry.uid)) MarkExpunged(&entry);
  }
}

void View::Apply(const SyncResult& page) {
  for (const MessageState& state : page.changed) ApplyState(state);
  MarkExpunged(page.expunged);
}

void View::ApplyOwnChange(const MessageState& state, FlagChange change, const FlagSet& flags,
                          Answer answer) {
  const SeqNum number = NumberOf(state.uid);
  if (number.value() == 0) return;
  Entry& entry = entries_[number.value() - 1];
  const FlagSet expected = ChangeFlags(FlagsOf(number), change, flags);
  if (entry.modseq < state.modseq.value()) SetFlags(state, &entry);
  if (answer == Answer::kFlags || !(FlagsOf(number) == expected)) return OweFlags(&entry);
  if (answer == Answer::kModSeq) OweModSeq(&entry);
}

bool View::HasUpdates(bool may_expunge) const {
  return told_keywords_ != keywords_.size() || told_exists_ != size() || told_recent_ != recent_ ||
         !pending_.empty() || (may_expunge && expunged_ != 0);
}

// Numbers from the highest down, so that each is as before when its turn comes.
void View::TakeExpunged(Updates* updates) {
  for (uint32_t number = 1; number <= told_exists_; ++number) {
    const Entry& entry = At(SeqNum(number));
    if (entry.expunged) updates->vanished.Add(entry.uid);
  }
  for (uint32_t number = size(); number > 0; --number) {
    const Entry& entry = At(SeqNum(number));
    if (!entry.expunged) continue;
    if (entry.recent) --recent_;
    if (number > told_exists_) continue;  // came and went unseen
    updates->expunged.push_back(SeqNum(number));
    --told_exists_;
  }
  std::erase_if(entries_, [](const Entry& entry) { return entry.expunged != 0; });
  expunged_ = 0;
}

void View::TakePending(Updates* updates) {
  for (const uint32_t uid : pending_) {
    const SeqNum number = NumberOf(Uid(uid));
    if (number.value() == 0) continue;
    Entry& entry = entries_[number.value() - 1];
    const bool flags = entry.flags_pending;
    entry.flags_pending = entry.modseq_pending = 0;
    if (!entry.expunged) (flags ? updates->flags : updates->modseqs).push_back(number);
  }
  pending_.clear();
  std::sort(updates->flags.begin(), updates->flags.end());
  std::sort(updates->modseqs.begin(), updates->modseqs.end());
}

View::Updates View::TakeUpdates(bool may_expunge) {
  Updates updates;
  updates.keywords = told_keywords_ != keywords_.size();
  if (may_expunge && expunged_ != 0) TakeExpunged(&updates);
  if (told_exists_ != size()) updates.exists = size();
  if (updates.exists.has_value() || told_recent_ != recent_) updates.recent = recent_;
  TakePending(&updates);
  told_keywords_ = keywords_.size();
  told_exists_ = size();
  told_recent_ = recent_;
  if (expunged_ == 0) told_ = synced_;
  return updates;
}

}  // namespace packetboat::imap
