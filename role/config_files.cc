#include "role/config_files.h"

#include <fstream>
#include <iterator>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/config/load.h"
#include "base/status.h"
#include "proto/config.pb.h"

namespace packetboat::role {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return text;
}

}  // namespace

absl::Status LoadConfig(const std::vector<std::string>& files, config::Config& config) {
  config::SetDefaults(config);
  std::string mistakes;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
    for (const config::Mistake& mistake : config::Merge(file, text, config)) {
      absl::StrAppend(&mistakes, mistakes.empty() ? "" : "\n", mistake.ToString());
    }
  }
  if (!mistakes.empty()) return absl::InvalidArgumentError(mistakes);
  return absl::OkStatus();
}

rpc::TlsFiles ClusterTlsFiles(const config::Config& config) {
  const config::ClusterTls& tls = config.cluster().tls();
  return {tls.ca(), tls.certificate(), tls.key()};
}

}  // namespace packetboat::role
