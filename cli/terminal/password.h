#ifndef PACKETBOAT_CLI_TERMINAL_PASSWORD_H_
#define PACKETBOAT_CLI_TERMINAL_PASSWORD_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/secret.h"
#include "cli/command/command.h"

namespace packetboat::cli {

// A new password: the first line of `file` if that is given; else asked for twice, without echo,
// when standard input is a terminal; else one line of `console.in`. kInvalidArgument for one that
// no log-in could ever use (auth/password).
absl::StatusOr<Secret> ReadNewPassword(const std::optional<std::string>& file, Console& console);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_TERMINAL_PASSWORD_H_
