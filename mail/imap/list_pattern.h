#ifndef PACKETBOAT_MAIL_IMAP_LIST_PATTERN_H_
#define PACKETBOAT_MAIL_IMAP_LIST_PATTERN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace packetboat::imap {

// A mailbox name pattern of LIST and LSUB (RFC 3501 s6.3.8): `*` stands for any octets, `%` for any
// but the hierarchy delimiter. Reference and pattern are put together as they are.
//
// All ways to match are followed at once, 64 octets of the pattern in a machine word: the work for
// a name is at most its octets times those words, whatever the wildcards. Constant after
// construction.
class ListPattern {
 public:
  ListPattern(absl::string_view reference, absl::string_view pattern, char delimiter);

  // `name` in UTF-8. The name INBOX, also with children behind it, is matched without case.
  bool Matches(absl::string_view name) const;

 private:
  // One bit for each position in the pattern, and one for its end.
  using Positions = std::vector<uint64_t>;

  // To the positions that can be reached by letting wildcards stand for nothing.
  void SkipWildcards(Positions* positions) const;
  // From which positions `octet` may be taken literally; null if from none.
  const Positions* Literal(char octet) const;
  bool IsInbox(absl::string_view name) const;

  char delimiter_;
  size_t length_ = 0;
  // Where `*` stands, and where either wildcard does.
  Positions stars_;
  Positions wildcards_;
  // Index into literals_ plus one, by octet.
  std::array<uint8_t, 256> literal_index_{};
  std::vector<Positions> literals_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_LIST_PATTERN_H_
