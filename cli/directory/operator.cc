#include "cli/directory/operator.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/files/files.h"
#include "net/rpc/access.h"
#include "net/rpc/tls_files.h"
#include "proto/config.pb.h"
#include "role/config_files.h"

namespace packetboat::cli {
namespace {

absl::StatusOr<config::Config> LoadOperatorConfig(const Arguments& arguments) {
  config::Config config;
  RETURN_IF_ERROR(role::LoadConfig(arguments.config_files, config));
  if (!config.cluster().stores().empty()) return config;
  const std::string data =
      arguments.config_files.empty() ? kDefaultDataFolder : config.node().data();
  const std::string left_by_up = absl::StrCat(data, "/", kOperatorFile);
  if (!FileExists(left_by_up)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "which cluster? Name a configuration with cluster.stores and cluster.tls by --config FILE, "
        "or run this where `packetboat up` keeps its data (there is no ",
        left_by_up, ")"));
  }
  config.Clear();
  RETURN_IF_ERROR(role::LoadConfig({left_by_up}, config));
  return config;
}

absl::Status CheckAdmin(const rpc::TlsFiles& files, const std::string& cluster) {
  ASSIGN_OR_RETURN(const rpc::CheckedTlsFiles checked, rpc::CheckTlsFiles(files, absl::Now()));
  if (checked.identity.role != rpc::Role::kAdmin) {
    return absl::FailedPreconditionError(absl::StrCat(
        files.certificate, " is for role ", rpc::RoleName(checked.identity.role),
        ", and this takes one for role admin; `packetboat cluster ca issue DIR --role admin --name "
        "NAME` makes one"));
  }
  if (checked.identity.cluster != cluster) {
    return absl::FailedPreconditionError(
        absl::StrCat(files.certificate, " is of cluster '", checked.identity.cluster,
                     "', and the configuration's cluster.name is '", cluster, "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DirectoryClient::Options> OperatorOptions(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const config::Config config, LoadOperatorConfig(arguments));
  DirectoryClient::Options options;
  options.stores = {config.cluster().stores().begin(), config.cluster().stores().end()};
  options.tls = role::ClusterTlsFiles(config);
  options.cluster = config.cluster().name();
  RETURN_IF_ERROR(CheckAdmin(options.tls, options.cluster));
  return options;
}

}  // namespace packetboat::cli
