#ifndef PACKETBOAT_CLI_CONFIG_POSITIONS_H_
#define PACKETBOAT_CLI_CONFIG_POSITIONS_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "base/config/load.h"

namespace packetboat::cli {

// Where in the configuration files a setting stands, for mistakes that only its value shows.
class Positions {
 public:
  Positions();
  ~Positions();

  // In the order in which the files go one over the other. A text that is no YAML has no positions.
  void Add(const std::string& file, absl::string_view yaml);

  // A mistake in the setting `path`, such as "mx.listeners[0].address": at its value in the last
  // file that has it, else at the nearest mapping or list around it, else in the last file as a
  // whole.
  config::Mistake At(absl::string_view path, std::string text) const;

 private:
  struct Files;
  std::unique_ptr<Files> files_;
};

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_CONFIG_POSITIONS_H_
