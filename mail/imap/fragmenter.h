#ifndef PACKETBOAT_MAIL_IMAP_FRAGMENTER_H_
#define PACKETBOAT_MAIL_IMAP_FRAGMENTER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/imap/limits.h"

namespace packetboat::imap {

// One piece of a command: a stretch of line, or a literal. Lines and literals alternate, and a
// command begins and ends with a line.
struct Fragment {
  enum class Kind {
    kLine,  // data: without its line end and without the `{n}` that announces the literal behind it
    kLiteral,  // data
    kMessage,  // octets: the message of an APPEND, which was streamed and is not here
  };

  Kind kind = Kind::kLine;
  std::string data;
  uint64_t octets = 0;
  // The literal was written `~{n}` (literal8 of RFC 3516).
  bool binary = false;
};

// Which literals the client need not wait with (RFC 7888).
enum class LiteralPolicy {
  kSynchronizing,  // none
  kMinus,          // LITERAL-: those of up to max_literal_minus_octets
  kPlus,           // LITERAL+: all
};

// Why a command was dropped before it could be parsed.
enum class FragmentError {
  kRejected,           // RejectLiteral()
  kLineTooLong,        // max_line_octets, max_continuation_line_octets
  kTooManyLiterals,    // max_literals
  kLiteralTooLarge,    // max_argument_literal_octets
  kMessageTooLarge,    // max_message_octets
  kLiteralNotAllowed,  // `{n+}` that the policy does not allow, `~{n}` where no literal8 can stand
  kBadOctet,           // NUL anywhere, or a CR that is no line end's in a line
};

// A sentence for the BAD response.
absl::string_view FragmentErrorText(FragmentError error);

// What the fragmenter found.
struct FragmentEvent {
  enum class Kind {
    // All input is used up, or kLiteral waits for its answer.
    kNeedInput,
    // A whole command: see fragments().
    kCommand,
    // A literal that the engine has to decide about: AcceptLiteral() or RejectLiteral() before the
    // next Next(). `message` says that it is the message of an APPEND, whose fragments so far (the
    // announced message included) can be given to ParseCommand(); others come here only if
    // `synchronizing`. A synchronizing one that is accepted asks for a `+`.
    kLiteral,
    // The next octets of an accepted message; `data` points into the input.
    kMessageChunk,
    // The line after ExpectLine(); `data` until the next call.
    kLine,
    // A command, or an expected line, that was read to its end and dropped: `error`, and tag() for
    // the response. Whatever came of a message is void.
    kDiscarded,
    // A literal too large to skip: nothing after it can be understood. Say BYE and close. Stays so.
    kFatal,
  };

  Kind kind = Kind::kNeedInput;
  absl::string_view data;
  uint64_t octets = 0;
  bool synchronizing = false;
  bool message = false;
  bool binary = false;
  FragmentError error = FragmentError::kRejected;
};

// Cuts what an IMAP client sends into commands (RFC 3501 s2.2.1, s4.3; RFC 7888), before anything
// looks at what a command says: so a bad command can never let octets of its literals be taken for
// the next command.
//
// Takes input in any cuts and holds back nothing but the command at hand, so that the octets behind
// a command stay with the caller until it asks again. Owns no I/O: where a continuation is due it
// says so. Thread-compatible.
//
//   while (true) {
//     FragmentEvent event = fragmenter.Next(&input);
//     if (event.kind == FragmentEvent::Kind::kNeedInput) break;
//     ...
//   }
//
// A line ends with CRLF or with a bare LF. RFC 3501 knows CRLF only; Dovecot and Cyrus take LF,
// scripts and people rely on that, and since each octet goes to one reader only, two readings of a
// line end cannot be played off against each other as in SMTP. A literal is counted in octets,
// whatever it holds.
//
// A literal is announced by `{n}`, `{n+}`, `~{n}` or `~{n+}` at the end of a line, outside a quoted
// string. When a command is dropped, its literals are skipped by count, and the command ends with
// the first line that announces none or a synchronizing one (for which the client waits, and gets
// the BAD instead).
class Fragmenter {
 public:
  explicit Fragmenter(const SyntaxLimits& limits, LiteralPolicy policy = LiteralPolicy::kPlus);

