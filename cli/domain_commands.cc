#include "absl/status/status.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/directory/client.h"
#include "cli/directory/operator.h"
#include "cli/listing.h"

namespace packetboat::cli {
namespace {

absl::StatusOr<int> RunAdd(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  rpc::directory::ChangeRequest request;
  request.mutable_add_domain()->set_domain(arguments.operands[0]);
  const absl::Status status = DirectoryClient(std::move(options)).Change(request).status();
  if (!status.ok()) return Annotate(status, arguments.operands[0]);
  console.out << "added " << arguments.operands[0] << "\n";
  return kExitOk;
}

absl::StatusOr<int> RunList(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  ASSIGN_OR_RETURN(const DirectoryCopy copy, DirectoryClient(std::move(options)).Read());
  Listing listing({"domain"});
  for (const auto& [name, domain] : copy.domains) listing.Add({name});
  if (arguments.Has("json")) {
    listing.PrintJson(console.out);
  } else {
    listing.PrintText(console.out);
  }
  return kExitOk;
}

absl::StatusOr<int> RunRemove(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  rpc::directory::ChangeRequest request;
  request.mutable_remove_domain()->set_domain(arguments.operands[0]);
  const absl::Status status = DirectoryClient(std::move(options)).Change(request).status();
  if (!status.ok()) return Annotate(status, arguments.operands[0]);
  console.out << "removed " << arguments.operands[0] << "\n";
  return kExitOk;
}

}  // namespace

std::vector<Command> DomainCommands() {
  return {
      {"domain add", "DOMAIN", 1, 1, "host a domain", "", {}, RunAdd},
      {"domain list",
       "",
       0,
       0,
       "list the hosted domains",
       "Those of the directory; mail.domains of the configuration may name more.",
       {{"json", "", "as JSON"}},
       RunList},
      {"domain remove",
       "DOMAIN",
       1,
       1,
       "no longer host a domain",
       "Its accounts and aliases have to be removed first.",
       {},
       RunRemove},
  };
}

}  // namespace packetboat::cli
