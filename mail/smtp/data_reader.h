#ifndef PACKETBOAT_MAIL_SMTP_DATA_READER_H_
#define PACKETBOAT_MAIL_SMTP_DATA_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace packetboat::smtp {

// What becomes of a CR or LF that is not part of a CRLF.
enum class BareNewline {
  kReject,     // the message is refused, once its true end was read
  kNormalize,  // LF, or CRs and LF, become one CRLF; CRs that no LF follows become one space
};

// How the octets of a message are framed.
enum class Framing {
  kDot,      // DATA: ends at CRLF.CRLF, dots are unstuffed (RFC 5321 s4.5.2)
  kCounted,  // BDAT: the caller knows where it ends (RFC 3030)
};

// Why a message can not be accepted. The first that is found stands.
enum class BodyFault {
  kNone,
  kBareNewline,
  kNul,
  kTooLarge,
  kHeaderTooLarge,
  kTooManyReceived,
};

struct BodyLimits {
  uint64_t max_message_bytes;
  uint64_t max_header_bytes;
  uint32_t max_received;
};

// What was seen of a message so far. Octets are those that were let through: unstuffed, normalized.
struct BodyFacts {
  uint64_t octets = 0;
  uint64_t header_octets = 0;    // up to the empty line, that line not counted
  uint32_t received_fields = 0;  // RFC 5321 s6.3
  bool header_8bit = false;      // raw UTF-8, or rubbish, in the header section
  bool body_8bit = false;
  bool normalized = false;  // line ends are not as the client sent them
};

// Reads the content of one message as it arrives, RFC 5321 s4.1.1.4 and s4.5.2. Only CRLF.CRLF ends
// it: no other sequence of CR, LF and dot does, whatever the mode. Cost is linear in the input,
// state is O(1), and the result is the same for every way in which the input is cut.
//
// After a fault nothing more is let through, but the end is still looked for: what follows in the
// stream is only then known to be a command.
//
// Owns nothing outside itself. Not thread-safe. Never fails: faults are values.
class DataReader {
 public:
  DataReader(Framing framing, BareNewline bare_newline, const BodyLimits& limits);

  // Consumes `in` up to the end of data at most and appends what is let through to `*out`. Returns
  // the number of octets consumed, which is less than all of them only when done().
  size_t Consume(absl::string_view in, std::string* out);

  // kCounted: the last octet has been consumed.
  void Finish(std::string* out);

  // The end has been seen.
  bool done() const { return position_ == Position::kDone; }

  BodyFault fault() const { return fault_; }
  const BodyFacts& facts() const { return facts_; }

 private:
  // Where in a line the next octet stands.
  enum class Position {
    kLineStart,    // behind a CRLF, or at the very beginning (DATA's own CRLF)
    kAfterBareLf,  // behind an LF alone: a line may begin, the data cannot end here
    kDot,          // behind CRLF "."
    kDotCr,        // behind CRLF "." CR
    kText,
    kCr,
    kDone,
  };

  size_t BeginLine(char first);
  size_t ConsumeText(absl::string_view in, size_t pos, size_t line_feed, std::string* out);
  void ConsumeOctet(char c, std::string* out);
  void AfterCr(char c, std::string* out);
  void NoteBareNewline();
  void EmitLineEnd(std::string* out);
  void Emit(absl::string_view text, std::string* out);
  size_t CountReceived(absl::string_view text);

  const Framing framing_;
  const BareNewline bare_newline_;
  const BodyLimits limits_;

  Position position_ = Position::kLineStart;
  BodyFault fault_ = BodyFault::kNone;
  BodyFacts facts_;

  bool in_header_ = true;
  bool line_empty_ = true;
  // How much of "received" this line began with; kOtherField when it is another field's or none.
  static constexpr size_t kOtherField = ~size_t{0};
  size_t field_match_ = 0;
};

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_DATA_READER_H_
