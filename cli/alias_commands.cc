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
  rpc::directory::AddAlias& add = *request.mutable_add_alias();
  add.set_address(arguments.operands[0]);
  for (size_t i = 1; i < arguments.operands.size(); ++i) add.add_targets(arguments.operands[i]);
  const absl::Status status = DirectoryClient(std::move(options)).Change(request).status();
  if (!status.ok()) return Annotate(status, arguments.operands[0]);
  console.out << "added " << arguments.operands[0] << "\n";
  return kExitOk;
}

absl::StatusOr<int> RunList(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  ASSIGN_OR_RETURN(const DirectoryCopy copy, DirectoryClient(std::move(options)).Read());
  Listing listing({"address", "targets"});
  for (const auto& [address, alias] : copy.aliases) {
    listing.Add(
        {address, std::vector<std::string>(alias.targets().begin(), alias.targets().end())});
  }
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
  request.mutable_remove_alias()->set_address(arguments.operands[0]);
  const absl::Status status = DirectoryClient(std::move(options)).Change(request).status();
  if (!status.ok()) return Annotate(status, arguments.operands[0]);
  console.out << "removed " << arguments.operands[0] << "\n";
  return kExitOk;
}

}  // namespace

std::vector<Command> AliasCommands() {
  return {
      {"alias add",
       "ADDRESS TARGET...",
       2,
       kAnyNumber,
       "let an address lead to others",
       "ADDRESS may be @DOMAIN: every address of the domain that is nothing else. An alias that is "
       "there gets the\n"
       "new targets instead of its old ones.",
       {},
       RunAdd},
      {"alias list",
       "",
       0,
       0,
       "list the aliases and where they lead",
       "",
       {{"json", "", "as JSON"}},
       RunList},
      {"alias remove", "ADDRESS", 1, 1, "remove an alias", "", {}, RunRemove},
  };
}

}  // namespace packetboat::cli
