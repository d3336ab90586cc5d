#ifndef PACKETBOAT_MAIL_MESSAGE_HEADER_H_
#define PACKETBOAT_MAIL_MESSAGE_HEADER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/message/limits.h"

// Header fields in their octets: RFC 5322 s2.2, with white space before the colon (s4.5) and lone
// LFs. A line ends with LF, and a CR before it belongs to the line end; a CR elsewhere is an
// ordinary octet. Pure, linear in time.

namespace packetboat::message {

// A field within the octets that were scanned, from the first octet of its name up to and with its
// last line end.
struct HeaderField {
  size_t offset = 0;
  size_t bytes = 0;
  // Without the white space before the colon. Zero: these lines are no field (no colon, a name with
  // forbidden octets, a continuation of nothing).
  size_t name_bytes = 0;
  // From behind the colon, folds and white space as they are, without the last line end.
  size_t value_offset = 0;
  size_t value_bytes = 0;

  absl::string_view Name(absl::string_view scanned) const {
    return scanned.substr(offset, name_bytes);
  }
  absl::string_view Value(absl::string_view scanned) const {
    return scanned.substr(value_offset, value_bytes);
  }
  absl::string_view Whole(absl::string_view scanned) const { return scanned.substr(offset, bytes); }
};

// Walks over the fields of the header that `bytes` starts with. `bytes` must outlive it.
//
//   HeaderScanner scanner(message);
//   for (HeaderField field; scanner.Next(&field);) ...
class HeaderScanner {
 public:
  explicit HeaderScanner(absl::string_view bytes) : bytes_(bytes) {}

  // False behind the last field: at the empty line or at the end of the octets.
  bool Next(HeaderField* field);

  // Once Next() has returned false: the size of the header with its empty line, which the body
  // starts at.
  size_t header_bytes() const { return at_; }
  // Once Next() has returned false: whether there was an empty line.
  bool has_empty_line() const { return has_empty_line_; }

 private:
  absl::string_view bytes_;
  size_t at_ = 0;
  bool has_empty_line_ = false;
};

// All fields named `name`, in any case, in order.
std::vector<HeaderField> FindFields(absl::string_view header, absl::string_view name);

// `value` without its line ends (RFC 5322 s2.2.3) and without white space at either end.
std::string Unfold(absl::string_view value);

// Whether `name` can name a field: printable US-ASCII without colon and space (RFC 5322 s3.6.8).
bool IsFieldName(absl::string_view name);

// Cuts a line without its end into name and value. False: no field starts here.
bool SplitField(absl::string_view line, absl::string_view* name, absl::string_view* value);

// Collects the header of a message that comes in chunks, up to a bound.
class HeaderCollector {
 public:
  explicit HeaderCollector(size_t max_bytes = kMaxHeaderBytes) : max_bytes_(max_bytes) {}

  enum class Progress {
    kMore,      // the header goes on
    kComplete,  // header() ends with its empty line
    kTooLong,   // header() is cut at max_bytes
  };

  // Takes what belongs to the header; nothing once it is complete or too long. Where a message ends
  // without an empty line, all of it is header.
  Progress Feed(absl::string_view bytes);

  Progress progress() const { return progress_; }
  const std::string& header() const { return header_; }

 private:
  const size_t max_bytes_;
  std::string header_;
  size_t line_start_ = 0;
  Progress progress_ = Progress::kMore;
};

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_HEADER_H_
