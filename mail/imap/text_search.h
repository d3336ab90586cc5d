#ifndef PACKETBOAT_MAIL_IMAP_TEXT_SEARCH_H_
#define PACKETBOAT_MAIL_IMAP_TEXT_SEARCH_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// How SEARCH, SORT and THREAD compare texts: as characters, not octets, and without case (RFC 3501
// s6.4.4, RFC 5256 s3). Uses ICU. Pure.

namespace packetboat::imap {

// The key of i;unicode-casemap (RFC 5051 s2): each character in title case, then decomposed, which
// keeps accents apart from their letters; what is not UTF-8 stays as it is. Keys are equal, in
// order, or one in the other, as their octets are. Pieces may be mapped one by one.
std::string Casemap(absl::string_view utf8);

// Whether `utf8` holds `mapped`, which Casemap has made.
bool ContainsMapped(absl::string_view utf8, absl::string_view mapped);

// Looks for several texts in one that comes in pieces. Holds no more of it than the longest of
// them.
class TextFinder {
 public:
  // Made by Casemap. The empty one is found at once.
  explicit TextFinder(std::vector<std::string> mapped_texts);

  // The next piece, cut between characters.
  void Feed(absl::string_view utf8);
  // What comes next is apart from what came.
  void Break() { window_.clear(); }

  bool found(size_t index) const { return found_[index]; }
  bool all_found() const { return missing_ == 0; }

 private:
  std::vector<std::string> texts_;
  std::vector<bool> found_;
  size_t missing_ = 0;
  size_t longest_ = 0;
  std::string window_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_TEXT_SEARCH_H_
