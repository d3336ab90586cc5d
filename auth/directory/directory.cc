#include "auth/directory/directory.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "mail/address/normalize.h"

namespace packetboat::auth {
namespace {

std::optional<std::string> KeyOf(const address::Mailbox& mailbox) {
  absl::StatusOr<std::string> key = address::LookupKey(mailbox);
  if (!key.ok()) return std::nullopt;
  return *std::move(key);
}

std::string DomainOf(const std::string& key) { return key.substr(key.rfind('@') + 1); }

bool IsRoleName(const address::LocalPart& local_part) {
  return local_part.IsPostmaster() || absl::AsciiStrToLower(local_part.unquoted()) == "abuse";
}

}  // namespace

// What has been found on the way from one recipient.
struct Directory::Walk {
  Resolved found;
  // Addresses between the recipient and here.
  std::vector<std::string> path;
  bool loop = false;

  void AddLocal(const Account& account, const std::string& detail) {
    for (const LocalTarget& target : found.local) {
      if (target.account.id == account.id) return;
    }
    found.local.push_back({account, detail});
  }

  void AddRemote(std::string address) {
    if (std::find(found.remote.begin(), found.remote.end(), address) == found.remote.end()) {
      found.remote.push_back(std::move(address));
    }
  }

  size_t targets() const { return found.local.size() + found.remote.size(); }
};

std::optional<std::string> KeyOfAddress(absl::string_view text) {
  if (absl::ConsumePrefix(&text, "@")) {
    absl::StatusOr<address::Domain> domain = address::Domain::Parse(text);
    if (!domain.ok()) return std::nullopt;
    absl::StatusOr<address::Domain> ascii = address::ToALabels(*domain);
    if (!ascii.ok()) return std::nullopt;
    return absl::StrCat("@", ascii->text());
  }
  absl::StatusOr<address::Mailbox> mailbox = address::Mailbox::Parse(text);
  if (!mailbox.ok()) return std::nullopt;
  return KeyOf(*mailbox);
}

void Directory::PutDomain(const std::string& domain) {
  absl::MutexLock lock(&mutex_);
  target().domains.insert(domain);
}

void Directory::RemoveDomain(const std::string& domain) {
  absl::MutexLock lock(&mutex_);
  target().domains.erase(domain);
}

void Directory::PutAccount(Account account) {
  const std::optional<std::string> key = KeyOfAddress(account.address);
  if (!key.has_value()) return;
  absl::MutexLock lock(&mutex_);
  Contents& contents = target();
  contents.keys_by_id[account.id] = *key;
  contents.accounts[*key] = std::move(account);
}

void Directory::RemoveAccount(AccountId id) {
  absl::MutexLock lock(&mutex_);
  auto& [domains, accounts, keys_by_id, aliases] = target();
  const auto found = keys_by_id.find(id);
  if (found == keys_by_id.end()) return;
  const auto account = accounts.find(found->second);
  // The address may belong to a new account by now.
  if (account != accounts.end() && account->second.id == id) accounts.erase(account);
  keys_by_id.erase(found);
}

void Directory::PutAlias(Alias alias) {
  const std::optional<std::string> key = KeyOfAddress(alias.address);
  if (!key.has_value()) return;
  absl::MutexLock lock(&mutex_);
  target().aliases[*key] = std::move(alias);
}

void Directory::RemoveAlias(const std::string& address) {
  const std::optional<std::string> key = KeyOfAddress(address);
  if (!key.has_value()) return;
  absl::MutexLock lock(&mutex_);
  target().aliases.erase(*key);
}

void Directory::BeginCopy() {
  absl::MutexLock lock(&mutex_);
  copy_.emplace();
}

void Directory::EndCopy() {
  absl::MutexLock lock(&mutex_);
  if (!copy_.has_value()) return;
  live_ = *std::move(copy_);
  copy_.reset();
}

void Directory::DropCopy() {
  absl::MutexLock lock(&mutex_);
  copy_.reset();
}

void Directory::SetFileUsers(std::set<std::string> keys) {
  absl::MutexLock lock(&mutex_);
  file_users_ = std::move(keys);
}

Resolved Directory::Resolve(const std::optional<address::Mailbox>& mailbox) const {
  absl::ReaderMutexLock lock(&mutex_);
  Walk walk;
  if (mailbox.has_value()) {
    const std::optional<std::string> key = KeyOf(*mailbox);
    if (!key.has_value() || !HostsDomain(DomainOf(*key))) {
      return {.resolution = Resolution::kNotLocal, .local = {}, .remote = {}};
    }
    Follow(*mailbox, walk);
  } else {
    FollowPostmaster("", walk);
  }
  if (walk.loop) return {.resolution = Resolution::kLoop, .local = {}, .remote = {}};
  if (walk.targets() > 0) walk.found.resolution = Resolution::kOk;
  return std::move(walk.found);
}

std::optional<Account> Directory::FindAccount(const std::string& key) const {
  absl::ReaderMutexLock lock(&mutex_);
  const Account* const account = UsableAccount(key);
  if (account == nullptr) return std::nullopt;
  return *account;
}

bool Directory::HostsDomain(const std::string& domain) const {
  return live_.domains.contains(domain) ||
         std::find(options_.domains.begin(), options_.domains.end(), domain) !=
             options_.domains.end();
}

const Account* Directory::UsableAccount(const std::string& key) const {
  const auto found = live_.accounts.find(key);
  if (found == live_.accounts.end()) return nullptr;
  if (found->second.of_user_file && !file_users_.contains(key)) return nullptr;
  return &found->second;
}

void Directory::Follow(const address::Mailbox& mailbox, Walk& walk) const {
  if (walk.loop || FollowExactly(mailbox, "", walk)) return;
  const address::Subaddress parts =
      address::SplitSubaddress(mailbox.local_part(), options_.subaddress_separators);
  if (parts.detail.has_value()) {
    absl::StatusOr<address::Mailbox> plain = address::Mailbox::Make(parts.user, mailbox.domain());
    if (plain.ok() && FollowExactly(*plain, *parts.detail, walk)) return;
  }
  const std::optional<std::string> key = KeyOf(mailbox);
  if (!key.has_value()) return;
  const std::string domain = DomainOf(*key);
  if (IsRoleName(mailbox.local_part())) {
    FollowPostmaster(domain, walk);
    return;
  }
  const auto catch_all = live_.aliases.find(absl::StrCat("@", domain));
  if (catch_all != live_.aliases.end()) FollowAlias(catch_all->second, catch_all->first, walk);
}

bool Directory::FollowExactly(const address::Mailbox& mailbox, const std::string& detail,
                              Walk& walk) const {
  const std::optional<std::string> key = KeyOf(mailbox);
  if (!key.has_value()) return false;
  const Account* const account = UsableAccount(*key);
  const auto alias = live_.aliases.find(*key);
  const bool been_here = std::find(walk.path.begin(), walk.path.end(), *key) != walk.path.end();
  // An alias that names itself means the account of that name: `alice: alice, bob`.
  if (alias != live_.aliases.end() && !(been_here && account != nullptr)) {
    FollowAlias(alias->second, *key, walk);
    return true;
  }
  if (account == nullptr) return false;
  walk.AddLocal(*account, detail);
  return true;
}

void Directory::FollowAlias(const Alias& alias, const std::string& key, Walk& walk) const {
  const bool been_here = std::find(walk.path.begin(), walk.path.end(), key) != walk.path.end();
  if (been_here || walk.path.size() >= options_.alias_depth) {
    walk.loop = true;
    return;
  }
  walk.path.push_back(key);
  for (const std::string& target : alias.targets) {
    if (walk.loop || walk.targets() >= options_.alias_targets) break;
    absl::StatusOr<address::Mailbox> mailbox = address::Mailbox::Parse(target);
    const std::optional<std::string> target_key = KeyOfAddress(target);
    if (!mailbox.ok() || !target_key.has_value()) continue;
    if (HostsDomain(DomainOf(*target_key))) {
      Follow(*mailbox, walk);
    } else {
      walk.AddRemote(target);
    }
  }
  walk.path.pop_back();
}

void Directory::FollowPostmaster(const std::string& domain, Walk& walk) const {
  if (!options_.postmaster.empty() && walk.path.empty()) {
    absl::StatusOr<address::Mailbox> mailbox = address::Mailbox::Parse(options_.postmaster);
    walk.path.push_back("postmaster");  // a postmaster who leads to itself ends here
    if (mailbox.ok()) Follow(*mailbox, walk);
    walk.path.pop_back();
    if (walk.targets() > 0) return;
  }
  const Account* oldest = nullptr;
  for (const auto& [id, key] : live_.keys_by_id) {
    const Account* const account = UsableAccount(key);
    if (account == nullptr) continue;
    if (oldest == nullptr) oldest = account;
    if (DomainOf(key) != domain) continue;
    oldest = account;
    break;
  }
  if (oldest != nullptr) walk.AddLocal(*oldest, "");
}

}  // namespace packetboat::auth
