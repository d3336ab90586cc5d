#include "mail/imap/list_pattern.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace packetboat::imap {
namespace {

constexpr absl::string_view kInbox = "INBOX";

bool IsWildcard(char c) { return c == '*' || c == '%'; }

// The same pattern with one wildcard for each run of them: `%*` is `*`, `%%` is `%`.
std::string JoinWildcards(absl::string_view pattern) {
  std::string joined;
  for (const char c : pattern) {
    if (!IsWildcard(c) || joined.empty() || !IsWildcard(joined.back())) {
      joined.push_back(c);
    } else if (c == '*') {
      joined.back() = '*';
    }
  }
  return joined;
}

void Set(size_t position, std::vector<uint64_t>* positions) {
  (*positions)[position / 64] |= uint64_t{1} << (position % 64);
}

}  // namespace

ListPattern::ListPattern(absl::string_view reference, absl::string_view pattern, char delimiter)
    : delimiter_(delimiter) {
  const std::string joined = JoinWildcards(absl::StrCat(reference, pattern));
  length_ = joined.size();
  const Positions none(length_ / 64 + 1);
  stars_ = none;
  wildcards_ = none;
  for (size_t i = 0; i < length_; ++i) {
    if (joined[i] == '*') Set(i, &stars_);
    if (IsWildcard(joined[i])) {
      Set(i, &wildcards_);
      continue;
    }
    uint8_t& index = literal_index_[static_cast<unsigned char>(joined[i])];
    if (index == 0) {
      literals_.push_back(none);
      index = static_cast<uint8_t>(literals_.size());
    }
    Set(i, &literals_[index - 1]);
  }
}

bool ListPattern::Matches(absl::string_view name) const {
  const size_t caseless = IsInbox(name) ? kInbox.size() : 0;
  Positions now(stars_.size());
  Positions next(stars_.size());
  Set(0, &now);
  SkipWildcards(&now);
  for (size_t i = 0; i < name.size(); ++i) {
    const Positions* literal = Literal(name[i]);
    const Positions* lower = i < caseless ? Literal(absl::ascii_tolower(name[i])) : nullptr;
    const Positions& stay = name[i] == delimiter_ ? stars_ : wildcards_;
    uint64_t carry = 0;
    for (size_t word = 0; word < now.size(); ++word) {
      uint64_t taken = literal == nullptr ? 0 : now[word] & (*literal)[word];
      if (lower != nullptr) taken |= now[word] & (*lower)[word];
      next[word] = (taken << 1) | carry | (now[word] & stay[word]);
      carry = taken >> 63;
    }
    now.swap(next);
    SkipWildcards(&now);
  }
  return (now[length_ / 64] >> (length_ % 64) & 1) != 0;
}

// One step is enough, since no two wildcards are neighbours.
void ListPattern::SkipWildcards(Positions* positions) const {
  uint64_t carry = 0;
  for (size_t word = 0; word < positions->size(); ++word) {
    const uint64_t skipped = (*positions)[word] & wildcards_[word];
    (*positions)[word] |= (skipped << 1) | carry;
    carry = skipped >> 63;
  }
}

const ListPattern::Positions* ListPattern::Literal(char octet) const {
  const uint8_t index = literal_index_[static_cast<unsigned char>(octet)];
  return index == 0 ? nullptr : &literals_[index - 1];
}

bool ListPattern::IsInbox(absl::string_view name) const {
  return absl::StartsWith(name, kInbox) &&
         (name.size() == kInbox.size() || name[kInbox.size()] == delimiter_);
}

}  // namespace packetboat::imap