  // For what comes after login, or after TLS. Only between commands.
  void SetLimits(const SyntaxLimits& limits) { limits_ = limits; }
  void SetLiteralPolicy(LiteralPolicy policy) { policy_ = policy; }

  // Takes what it needs from the front of `*input` and says what that made. Call again until
  // kNeedInput.
  FragmentEvent Next(absl::string_view* input);

  // The answers to kLiteral. After RejectLiteral() kDiscarded follows: at once if the client waits,
  // else behind the octets of the literal and the rest of the command.
  void AcceptLiteral();
  void RejectLiteral();

  // The next line is no command but the answer to a `+` of AUTHENTICATE or IDLE: it comes as kLine,
  // whole, without line end, and announces no literal. Only between commands; for one line.
  void ExpectLine();

  // The fragments of the command at hand; valid from kCommand or kLiteral until the next call of
  // Next().
  const std::vector<Fragment>& fragments() const { return fragments_; }
  // The tag of the command at hand or just dropped; `*` if it has no valid one.
  const std::string& tag() const { return tag_; }
  // Whether nothing has been read of a command that is not done.
  bool between_commands() const { return state_ == State::kStart; }

 private:
  // Follows one line octet by octet, so as to know at its end whether it announces a literal.
  class LineScanner {
   public:
    void Reset() { *this = LineScanner(); }
    void Take(char octet);

    bool announces() const { return state_ == State::kClosed; }
    bool non_synchronizing() const { return plus_; }
    bool binary() const { return tilde_; }
    // Saturates.
    uint64_t octets() const { return octets_; }
    // Length of the announcement in the line.
    size_t length() const { return length_; }

   private:
    enum class State { kText, kQuoted, kQuotedEscape, kTilde, kOpen, kDigits, kPlus, kClosed };

    void TakeDigit(uint64_t digit);
    void TakeText(char octet);

    State state_ = State::kText;
    bool plus_ = false;
    bool tilde_ = false;
    uint64_t octets_ = 0;
    size_t length_ = 0;
  };

  enum class State {
    kStart,           // between commands, nothing read of the next
    kLine,            // in a line of a command, dropped or not
    kExpectedLine,    // in the line after ExpectLine()
    kDecision,        // kLiteral was said and not answered
    kLiteral,         // in an argument
    kMessage,         // in an accepted message
    kSkippedLiteral,  // in a literal of a dropped command
    kDropped,         // at the end of a dropped command, which is not said yet
    kFatal,
  };

  // One step of the machine; nothing if it has to go on.
  std::optional<FragmentEvent> Step(absl::string_view* input);
  bool NeedsOctets() const;
  void BeginCommand();
  std::optional<FragmentEvent> ReadLine(absl::string_view* input);
  void TakeLineOctet(char octet);
  std::optional<FragmentEvent> EndLine();
  std::optional<FragmentEvent> BeginLiteral();
  std::optional<FragmentError> RefuseLiteral(bool message) const;
  void ReadLiteral(absl::string_view* input);
  std::optional<FragmentEvent> ReadMessage(absl::string_view* input);
  void SkipLiteral(absl::string_view* input);
  // Makes the command at hand a dropped one, for the first error only.
  void Drop(FragmentError error);
  // Goes on behind the last line of a dropped command that was read.
  void EndDroppedLine();
  bool LiteralIsMessage() const;
  void BeginLine();
  void ReadTag(absl::string_view line);

  SyntaxLimits limits_;
  LiteralPolicy policy_;
  State state_ = State::kStart;

  // Of the command at hand.
  std::vector<Fragment> fragments_;
  std::string tag_ = "*";
  size_t line_octets_ = 0;
  size_t literals_ = 0;
  uint64_t argument_octets_ = 0;
  uint64_t skipped_octets_ = 0;
  std::optional<FragmentError> error_;

  // Of the line at hand.
  std::string line_;
  LineScanner scanner_;
  bool after_cr_ = false;

  // Of the literal at hand.
  uint64_t remaining_ = 0;
  bool binary_ = false;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_FRAGMENTER_H_
