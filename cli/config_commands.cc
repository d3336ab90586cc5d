#include <vector>

#include "absl/time/clock.h"
#include "base/config/load.h"
#include "cli/commands.h"
#include "cli/config/check.h"

namespace packetboat::cli {
namespace {

absl::StatusOr<int> RunCheck(const Arguments& arguments, Console& console) {
  std::vector<std::string> files = arguments.config_files;
  files.insert(files.end(), arguments.operands.begin(), arguments.operands.end());
  const std::vector<config::Mistake> mistakes = CheckConfigFiles(files, absl::Now());
  for (const config::Mistake& mistake : mistakes) console.err << mistake.ToString() << "\n";
  if (!mistakes.empty()) return kExitFailed;
  console.out << "no mistakes\n";
  return kExitOk;
}

}  // namespace

std::vector<Command> ConfigCommands() {
  return {
      {"config check",
       "FILE...",
       1,
       kAnyNumber,
       "name every mistake in configuration files",
       "Later files go over earlier ones. Each mistake is printed as FILE:LINE:COLUMN: TEXT; then "
       "the exit status\n"
       "is 1. Also looked at: addresses, names, and the files that the configuration names, "
       "certificates above all.\n"
       "docs/configuration.md describes every setting.",
       {},
       RunCheck},
  };
}

}  // namespace packetboat::cli
