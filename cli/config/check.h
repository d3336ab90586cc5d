#ifndef PACKETBOAT_CLI_CONFIG_CHECK_H_
#define PACKETBOAT_CLI_CONFIG_CHECK_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/config/load.h"

namespace packetboat::cli {

// Everything wrong with the configuration that these files make, one over the other: what the
// loader says and, once it is content, addresses that do not parse, names that are none, files and
// folders that are missing, TLS files that do not fit together, are not valid `now` or belong to
// another cluster or process. Looks at files, resolves and connects to nothing.
std::vector<config::Mistake> CheckConfigFiles(const std::vector<std::string>& files,
                                              absl::Time now);

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_CONFIG_CHECK_H_
