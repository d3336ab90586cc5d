#include "cli/command/command.h"

#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

namespace packetboat::cli {
namespace {

// Shows what a command was given: `path|operands|options|config files`.
std::string Show(const Invocation& invocation) {
  const Arguments& arguments = invocation.arguments;
  std::vector<std::string> options;
  for (const auto& [name, values] : arguments.options) {
    options.push_back(name + "=" + absl::StrJoin(values, "+"));
  }
  return absl::StrJoin({invocation.command->path, absl::StrJoin(arguments.operands, ","),
                        absl::StrJoin(options, ","), absl::StrJoin(arguments.config_files, ",")},
                       "|");
}

std::vector<Command> Table() {
  const auto run = [](const Arguments&, Console& console) -> absl::StatusOr<int> {
    console.out << "ran\n";
    return kExitOk;
  };
  const auto fail = [](const Arguments&, Console&) -> absl::StatusOr<int> {
    return absl::NotFoundError("no such thing");
  };
  return {
      {"account add", "ADDRESS", 1, 1, "adds", "", {{"quota", "SIZE", "how much"}}, run},
      {"account list", "[DOMAIN]", 0, 1, "lists", "", {{"json", "", "as JSON"}}, run},
      {"alias add", "ADDRESS TARGET...", 2, kAnyNumber, "adds", "", {{"dns", "N", "", true}}, run},
      {"up", "", 0, 0, "runs", "A paragraph.", {}, fail},
  };
}

TEST(CommandLineTest, WordsBecomeACommandItsOperandsAndItsOptions) {
  struct Case {
    std::vector<std::string> words;
    std::string shown;
  };
  const std::vector<Case> cases = {
      {{"up"}, "up|||"},
      {{"account", "add", "a@b"}, "account add|a@b||"},
      {{"account", "add", "a@b", "--quota", "1GB"}, "account add|a@b|quota=1GB|"},
      {{"account", "add", "--quota=1GB", "a@b"}, "account add|a@b|quota=1GB|"},
      {{"account", "add", "--quota=", "a@b"}, "account add|a@b|quota=|"},
      {{"account", "add", "--", "--quota"}, "account add|--quota||"},
      {{"account", "list"}, "account list|||"},
      {{"account", "list", "--json", "d"}, "account list|d|json=|"},
      {{"--config", "x", "up", "--config=y"}, "up|||x,y"},
      {{"account", "--config", "x", "list"}, "account list|||x"},
      {{"alias", "add", "a", "b", "c", "d"}, "alias add|a,b,c,d||"},
      {{"alias", "add", "a", "b", "--dns", "x", "--dns", "y"}, "alias add|a,b|dns=x+y|"},
      {{"alias", "add", "a", "-"}, "alias add|a,-||"},
  };
  const std::vector<Command> table = Table();
  for (const Case& one : cases) {
    const absl::StatusOr<Invocation> got = ParseCommandLine(table, one.words);
    ASSERT_TRUE(got.ok()) << absl::StrJoin(one.words, " ") << ": " << got.status();
    EXPECT_EQ(Show(*got), one.shown);
  }
}

TEST(CommandLineTest, AMistakeIsNamedAndTellsWhereToLook) {
  struct Case {
    std::vector<std::string> words;
    std::string what;
    std::string where;
  };
  const std::vector<Case> cases = {
      {{}, "which command?", "`packetboat --help`"},
      {{"down"}, "there is no command 'down'", "`packetboat --help`"},
      {{"account"}, "'account' is not a whole command", "`packetboat account --help`"},
      {{"account", "ad"}, "there is no command 'account ad'", "`packetboat account --help`"},
      {{"account", "add"}, "'account add' needs ADDRESS", "`packetboat account add --help`"},
      {{"account", "add", "a", "b"}, "'b' is one word too many", "account add"},
      {{"account", "add", "a", "--quota"}, "--quota needs a value: --quota SIZE", "account add"},
      {{"account", "add", "a", "--json"}, "unknown option --json", "account add"},
      {{"account", "list", "--json=1"}, "--json takes no value", "account list"},
      {{"account", "add", "a", "--quota=1", "--quota=2"}, "--quota stands there twice", ""},
      {{"--json", "account", "list"}, "unknown option --json", ""},
      {{"up", "-x"}, "unknown option -x", ""},
      {{"up", "--config"}, "--config needs a value: --config FILE", ""},
  };
  const std::vector<Command> table = Table();
  for (const Case& one : cases) {
    const absl::StatusOr<Invocation> got = ParseCommandLine(table, one.words);
    ASSERT_FALSE(got.ok()) << absl::StrJoin(one.words, " ");
    EXPECT_EQ(got.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StrContains(got.status().message(), one.what)) << got.status();
    EXPECT_TRUE(absl::StrContains(got.status().message(), one.where)) << got.status();
  }
}

class RunTest : public testing::Test {
 protected:
  int Run(const std::vector<std::string>& words) {
    Console console{in_, out_, err_};
    return RunCommandLine(Table(), "1.2.3", words, console);
  }

  std::istringstream in_;
  std::ostringstream out_, err_;
};

TEST_F(RunTest, ExitStatusesTellFailureFromMisuse) {
  EXPECT_EQ(Run({"account", "list"}), kExitOk);
  EXPECT_EQ(out_.str(), "ran\n");
  EXPECT_EQ(Run({"up"}), kExitFailed);
  EXPECT_EQ(err_.str(), "packetboat: no such thing\n");
  EXPECT_EQ(Run({"sideways"}), kExitUsage);
}

TEST_F(RunTest, VersionIsPrinted) {
  EXPECT_EQ(Run({"--version"}), kExitOk);
  EXPECT_EQ(out_.str(), "packetboat 1.2.3\n");
}

TEST_F(RunTest, HelpNeedsNoOperandsAndShowsTheCommandsOwnOptions) {
  EXPECT_EQ(Run({"account", "add", "--help"}), kExitOk);
  EXPECT_TRUE(absl::StrContains(out_.str(), "usage: packetboat account add [OPTION...] ADDRESS"));
  EXPECT_TRUE(absl::StrContains(out_.str(), "--quota SIZE"));
  EXPECT_TRUE(absl::StrContains(out_.str(), "--config FILE..."));
}

TEST_F(RunTest, HelpOfAGroupListsItsCommandsAlone) {
  EXPECT_EQ(Run({"account", "-h"}), kExitOk);
  EXPECT_TRUE(absl::StrContains(out_.str(), "account list [DOMAIN]"));
  EXPECT_FALSE(absl::StrContains(out_.str(), "alias add"));
}

}  // namespace
}  // namespace packetboat::cli
