#ifndef PACKETBOAT_MX_INBOUND_RETURN_PATH_FILTER_H_
#define PACKETBOAT_MX_INBOUND_RETURN_PATH_FILTER_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace packetboat::mx {

// Takes the Return-Path fields out of a message that passes by in pieces: the field is ours to
// write, at final delivery, and a foreign one there is a lie or a relic (RFC 5321 s4.4). Lines end
// in CRLF. What is held back is never more than the name of the field. The result does not depend
// on how the input is cut. Thread-compatible.
class ReturnPathFilter {
 public:
  // Appends to `*out` what stays of `octets`.
  void Consume(absl::string_view octets, std::string* out);

  // The message is over: what was held back stays.
  void Finish(std::string* out);

 private:
  enum class Position {
    kLineStart,
    kName,       // in what may be the field's name; `held_` is what came of it
    kAfterName,  // behind the whole name, in the white space that obsolete syntax allows before the
                 // colon
    kKeptLine,
    kDroppedLine,
    kDroppedLineStart,  // a folded line would go on with the field
    kBody,
  };

  void Take(char c, std::string* out);
  void TakeInLine(char c, Position next, std::string* out);
  void Release(std::string* out);

  Position position_ = Position::kLineStart;
  std::string held_;
  bool line_empty_ = true;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_INBOUND_RETURN_PATH_FILTER_H_
