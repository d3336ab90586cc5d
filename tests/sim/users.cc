#include "tests/sim/users.h"

#include "absl/strings/str_cat.h"

namespace packetboat::sim {

std::string Users::Name(AccountId account) { return absl::StrCat("user", account.value()); }

std::string Users::Address(AccountId account) { return absl::StrCat(Name(account), "@sim.test"); }

ShardId Users::ShardOf(AccountId account) const {
  return ShardId(static_cast<uint32_t>(account.value() % shards_));
}

void Users::Resolve(std::string address,
                    absl::AnyInvocable<void(absl::StatusOr<mx::Resolved>)> done) {
  mx::Resolved resolved;
  for (int i = 1; i <= accounts_; ++i) {
    const AccountId account(static_cast<uint64_t>(i));
    if (Address(account) != address) continue;
    resolved.result = mx::ResolveResult::kOk;
    resolved.local.push_back({account, ShardOf(account), address, ""});
  }
  done(std::move(resolved));
}

void Users::Authenticate(std::string user, Secret password, std::string /*peer*/,
                         absl::AnyInvocable<void(absl::StatusOr<store::LoggedIn>)> done) {
  for (int i = 1; i <= accounts_; ++i) {
    const AccountId account(static_cast<uint64_t>(i));
    if (Name(account) != user || password.Reveal() != user) continue;
    return done(store::LoggedIn{
        .account = account, .shard = ShardOf(account), .address = Address(account)});
  }
  done(absl::UnauthenticatedError("nobody of this name"));
}

}  // namespace packetboat::sim
