#ifndef PACKETBOAT_MAIL_TESTING_DIALOG_H_
#define PACKETBOAT_MAIL_TESTING_DIALOG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Dialog files: a conversation of a client with a server of a line-based protocol, written as
// people write it down, run against an engine or, unchanged, against a real server.
//
//   # What this proves, with its RFC section. Comments and empty lines mean nothing.
//   set mode lmtp               a setting; all stand before the first step
//   C: NOOP                     the client sends this and CRLF
//   C- ab\x80\r                 the client sends exactly this
//   C{20}: NOOP                 twenty times
//   S: 250 2.0.0 *              the server's next line has to match; `*` matches anything
//   S{20}: 250 *                twenty such lines
//   M: a line                   the message that was taken last has to be these lines,
//   M- more octets              and these octets
//   closed                      the server has closed the connection, and said no more
//   answer rcpt 550 5.1.1 No    any other word is for the target: see there which it knows
//
// In C, S and M: \r \n \t \0 \\ \xHH, and \{200:ab} for two hundred times "ab" (which may hold
// escapes, but no braces). In S: \* for the character itself. A C without text is an empty line.
//
// Consecutive C lines are one flight: they reach the server together. `flight` ends one without
// waiting for a reply.

namespace packetboat::mail_testing {

struct DialogStep {
  enum class Kind {
    kSend,       // text: octets, escapes resolved
    kExpect,     // text: a pattern, escapes not resolved
    kMessage,    // text: octets
    kDirective,  // word and text
  };

  Kind kind;
  int line;
  std::string word;
  std::string text;
};

struct Dialog {
  std::string name;
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<DialogStep> steps;

  // The value of the last setting of that name, or `otherwise`.
  std::string Setting(absl::string_view setting, absl::string_view otherwise) const;
};

absl::StatusOr<Dialog> ParseDialog(absl::string_view name, absl::string_view text);

// All that the client sends, in order: what a cut-invariance test cuts.
std::string ClientOctets(const Dialog& dialog);

// Whether `line`, without its CRLF, is what an S line asks for.
bool MatchesDialogPattern(absl::string_view pattern, absl::string_view line);

// What a dialog is run against. A method that fails ends the dialog with its status; kUnimplemented
// says that the dialog asks for something that this target cannot do, and is to be skipped.
class DialogTarget {
 public:
  virtual ~DialogTarget() = default;

  // Octets of one flight.
  virtual absl::Status Send(absl::string_view octets) = 0;
  // The server's next line, without its CRLF. Fails when there is none.
  virtual absl::StatusOr<std::string> ReadLine() = 0;
  // Fails when the server has more to say, or goes on listening.
  virtual absl::Status ExpectClosed() = 0;
  virtual absl::Status ExpectMessage(absl::string_view octets) = 0;
  // Every other line.
  virtual absl::Status Direct(absl::string_view word, absl::string_view text) = 0;
};

// Runs the steps; the target is connected and configured. The error names file and line.
absl::Status RunDialog(const Dialog& dialog, DialogTarget& target);

}  // namespace packetboat::mail_testing

#endif  // PACKETBOAT_MAIL_TESTING_DIALOG_H_
