#include "cli/command/command.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace packetboat::cli {
namespace {

constexpr absl::string_view kProgram = "packetboat";

const std::vector<Option>& CommonOptions() {
  static const auto* const options = new std::vector<Option>{
      {"config", "FILE", "a configuration file; a later one goes over an earlier one", true},
      {"help", "", "show this text", false},
  };
  return *options;
}

absl::Status Misuse(const std::string& what, absl::string_view command) {
  return absl::InvalidArgumentError(absl::StrCat(what, "\n`", kProgram, command.empty() ? "" : " ",
                                                 command, " --help` shows how it is used"));
}

bool IsBelow(absl::string_view path, absl::string_view prefix) {
  return prefix.empty() || path == prefix || absl::StartsWith(path, absl::StrCat(prefix, " "));
}

const Command* FindCommand(absl::Span<const Command> commands, absl::string_view path) {
  for (const Command& command : commands) {
    if (command.path == path) return &command;
  }
  return nullptr;
}

bool IsPrefix(absl::Span<const Command> commands, absl::string_view path) {
  return std::any_of(commands.begin(), commands.end(),
                     [&](const Command& one) { return IsBelow(one.path, path); });
}

// Walks over the words once: the command's name first, then its options and operands in any order.
class Parser {
 public:
  Parser(absl::Span<const Command> commands, const std::vector<std::string>& words)
      : commands_(commands), words_(words) {}

  absl::StatusOr<Invocation> Parse() {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_++];
      if (word == "--" && !only_operands_) {
        only_operands_ = true;
      } else if (!only_operands_ && word.size() > 1 && word[0] == '-') {
        RETURN_IF_ERROR(TakeOption(word));
      } else {
        RETURN_IF_ERROR(TakeWord(word));
      }
    }
    return Finish();
  }

 private:
  absl::Status TakeWord(const std::string& word) {
    if (invocation_.command != nullptr) {
      invocation_.arguments.operands.push_back(word);
      return absl::OkStatus();
    }
    const std::string longer = path_.empty() ? word : absl::StrCat(path_, " ", word);
    if (!IsPrefix(commands_, longer)) {
      return Misuse(absl::StrCat("there is no command '", longer, "'"), path_);
    }
    path_ = longer;
    invocation_.command = FindCommand(commands_, path_);
    return absl::OkStatus();
  }

  absl::Status TakeOption(const std::string& word) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
    const bool joined = absl::StrContains(word, '=');
    if (word == "-h") return TakeFlag("help", joined);
    if (!absl::StartsWith(word, "--")) return Unknown(word);
    const std::string name = parts.first.substr(2);
    if (name == "version" && path_.empty()) return TakeFlag(name, joined);
    const Option* const option = FindOption(name);
    if (option == nullptr) return Unknown(parts.first);
    if (option->value.empty()) return TakeFlag(name, joined);
    std::string value = parts.second;
    if (!joined) {
      if (at_ == words_.size()) {
        return Misuse(absl::StrCat("--", name, " needs a value: --", name, " ", option->value),
                      path_);
      }
      value = words_[at_++];
    }
    return Store(*option, std::move(value));
  }

  absl::Status TakeFlag(const std::string& name, bool joined) {
    if (joined) return Misuse(absl::StrCat("--", name, " takes no value"), path_);
    if (name == "help") {
      invocation_.help = true;
    } else if (name == "version") {
      invocation_.version = true;
    } else {
      invocation_.arguments.options[name].push_back("");
    }
    return absl::OkStatus();
  }

  absl::Status Store(const Option& option, std::string value) {
    if (option.name == "config") {
      invocation_.arguments.config_files.push_back(std::move(value));
      return absl::OkStatus();
    }
    std::vector<std::string>& values = invocation_.arguments.options[option.name];
    if (!values.empty() && !option.repeated) {
      return Misuse(absl::StrCat("--", option.name, " stands there twice"), path_);
    }
    values.push_back(std::move(value));
    return absl::OkStatus();
  }

  const Option* FindOption(absl::string_view name) const {
    for (const Option& option : CommonOptions()) {
      if (option.name == name) return &option;
    }
    if (invocation_.command == nullptr) return nullptr;
    for (const Option& option : invocation_.command->options) {
      if (option.name == name) return &option;
    }
    return nullptr;
  }

  absl::Status Unknown(const std::string& word) const {
    return Misuse(absl::StrCat("unknown option ", word), path_);
  }

  absl::StatusOr<Invocation> Finish() {
    invocation_.prefix = path_;
    if (invocation_.help || invocation_.version) {
      invocation_.command = nullptr;
      return std::move(invocation_);
    }
    if (invocation_.command == nullptr) {
      return Misuse(
          path_.empty() ? "which command?" : absl::StrCat("'", path_, "' is not a whole command"),
          path_);
    }
    const Command& command = *invocation_.command;
    const size_t count = invocation_.arguments.operands.size();
    if (count < command.operands_min) {
      return Misuse(absl::StrCat("'", path_, "' needs ", command.operands), path_);
    }
    if (count > command.operands_max) {
      return Misuse(absl::StrCat("'", invocation_.arguments.operands[command.operands_max],
                                 "' is one word too many"),
                    path_);
    }
    return std::move(invocation_);
  }

  const absl::Span<const Command> commands_;
  const std::vector<std::string>& words_;
  size_t at_ = 0;
  bool only_operands_ = false;
  std::string path_;
  Invocation invocation_;
};

