#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "base/check.h"
#include "store/model/account.h"
#include "store/model/commands.h"
#include "store/model/limits.h"

// The directory: domains, accounts, aliases. It lives in shard 0; every change gives it a version.

namespace packetboat::model {
namespace {

using entry::Result;

bool IsPrintable(absl::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

bool WellformedDomain(absl::string_view domain) {
  return !domain.empty() && domain.size() <= kMaxDomainBytes && IsPrintable(domain) &&
         domain.find('@') == absl::string_view::npos;
}

// `local@domain`, or `@domain` where a catch-all is allowed.
bool WellformedKey(absl::string_view key, bool catch_all) {
  const std::optional<absl::string_view> domain = DomainOf(key);
  if (!domain.has_value() || !WellformedDomain(*domain)) return false;
  if (key.size() > kMaxAddressBytes || !IsPrintable(key)) return false;
  return catch_all || key.size() > domain->size() + 1;
}

bool Wellformed(const record::Address& address, bool catch_all = false) {
  return WellformedKey(address.key(), catch_all) && !address.text().empty() &&
         address.text().size() <= kMaxAddressBytes && IsPrintable(address.text());
}

template <typename Hashes>
bool WellformedHashes(const Hashes& hashes) {
  if (static_cast<size_t>(hashes.size()) > kMaxPasswordHashes) return false;
  return std::all_of(hashes.begin(), hashes.end(), [](const std::string& hash) {
    return !hash.empty() && hash.size() <= kMaxPasswordHashBytes && IsPrintable(hash);
  });
}

bool WellformedSource(record::DirectoryAccount::Source source) {
  return source == record::DirectoryAccount::DIRECTORY ||
         source == record::DirectoryAccount::PASSWD_FILE;
}

bool WellformedShards(uint32_t shards) { return shards >= 1 && shards <= kMaxShards; }

// The directory while one entry changes it. Records are written at once, the directory's own by
// Save().
class Directory {
 public:
  explicit Directory(State& state)
      : state_(state),
        record_(
            state.Find<record::Directory>(state.keys().Directory()).value_or(record::Directory())),
        version_before_(record_.version()) {}

  bool HasDomain(absl::string_view domain) const {
    return state_.Has(state_.keys().Domain(domain));
  }
  bool HasAlias(absl::string_view key) const { return state_.Has(state_.keys().Alias(key)); }

  std::optional<AccountId> AccountAt(absl::string_view key) const {
    const auto id = state_.FindBytes(kv::kRecords, state_.keys().AccountByAddress(key));
    if (!id.has_value()) return std::nullopt;
    return AccountId(KeyReader(*id, 0).U64());
  }

  // The version that the change gets, which is listed as `change`.
  uint64_t NextVersion(const record::DirectoryChange& change) {
    const uint64_t version = record_.version() + 1;
    record_.set_version(version);
    if (record_.first_change() == 0) record_.set_first_change(1);
    state_.Put(state_.keys().DirectoryChange(version), change);
    if (version - record_.first_change() == kDirectoryChangesKept) {
      state_.Delete(state_.keys().DirectoryChange(record_.first_change()));
      record_.set_first_change(record_.first_change() + 1);
    }
    return version;
  }

  void AddDomain(absl::string_view name) {
    record::DirectoryChange change;
    change.set_domain(std::string(name));
    record::Domain domain;
    domain.set_version(NextVersion(change));
    domain.set_created_us(state_.now_us());
    state_.Put(state_.keys().Domain(name), domain);
  }

  // The address has to be free and its domain there.
  AccountId AddAccount(record::DirectoryAccount account) {
    record_.set_last_account_id(record_.last_account_id() + 1);
    const AccountId id(record_.last_account_id());
    account.set_created_us(state_.now_us());
    state_.PutBytes(kv::kRecords, state_.keys().AccountByAddress(account.address().key()),
                    EncodeId(id));
    CountInShard(account.shard(), 1);
    PutAccount(id, std::move(account));
    return id;
  }

  void PutAccount(AccountId id, record::DirectoryAccount account) {
    account.set_version(NextVersion(ChangeOf(id, account)));
    state_.Put(state_.keys().DirectoryAccount(id), account);
  }

  void RemoveAccount(AccountId id) {
    const std::string key = state_.keys().DirectoryAccount(id);
    const auto account = state_.Get<record::DirectoryAccount>(key);
    state_.Delete(key);
    state_.Delete(state_.keys().AccountByAddress(account.address().key()));
    CountInShard(account.shard(), -1);
    NextVersion(ChangeOf(id, account));
    record::AccountRemoval removal;
    removal.set_shard(account.shard());
    removal.set_removed_us(state_.now_us());
    state_.Put(state_.keys().AccountRemoval(id), removal);
  }

  // The shard with the fewest accounts, the lowest of several.
  uint32_t LeastLoaded(uint32_t shards) const {
    uint32_t best = 0;
    for (uint32_t shard = 1; shard < shards; ++shard) {
      if (AccountsIn(shard) < AccountsIn(best)) best = shard;
    }
    return best;
  }

  // Writes the directory's own record if anything has changed, and answers its version.
  Outcome Save(Result& result) {
    if (record_.version() != version_before_) {
      state_.Put(state_.keys().Directory(), record_);
      state_.changes().directory = true;
    }
    result.mutable_directory()->set_version(record_.version());
    return Result::OK;
  }

 private:
  static std::string EncodeId(AccountId id) { return EncodeMailboxId(MailboxId(id.value())); }

  static record::DirectoryChange ChangeOf(AccountId id, const record::DirectoryAccount& account) {
    record::DirectoryChange change;
    change.set_account(id.value());
    *change.mutable_address() = account.address();
    return change;
  }

  uint64_t AccountsIn(uint32_t shard) const {
    const int i = static_cast<int>(shard);
    return i < record_.accounts_in_shard_size() ? record_.accounts_in_shard(i) : 0;
  }

  void CountInShard(uint32_t shard, int by) {
    while (record_.accounts_in_shard_size() <= static_cast<int>(shard)) {
      record_.add_accounts_in_shard(0);
    }
    const int i = static_cast<int>(shard);
    CHECK(by > 0 || record_.accounts_in_shard(i) > 0) << "shard " << shard;
    record_.set_accounts_in_shard(i, record_.accounts_in_shard(i) + static_cast<uint64_t>(by));
  }

  State& state_;
  record::Directory record_;
  const uint64_t version_before_;
};

// Changes one account that is there.
template <typename Change>
Outcome ChangeAccount(State& state, const std::string& key, Result& result, Change change) {
  Directory directory(state);
  const std::optional<AccountId> id = directory.AccountAt(key);
  if (!id.has_value()) return Result::NOT_FOUND;
  auto account = state.Get<record::DirectoryAccount>(state.keys().DirectoryAccount(*id));
  change(account);
  directory.PutAccount(*id, std::move(account));
  result.mutable_directory()->add_accounts(id->value());
  return directory.Save(result);
}

// Zero when the address is an alias's.
AccountId EnsureAccount(Directory& directory, const record::Address& address, uint32_t shards) {
  if (const auto there = directory.AccountAt(address.key())) return *there;
  if (directory.HasAlias(address.key())) return AccountId(0);
  const absl::string_view domain = *DomainOf(address.key());
  if (!directory.HasDomain(domain)) directory.AddDomain(domain);
  record::DirectoryAccount account;
  *account.mutable_address() = address;
  account.set_source(record::DirectoryAccount::PASSWD_FILE);
  account.set_shard(directory.LeastLoaded(shards));
  return directory.AddAccount(std::move(account));
}

bool Wellformed(const entry::AddAccount& command) {
  return Wellformed(command.address()) && WellformedSource(command.source()) &&
         WellformedHashes(command.password_hashes()) && WellformedShards(command.shards()) &&
         (!command.has_shard() || command.shard() < command.shards());
}

bool Wellformed(const entry::EnsureAccounts& command) {
  if (command.addresses().empty() || !WellformedShards(command.shards())) return false;
  if (static_cast<size_t>(command.addresses_size()) > kMaxEnsuredAccountsPerEntry) return false;
  return std::all_of(command.addresses().begin(), command.addresses().end(),
                     [](const record::Address& address) { return Wellformed(address); });
}

bool Wellformed(const entry::PutAlias& command) {
  if (!Wellformed(command.address(), true) || command.targets().empty()) return false;
  if (static_cast<size_t>(command.targets_size()) > kMaxAliasTargets) return false;
  return std::all_of(command.targets().begin(), command.targets().end(),
                     [](const record::Address& target) { return Wellformed(target); });
}

}  // namespace

Outcome Apply(State& state, const entry::AddDomain& command, Result& result) {
  if (!WellformedDomain(command.domain())) return Result::MALFORMED;
  Directory directory(state);
  if (directory.HasDomain(command.domain())) return Result::ALREADY_EXISTS;
  directory.AddDomain(command.domain());
  return directory.Save(result);
}

Outcome Apply(State& state, const entry::RemoveDomain& command, Result& result) {
  if (!WellformedDomain(command.domain())) return Result::MALFORMED;
  Directory directory(state);
  if (!directory.HasDomain(command.domain())) return Result::NOT_FOUND;
  const Keys& keys = state.keys();
  if (!state.Empty(keys.AccountsInDomain(command.domain())) ||
      !state.Empty(keys.AliasesInDomain(command.domain()))) {
    return Result::NOT_EMPTY;
  }
  state.Delete(keys.Domain(command.domain()));
  record::DirectoryChange change;
  change.set_domain(command.domain());
  directory.NextVersion(change);
  return directory.Save(result);
}

Outcome Apply(State& state, const entry::AddAccount& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  Directory directory(state);
  const std::string& key = command.address().key();
  if (!directory.HasDomain(*DomainOf(key))) return Result::NOT_FOUND;
  if (directory.AccountAt(key).has_value() || directory.HasAlias(key)) {
    return Result::ALREADY_EXISTS;
  }
  record::DirectoryAccount account;
  *account.mutable_address() = command.address();
  account.set_source(command.source());
  *account.mutable_password_hashes() = command.password_hashes();
  account.set_quota_octets(command.quota_octets());
  account.set_shard(command.has_shard() ? command.shard()
                                        : directory.LeastLoaded(command.shards()));
  const AccountId id = directory.AddAccount(std::move(account));
  result.mutable_directory()->add_accounts(id.value());
  return directory.Save(result);
}

Outcome Apply(State& state, const entry::RemoveAccount& command, Result& result) {
  if (!WellformedKey(command.key(), false)) return Result::MALFORMED;
  Directory directory(state);
  const std::optional<AccountId> id = directory.AccountAt(command.key());
  if (!id.has_value()) return Result::NOT_FOUND;
  directory.RemoveAccount(*id);
  result.mutable_directory()->add_accounts(id->value());
  return directory.Save(result);
}

Outcome Apply(State& state, const entry::ConfirmRemoval& command, Result&) {
  state.Delete(state.keys().AccountRemoval(AccountId(command.account())));
  return Result::OK;
}

Outcome Apply(State& state, const entry::SetPassword& command, Result& result) {
  if (!WellformedKey(command.key(), false) || !WellformedHashes(command.password_hashes())) {
    return Result::MALFORMED;
  }
  return ChangeAccount(state, command.key(), result, [&](record::DirectoryAccount& account) {
    *account.mutable_password_hashes() = command.password_hashes();
  });
}

Outcome Apply(State& state, const entry::SetSource& command, Result& result) {
  if (!WellformedKey(command.key(), false) || !WellformedSource(command.source())) {
    return Result::MALFORMED;
  }
  return ChangeAccount(state, command.key(), result, [&](record::DirectoryAccount& account) {
    account.set_source(command.source());
  });
}

Outcome Apply(State& state, const entry::SetQuota& command, Result& result) {
  if (!WellformedKey(command.key(), false)) return Result::MALFORMED;
  return ChangeAccount(state, command.key(), result, [&](record::DirectoryAccount& account) {
    account.set_quota_octets(command.quota_octets());
  });
}

Outcome Apply(State& state, const entry::PutAlias& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  Directory directory(state);
  const std::string& key = command.address().key();
  if (!directory.HasDomain(*DomainOf(key))) return Result::NOT_FOUND;
  if (directory.AccountAt(key).has_value()) return Result::ALREADY_EXISTS;
  if (command.only_new() && directory.HasAlias(key)) return Result::ALREADY_EXISTS;
  record::DirectoryChange change;
  *change.mutable_address() = command.address();
  record::Alias alias;
  alias.set_version(directory.NextVersion(change));
  *alias.mutable_address() = command.address();
  *alias.mutable_targets() = command.targets();
  state.Put(state.keys().Alias(key), alias);
  return directory.Save(result);
}

Outcome Apply(State& state, const entry::RemoveAlias& command, Result& result) {
  if (!WellformedKey(command.key(), true)) return Result::MALFORMED;
  Directory directory(state);
  const auto alias = state.Find<record::Alias>(state.keys().Alias(command.key()));
  if (!alias.has_value()) return Result::NOT_FOUND;
  state.Delete(state.keys().Alias(command.key()));
  record::DirectoryChange change;
  *change.mutable_address() = alias->address();
  directory.NextVersion(change);
  return directory.Save(result);
}

Outcome Apply(State& state, const entry::EnsureAccounts& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  Directory directory(state);
  for (const record::Address& address : command.addresses()) {
    result.mutable_directory()->add_accounts(
        EnsureAccount(directory, address, command.shards()).value());
  }
  return directory.Save(result);
}

}  // namespace packetboat::model
