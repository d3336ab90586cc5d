#ifndef PACKETBOAT_CLI_COMMANDS_H_
#define PACKETBOAT_CLI_COMMANDS_H_

#include <vector>

#include "cli/command/command.h"

// The command table, a group per file.

namespace packetboat::cli {

std::vector<Command> UpCommands();
std::vector<Command> DomainCommands();
std::vector<Command> AccountCommands();
std::vector<Command> AliasCommands();
std::vector<Command> ClusterCommands();
std::vector<Command> ConfigCommands();

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_COMMANDS_H_
