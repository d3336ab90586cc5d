#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "auth/password/password.h"
#include "base/config/load.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/directory/client.h"
#include "cli/directory/operator.h"
#include "cli/listing.h"
#include "cli/terminal/password.h"

namespace packetboat::cli {
namespace {

using rpc::directory::AccountRecord;
using rpc::directory::ChangeRequest;

const Option& PasswordFileOption() {
  static const auto* const option =
      new Option{"password-file", "FILE", "take the password from the first line of FILE", false};
  return *option;
}

// Only the hash leaves this process.
absl::StatusOr<std::string> NewPasswordHash(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const Secret password,
                   ReadNewPassword(arguments.Value("password-file"), console));
  ASSIGN_OR_RETURN(const auth::PasswordHash hash, auth::Hash(password.Reveal(), SystemRandom()));
  return hash.ToString();
}

// 0: without a limit.
absl::StatusOr<uint64_t> Quota(const Arguments& arguments) {
  const std::optional<std::string> text = arguments.Value("quota");
  if (!text.has_value()) return uint64_t{0};
  const absl::StatusOr<uint64_t> octets = config::ParseBytes(*text);
  if (!octets.ok()) return Annotate(octets.status(), "--quota");
  return *octets;
}

absl::StatusOr<int> SendChange(DirectoryClient::Options options, const ChangeRequest& request,
                               const std::string& address, absl::string_view done,
                               Console& console) {
  absl::Status status = DirectoryClient(std::move(options)).Change(request).status();
  if (absl::IsNotFound(status) && request.has_add_account()) {
    status = absl::NotFoundError("its domain is not hosted; `packetboat domain add` does that");
  }
  if (!status.ok()) return Annotate(status, address);
  console.out << done << " " << address << "\n";
  return kExitOk;
}

absl::StatusOr<int> RunQuota(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  ChangeRequest request;
  rpc::directory::SetQuota& set = *request.mutable_set_quota();
  set.set_address(arguments.operands[0]);
  const absl::StatusOr<uint64_t> octets = config::ParseBytes(arguments.operands[1]);
  if (!octets.ok()) return Annotate(octets.status(), arguments.operands[1]);
  set.set_quota_octets(*octets);
  return SendChange(std::move(options), request, set.address(),
                    *octets == 0 ? "no quota any more for" : "set the quota of", console);
}

absl::StatusOr<int> RunAdd(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  ChangeRequest request;
  rpc::directory::AddAccount& add = *request.mutable_add_account();
  add.set_address(arguments.operands[0]);
  ASSIGN_OR_RETURN(const uint64_t quota, Quota(arguments));
  add.set_quota_octets(quota);
  ASSIGN_OR_RETURN(*add.mutable_password_hash(), NewPasswordHash(arguments, console));
  return SendChange(std::move(options), request, add.address(), "added", console);
}

absl::StatusOr<int> RunPasswd(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  ChangeRequest request;
  rpc::directory::SetPassword& set = *request.mutable_set_password();
  set.set_address(arguments.operands[0]);
  ASSIGN_OR_RETURN(*set.mutable_password_hash(), NewPasswordHash(arguments, console));
  return SendChange(std::move(options), request, set.address(), "new password for", console);
}

absl::StatusOr<int> RunRemove(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  ChangeRequest request;
  request.mutable_remove_account()->set_address(arguments.operands[0]);
  return SendChange(std::move(options), request, arguments.operands[0], "removed", console);
}

std::string SourceName(AccountRecord::Source source) {
  return source == AccountRecord::PASSWD_FILE ? "passwd-file" : "directory";
}

absl::StatusOr<int> RunList(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(DirectoryClient::Options options, OperatorOptions(arguments));
  ASSIGN_OR_RETURN(const DirectoryCopy copy, DirectoryClient(std::move(options)).Read());
  const std::string end =
      arguments.operands.empty() ? "" : absl::StrCat("@", arguments.operands[0]);
  Listing listing({"address", "quota", "password", "id", "shard"});
  for (const auto& [address, account] : copy.accounts) {
    if (!absl::EndsWithIgnoreCase(address, end)) continue;
    Listing::Cell quota;
    if (account.quota_octets() != 0) quota = account.quota_octets();
    listing.Add({address, quota, SourceName(account.source()), account.account_id(),
                 uint64_t{account.shard()}});
  }
  if (arguments.Has("json")) {
    listing.PrintJson(console.out);
  } else {
    listing.PrintText(console.out);
  }
  return kExitOk;
}

}  // namespace

std::vector<Command> AccountCommands() {
  return {
      {"account add",
       "ADDRESS",
       1,
       1,
       "make an account with a mailbox",
       "Its domain must be hosted (`packetboat domain add`). The password is asked for twice on a "
       "terminal, else\n"
       "it is one line of standard input; only its Argon2id hash is sent.",
       {{"quota", "SIZE", "the most that the account may hold, such as 10GB (no limit)"},
        PasswordFileOption()},
       RunAdd},
      {"account list",
       "[DOMAIN]",
       0,
       1,
       "list the accounts",
       "Columns: address; quota in octets; where the password is kept (directory, or passwd-file: "
       "a file of users\n"
       "of the auth service); the account's number; its shard.",
       {{"json", "", "as JSON"}},
       RunList},
      {"account passwd",
       "ADDRESS",
       1,
       1,
       "set an account's password",
       "Read as by `packetboat account add`.",
       {PasswordFileOption()},
       RunPasswd},
      {"account quota",
       "ADDRESS SIZE",
       2,
       2,
       "set how much an account may hold",
       "SIZE is a number of octets or such as 10GB; 0 is no limit. A full mailbox takes no new "
       "mail "
       "(452 4.2.2) until\n"
       "something is removed; what is there stays.",
       {},
       RunQuota},
      {"account remove", "ADDRESS", 1, 1, "remove an account and all its mail", "", {}, RunRemove},
  };
}

}  // namespace packetboat::cli
