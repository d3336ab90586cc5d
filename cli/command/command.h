#ifndef PACKETBOAT_CLI_COMMAND_COMMAND_H_
#define PACKETBOAT_CLI_COMMAND_COMMAND_H_

#include <functional>
#include <istream>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// The command line: a table of commands, and what is made of the words behind the program's name.

namespace packetboat::cli {

// `--name VALUE`, `--name=VALUE`, or `--name` alone when `value` is empty.
struct Option {
  std::string name;   // without dashes
  std::string value;  // what the help calls its value
  std::string help;
  bool repeated = false;
};

// What was given to a command, checked against its table entry.
struct Arguments {
  std::vector<std::string> operands;
  // By the option's name; an option without a value has one empty text for each time it stands
  // there.
  std::map<std::string, std::vector<std::string>> options;
  // Every --config, in order.
  std::vector<std::string> config_files;
  // The program's name and all words, as they came.
  std::vector<std::string> words;

  bool Has(const std::string& name) const { return options.count(name) != 0; }
  std::optional<std::string> Value(const std::string& name) const;
  std::vector<std::string> Values(const std::string& name) const;
};

// Where a command reads and writes; main gives it the process's own.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
// The command line itself is wrong.
inline constexpr int kExitUsage = 2;

struct Command {
  std::string path;      // "cluster ca issue"
  std::string operands;  // "DIR", "ADDRESS TARGET...": what the usage line shows
  size_t operands_min = 0;
  size_t operands_max = 0;
  std::string summary;  // one line
  std::string details;  // paragraphs, or empty
  std::vector<Option> options;
  // The exit status; an error is printed by RunCommandLine and means kExitFailed.
  std::function<absl::StatusOr<int>(const Arguments&, Console&)> run;
};

inline constexpr size_t kAnyNumber = SIZE_MAX;

// Takes the words of a command line (without the program's name), finds the command, runs it,
// prints what went wrong. Every command also takes `--config FILE`, repeated, and `--help`; both
// may stand before it.
int RunCommandLine(absl::Span<const Command> commands, absl::string_view version,
                   const std::vector<std::string>& words, Console& console);

// Everything about one command, or the commands below `prefix` (all when it is empty), for people.
std::string HelpText(absl::Span<const Command> commands, absl::string_view prefix);

// The parsing alone: kInvalidArgument, with what is wrong and where to look, unless it all fits.
struct Invocation {
  const Command* command = nullptr;  // nullptr: help or version was asked for
  bool help = false;
  bool version = false;
  std::string prefix;  // with help: of what
  Arguments arguments;
};
absl::StatusOr<Invocation> ParseCommandLine(absl::Span<const Command> commands,
                                            const std::vector<std::string>& words);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_COMMAND_COMMAND_H_