std::string OptionLine(const Option& option) {
  return absl::StrCat("  --", option.name, option.value.empty() ? "" : " ", option.value,
                      option.repeated ? "..." : "");
}

void AppendTable(const std::vector<std::pair<std::string, std::string>>& rows, std::string* out) {
  size_t width = 0;
  for (const auto& [left, right] : rows) width = std::max(width, left.size());
  for (const auto& [left, right] : rows) {
    absl::StrAppend(out, left, std::string(width - left.size() + 3, ' '), right, "\n");
  }
}

std::string CommandHelp(const Command& command) {
  std::string text = absl::StrCat(
      "usage: ", kProgram, " ", command.path, command.options.empty() ? "" : " [OPTION...]",
      command.operands.empty() ? "" : " ", command.operands, "\n\n", command.summary, "\n");
  if (!command.details.empty()) absl::StrAppend(&text, "\n", command.details, "\n");
  absl::StrAppend(&text, "\noptions:\n");
  std::vector<std::pair<std::string, std::string>> rows;
  for (const std::vector<Option>* options : {&command.options, &CommonOptions()}) {
    for (const Option& option : *options) rows.emplace_back(OptionLine(option), option.help);
  }
  AppendTable(rows, &text);
  return text;
}

std::string GroupHelp(absl::Span<const Command> commands, absl::string_view prefix) {
  std::string text = absl::StrCat("usage: ", kProgram, " [--config FILE]... ", prefix,
                                  prefix.empty() ? "" : " ", "COMMAND ...\n\ncommands:\n");
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command& command : commands) {
    if (!IsBelow(command.path, prefix)) continue;
    rows.emplace_back(
        absl::StrCat("  ", command.path, command.operands.empty() ? "" : " ", command.operands),
        command.summary);
  }
  AppendTable(rows, &text);
  absl::StrAppend(&text, "\n`", kProgram,
                  " COMMAND --help` shows more. What can be configured: docs/configuration.md.\n");
  return text;
}

}  // namespace

std::optional<std::string> Arguments::Value(const std::string& name) const {
  const auto found = options.find(name);
  if (found == options.end()) return std::nullopt;
  return found->second.front();
}

std::vector<std::string> Arguments::Values(const std::string& name) const {
  const auto found = options.find(name);
  if (found == options.end()) return {};
  return found->second;
}

absl::StatusOr<Invocation> ParseCommandLine(absl::Span<const Command> commands,
                                            const std::vector<std::string>& words) {
  return Parser(commands, words).Parse();
}

std::string HelpText(absl::Span<const Command> commands, absl::string_view prefix) {
  const Command* const command = FindCommand(commands, prefix);
  return command != nullptr ? CommandHelp(*command) : GroupHelp(commands, prefix);
}

int RunCommandLine(absl::Span<const Command> commands, absl::string_view version,
                   const std::vector<std::string>& words, Console& console) {
  absl::StatusOr<Invocation> invocation = ParseCommandLine(commands, words);
  if (!invocation.ok()) {
    console.err << kProgram << ": " << invocation.status().message() << "\n";
    return kExitUsage;
  }
  if (invocation->help) {
    console.out << HelpText(commands, invocation->prefix);
    return kExitOk;
  }
  if (invocation->version) {
    console.out << kProgram << " " << version << "\n";
    return kExitOk;
  }
  invocation->arguments.words = words;
  const absl::StatusOr<int> status = invocation->command->run(invocation->arguments, console);
  if (status.ok()) return *status;
  console.err << kProgram << ": " << status.status().message() << "\n";
  return kExitFailed;
}

}  // namespace packetboat::cli
