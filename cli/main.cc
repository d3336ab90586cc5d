// The command line of Packetboat: `packetboat --help`.

#include <grpc/support/log.h>

#include <iostream>
#include <string>
#include <vector>

#include "cli/command/command.h"
#include "cli/commands.h"
#include "role/process.h"

int main(int argc, char** argv) {
  using packetboat::cli::Command;
  // What gRPC would print about connections, the commands tell in their own words.
  gpr_set_log_function([](gpr_log_func_args*) {});
  std::vector<Command> commands;
  for (const auto& group :
       {packetboat::cli::UpCommands(), packetboat::cli::DomainCommands(),
        packetboat::cli::AccountCommands(), packetboat::cli::AliasCommands(),
        packetboat::cli::ClusterCommands(), packetboat::cli::ConfigCommands()}) {
    commands.insert(commands.end(), group.begin(), group.end());
  }
  packetboat::cli::Console console{std::cin, std::cout, std::cerr};
  return packetboat::cli::RunCommandLine(commands, packetboat::role::Version(),
                                         std::vector<std::string>(argv + 1, argv + argc), console);
}
