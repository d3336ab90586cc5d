#ifndef PACKETBOAT_MAIL_IMAP_TEXT_SEARCH_H_
#define PACKETBOAT_MAIL_IMAP_TEXT_SEARCH_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// How SEARCH compares texts (RFC 3501 s6.4.4): as characters, not octets, and without case. Uses
// ICU. Pure.

namespace packetboat::imap {

// A message::CharsetConverter of every charset that ICU knows.
bool ConvertCharsetByIcu(absl::string_view charset, absl::string_view octets, std::string* utf8);

// Unicode's simple case folding, character by character; what is not UTF-8 stays as it is. The
// result can be compared octet by octet.
std::string FoldCase(absl::string_view utf8);

// Whether `utf8` holds `folded`, which FoldCase has made.
bool ContainsFolded(absl::string_view utf8, absl::string_view folded);

// Looks for several texts in one that comes in pieces. Holds no more of it than the longest of
// them.
class TextFinder {
 public:
  // Made by FoldCase. The empty one is found at once.
  explicit TextFinder(std::vector<std::string> folded_texts);

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
