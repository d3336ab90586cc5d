#include "mail/imap/sequence_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace packetboat::imap {
namespace {

// nz-number or `*` from the front of `*text`.
std::optional<uint32_t> TakeNumber(absl::string_view* text) {
  if (text->empty()) return std::nullopt;
  if (text->front() == '*') {
    text->remove_prefix(1);
    return SequenceSet::kStar;
  }
  if (text->front() == '0') return std::nullopt;
  uint64_t number = 0;
  size_t length = 0;
  while (length < text->size() && absl::ascii_isdigit((*text)[length])) {
    number = number * 10 + static_cast<uint64_t>((*text)[length] - '0');
    if (number > UINT32_MAX) return std::nullopt;
    ++length;
  }
  if (length == 0) return std::nullopt;
  text->remove_prefix(length);
  return static_cast<uint32_t>(number);
}

std::optional<SequenceSet::Item> TakeItem(absl::string_view* text) {
  const std::optional<uint32_t> from = TakeNumber(text);
  if (!from.has_value()) return std::nullopt;
  if (text->empty() || text->front() != ':') return SequenceSet::Item{*from, *from};
  text->remove_prefix(1);
  const std::optional<uint32_t> to = TakeNumber(text);
  if (!to.has_value()) return std::nullopt;
  return SequenceSet::Item{*from, *to};
}

bool NamesStar(const SequenceSet::Item& item) {
  return item.from == SequenceSet::kStar || item.to == SequenceSet::kStar;
}

void AppendNumber(uint32_t number, std::string* out) {
  if (number == SequenceSet::kStar) {
    out->push_back('*');
  } else {
    absl::StrAppend(out, number);
  }
}

void AppendRange(uint32_t from, uint32_t to, std::string* out) {
  if (!out->empty()) out->push_back(',');
  AppendNumber(from, out);
  if (from == to) return;
  out->push_back(':');
  AppendNumber(to, out);
}

// Whether `next`, which begins no earlier than `range`, overlaps or touches it.
bool Joins(const NumberRange& range, const NumberRange& next) {
  return next.first <= range.last || next.first - range.last == 1;
}

}  // namespace

NumberSet NumberSet::FromRanges(std::vector<NumberRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const NumberRange& a, const NumberRange& b) { return a.first < b.first; });
  NumberSet set;
  for (const NumberRange& range : ranges) {
    if (!set.empty() && Joins(set.ranges_.back(), range)) {
      set.ranges_.back().last = std::max(set.ranges_.back().last, range.last);
    } else {
      set.ranges_.push_back(range);
    }
  }
  return set;
}

void NumberSet::AddRange(uint32_t first, uint32_t last) {
  NumberRange added{first, last};
  // The ranges that overlap or touch the new one are [begin, end).
  auto begin = ranges_.end();
  if (!ranges_.empty() && first <= ranges_.back().last) {
    begin = std::lower_bound(ranges_.begin(), ranges_.end(), added,
                             [](const NumberRange& range, const NumberRange& added) {
                               return range.last < added.first && !Joins(range, added);
                             });
  } else if (!ranges_.empty() && Joins(ranges_.back(), added)) {
    --begin;
  }
  auto end = begin;
  for (; end != ranges_.end() && (end->first <= added.last || end->first - added.last == 1);
       ++end) {
    added.first = std::min(added.first, end->first);
    added.last = std::max(added.last, end->last);
  }
  if (begin == end) {
    ranges_.insert(begin, added);
    return;
  }
  *begin = added;
  ranges_.erase(begin + 1, end);
}

bool NumberSet::Contains(uint32_t number) const {
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), number,
      [](uint32_t number, const NumberRange& range) { return number < range.first; });
  return after != ranges_.begin() && number <= (after - 1)->last;
}

uint64_t NumberSet::Count() const {
  uint64_t count = 0;
  for (const NumberRange& range : ranges_) count += uint64_t{range.last} - range.first + 1;
  return count;
}

NumberSet NumberSet::Intersect(const NumberSet& other) const {
  NumberSet result;
  auto a = ranges_.begin();
  auto b = other.ranges_.begin();
  while (a != ranges_.end() && b != other.ranges_.end()) {
    const uint32_t first = std::max(a->first, b->first);
    const uint32_t last = std::min(a->last, b->last);
    if (first <= last) result.ranges_.push_back({first, last});
    if (a->last < b->last) {
      ++a;
    } else {
      ++b;
    }
  }
  return result;
}

NumberSet NumberSet::Subtract(const NumberSet& other) const {
  NumberSet result;
  auto hole = other.ranges_.begin();
  for (NumberRange rest : ranges_) {
    while (hole != other.ranges_.end() && hole->last < rest.first) ++hole;
    bool used_up = false;
    for (auto cut = hole; cut != other.ranges_.end() && cut->first <= rest.last; ++cut) {
      if (cut->first > rest.first) result.ranges_.push_back({rest.first, cut->first - 1});
      if (cut->last >= rest.last) {
        used_up = true;
        break;
      }
      rest.first = cut->last + 1;
      hole = cut;
    }
    if (!used_up) result.ranges_.push_back(rest);
  }
  return result;
}

std::string NumberSet::ToString() const {
  std::string out;
  for (const NumberRange& range : ranges_) AppendRange(range.first, range.last, &out);
  return out;
}

std::optional<SequenceSet> SequenceSet::Parse(absl::string_view text, size_t max_ranges) {
  std::vector<Item> items;
  while (true) {
    const std::optional<Item> item = TakeItem(&text);
    if (!item.has_value() || items.size() == max_ranges) return std::nullopt;
    items.push_back(*item);
    if (text.empty()) return SequenceSet(std::move(items));
    if (text.front() != ',') return std::nullopt;
    text.remove_prefix(1);
  }
}

NumberSet SequenceSet::Resolve(uint32_t largest) const {
  std::vector<NumberRange> ranges;
  ranges.reserve(items_.size());
  for (const Item& item : items_) {
    if (!NamesStar(item)) {
      ranges.push_back({std::min(item.from, item.to), std::max(item.from, item.to)});
    } else if (largest > 0) {
      const uint32_t number = std::max(item.from, item.to);  // kStar is the least
      ranges.push_back({number == kStar ? largest : std::min(number, largest), largest});
    }
  }
  return NumberSet::FromRanges(std::move(ranges));
}

bool SequenceSet::has_star() const { return std::any_of(items_.begin(), items_.end(), NamesStar); }

uint32_t SequenceSet::largest_number() const {
  uint32_t largest = 0;
  for (const Item& item : items_) {
    if (!NamesStar(item)) largest = std::max({largest, item.from, item.to});
  }
  return largest;
}

std::string SequenceSet::ToString() const {
  std::string out;
  for (const Item& item : items_) AppendRange(item.from, item.to, &out);
  return out;
}

}  // namespace packetboat::imap
