#include "mail/imap/sort_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mail/address/list.h"
#include "mail/imap/text_search.h"
#include "mail/message/charset_decoder.h"
#include "mail/message/encoded_word.h"

namespace packetboat::imap {
namespace {

using Kind = SortCriterion::Kind;

// A text's key: its place above, its length below.
constexpr int kLengthBits = 24;
constexpr uint64_t kMaxLength = (uint64_t{1} << kLengthBits) - 1;

std::string DecodeHeader(absl::string_view value) {
  return message::DecodeHeaderText(value, message::ConvertCharsetByIcu);
}

// Times before 1970 come first, too.
uint64_t OrderOf(absl::Time time) {
  return static_cast<uint64_t>(absl::ToUnixSeconds(time)) ^ (uint64_t{1} << 63);
}

const std::string& FieldOf(Kind kind, const message::Envelope& envelope) {
  if (kind == Kind::kCc) return envelope.cc;
  if (kind == Kind::kTo || kind == Kind::kDisplayTo) return envelope.to;
  return envelope.from;
}

// The name, or the address where there is none (RFC 5957 s4).
std::string DisplayName(const address::ListEntry& entry) {
  if (entry.kind != address::ListEntry::Kind::kMailbox) return DecodeHeader(entry.mailbox);
  std::string name = DecodeHeader(entry.name);
  return name.empty() ? absl::StrCat(entry.mailbox, "@", entry.host) : name;
}

// Of the first address (RFC 5256 s3: addr-mailbox, empty if there is none).
std::string AddressText(Kind kind, const message::Envelope& envelope) {
  const address::AddressList list = address::ParseAddressList(FieldOf(kind, envelope));
  if (list.entries.empty()) return "";
  const bool displayed = kind == Kind::kDisplayFrom || kind == Kind::kDisplayTo;
  return displayed ? DisplayName(list.entries.front()) : list.entries.front().mailbox;
}

}  // namespace

absl::Time SentTime(const MessageMetadata& metadata, const message::Structure& structure) {
  return structure.date.has_value() ? structure.date->time : metadata.internal_date;
}

BaseSubject MappedBaseSubject(const message::Structure& structure) {
  BaseSubject subject =
      ExtractBaseSubject(DecodeHeader(structure.envelopes.front().subject.value_or("")));
  subject.text = Casemap(subject.text);
  return subject;
}

SortTable::SortTable(std::vector<SortCriterion> criteria, size_t max_octets)
    : criteria_(std::move(criteria)), max_octets_(max_octets) {}

bool SortTable::IsText(Kind kind) {
  return kind != Kind::kArrival && kind != Kind::kDate && kind != Kind::kSize;
}

std::string SortTable::TextOf(Kind kind, const message::Structure& structure) const {
  if (kind == Kind::kSubject) return MappedBaseSubject(structure).text;
  return Casemap(AddressText(kind, structure.envelopes.front()));
}

SortTable::Key SortTable::KeepText(absl::string_view text) {
  const Key key = texts_.size() << kLengthBits | std::min<uint64_t>(text.size(), kMaxLength);
  texts_.append(text.data(), text.size());
  return key;
}

absl::string_view SortTable::TextAt(Key key) const {
  return absl::string_view(texts_).substr(key >> kLengthBits, key & kMaxLength);
}

bool SortTable::Add(SeqNum number, const MessageMetadata& metadata,
                    const message::Structure& structure) {
  numbers_.push_back(number);
  for (const SortCriterion& criterion : criteria_) {
    if (IsText(criterion.kind)) {
      keys_.push_back(KeepText(TextOf(criterion.kind, structure)));
    } else if (criterion.kind == Kind::kSize) {
      keys_.push_back(metadata.size);
    } else {
      const bool arrival = criterion.kind == Kind::kArrival;
      keys_.push_back(OrderOf(arrival ? metadata.internal_date : SentTime(metadata, structure)));
    }
  }
  return numbers_.size() * sizeof(SeqNum) + keys_.size() * sizeof(Key) + texts_.size() <=
         max_octets_;
}

int SortTable::Compare(const SortCriterion& criterion, Key a, Key b) const {
  const int order =
      IsText(criterion.kind) ? TextAt(a).compare(TextAt(b)) : (a < b ? -1 : int{a != b});
  return criterion.reverse ? -order : order;
}

bool SortTable::Before(uint32_t a, uint32_t b) const {
  const Key* const first = KeysOf(a);
  const Key* const second = KeysOf(b);
  for (size_t i = 0; i < criteria_.size(); ++i) {
    const int order = Compare(criteria_[i], first[i], second[i]);
    if (order != 0) return order < 0;
  }
  return numbers_[a] < numbers_[b];
}

std::vector<SeqNum> SortTable::TakeSorted() {
  std::vector<uint32_t> rows(numbers_.size());
  for (uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
  std::sort(rows.begin(), rows.end(), [this](uint32_t a, uint32_t b) { return Before(a, b); });
  std::vector<SeqNum> sorted;
  sorted.reserve(rows.size());
  for (const uint32_t row : rows) sorted.push_back(numbers_[row]);
  numbers_ = {};
  keys_ = {};
  texts_ = {};
  return sorted;
}

}  // namespace packetboat::imap
