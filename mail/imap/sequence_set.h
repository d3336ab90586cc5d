#ifndef PACKETBOAT_MAIL_IMAP_SEQUENCE_SET_H_
#define PACKETBOAT_MAIL_IMAP_SEQUENCE_SET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace packetboat::imap {

// Both ends belong to it; first <= last.
struct NumberRange {
  uint32_t first = 0;
  uint32_t last = 0;

  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

// A set of UIDs or message numbers, kept as ascending ranges that neither overlap nor touch: its
// cost is that of its ranges, never of its numbers. Thread-compatible.
class NumberSet {
 public:
  NumberSet() = default;
  // In any order, overlapping or not.
  static NumberSet FromRanges(std::vector<NumberRange> ranges);

  // Amortised constant time when numbers come in ascending order, else linear in the number of
  // ranges.
  void Add(uint32_t number) { AddRange(number, number); }
  // Requires first <= last.
  void AddRange(uint32_t first, uint32_t last);

  bool Contains(uint32_t number) const;
  bool empty() const { return ranges_.empty(); }
  // How many numbers, not ranges.
  uint64_t Count() const;
  // Requires !empty().
  uint32_t min() const { return ranges_.front().first; }
  uint32_t max() const { return ranges_.back().last; }
  const std::vector<NumberRange>& ranges() const { return ranges_; }

  NumberSet Intersect(const NumberSet& other) const;
  NumberSet Subtract(const NumberSet& other) const;

  // As in COPYUID (RFC 4315 s3), VANISHED (RFC 7162 s3.2.10) and ESEARCH ALL: `1:3,7`. Empty if the
  // set is.
  std::string ToString() const;

  friend bool operator==(const NumberSet&, const NumberSet&) = default;

 private:
  std::vector<NumberRange> ranges_;
};

// A sequence-set as a client writes it (RFC 3501 s9): numbers, ranges in either order, `*`. What
// `*` means is known only when it is resolved. Immutable once made.
class SequenceSet {
 public:
  // Stands for `*` in a range as written.
  static constexpr uint32_t kStar = 0;
  // As written: the ends may stand in either order.
  struct Item {
    uint32_t from = kStar;
    uint32_t to = kStar;

    friend bool operator==(const Item&, const Item&) = default;
  };

  SequenceSet() = default;
  explicit SequenceSet(std::vector<Item> items) : items_(std::move(items)) {}

  // The whole of `text`; nothing on a syntax error, on a zero, on a number above 2^32-1, or on more
  // than `max_ranges` ranges.
  static std::optional<SequenceSet> Parse(absl::string_view text, size_t max_ranges);

  // The numbers meant when the largest in use is `largest` (zero: none is, and then a range with
  // `*` is empty). `7:*` is `largest` alone when that is below 7 (RFC 3501 s9, seq-range). Ranges
  // without `*` stay as they are: a UID may name nothing (RFC 3501 s6.4.8), a message number must
  // not, see largest_number().
  NumberSet Resolve(uint32_t largest) const;

  bool has_star() const;
  // The largest number in the ranges without `*`, 0 if there is none. A message number above EXISTS
  // is BAD.
  uint32_t largest_number() const;
  const std::vector<Item>& items() const { return items_; }
  bool empty() const { return items_.empty(); }

  // As written.
  std::string ToString() const;

  friend bool operator==(const SequenceSet&, const SequenceSet&) = default;

 private:
  std::vector<Item> items_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_SEQUENCE_SET_H_
