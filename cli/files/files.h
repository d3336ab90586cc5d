#ifndef PACKETBOAT_CLI_FILES_FILES_H_
#define PACKETBOAT_CLI_FILES_FILES_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Whole files, read and written by an operator's command. Failures name the file.

namespace packetboat::cli {

// Whom a file is for.
inline constexpr mode_t kForEverybody = 0644;
inline constexpr mode_t kForOwner = 0600;

enum class Existing { kRefuse, kReplace };

absl::StatusOr<std::string> ReadFile(const std::string& path);

// The file appears complete, synced and with its mode, or not at all. kAlreadyExists when it is
// there and must not be replaced.
absl::Status WriteFile(const std::string& path, absl::string_view contents, mode_t mode,
                       Existing existing);

bool FileExists(const std::string& path);

// With the folders above it, for the owner alone. A folder that is there stays as it is.
absl::Status MakeFolder(const std::string& path);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_FILES_FILES_H_
