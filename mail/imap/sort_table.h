#ifndef PACKETBOAT_MAIL_IMAP_SORT_TABLE_H_
#define PACKETBOAT_MAIL_IMAP_SORT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "mail/imap/backend.h"
#include "mail/imap/base_subject.h"
#include "mail/imap/command.h"
#include "mail/message/structure.h"

namespace packetboat::imap {

// The Date of a message in UTC, the time at which it arrived if it has none (RFC 5256 s2.2).
absl::Time SentTime(const MessageMetadata& metadata, const message::Structure& structure);

// The base subject of the message, its text mapped by i;unicode-casemap (RFC 5256 s2.1, s3).
BaseSubject MappedBaseSubject(const message::Structure& structure);

// The messages that are to be sorted, with what decides their order: some octets for each, which
// are counted. Thread-compatible.
class SortTable {
 public:
  SortTable(std::vector<SortCriterion> criteria, size_t max_octets);

  // False: the table would take more than max_octets.
  bool Add(SeqNum number, const MessageMetadata& metadata, const message::Structure& structure);

  // By the first criterion, where that is equal by the second and so on, at last by number (RFC
  // 5256 s3). Empties the table.
  std::vector<SeqNum> TakeSorted();

 private:
  // A number, or where in texts_ the mapped text is.
  using Key = uint64_t;

  static bool IsText(SortCriterion::Kind kind);
  std::string TextOf(SortCriterion::Kind kind, const message::Structure& structure) const;
  Key KeepText(absl::string_view text);
  absl::string_view TextAt(Key key) const;
  const Key* KeysOf(uint32_t row) const { return &keys_[row * criteria_.size()]; }
  int Compare(const SortCriterion& criterion, Key a, Key b) const;
  bool Before(uint32_t a, uint32_t b) const;

  const std::vector<SortCriterion> criteria_;
  const size_t max_octets_;
  std::vector<SeqNum> numbers_;  // of each row
  std::vector<Key> keys_;        // of each row, as many as there are criteria
  std::string texts_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_SORT_TABLE_H_
