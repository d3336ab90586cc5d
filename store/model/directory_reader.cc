#include "store/model/directory_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "proto/store/record.pb.h"
#include "store/model/keys.h"
#include "store/model/records.h"

namespace packetboat::model {
namespace {

Keys DirectoryKeys() { return Keys(ShardId(0)); }

Address ToAddress(const record::Address& record) { return Address{record.text(), record.key()}; }

AccountEntry ToEntry(AccountId id, const record::DirectoryAccount& record) {
  AccountEntry entry;
  entry.id = id;
  entry.address = ToAddress(record.address());
  entry.shard = ShardId(record.shard());
  entry.source = record.source() == record::DirectoryAccount::PASSWD_FILE
                     ? AccountSource::kPasswdFile
                     : AccountSource::kDirectory;
  entry.password_hashes.assign(record.password_hashes().begin(), record.password_hashes().end());
  entry.quota_octets = record.quota_octets();
  return entry;
}

AliasEntry ToEntry(const record::Alias& record) {
  AliasEntry entry;
  entry.address = ToAddress(record.address());
  for (const record::Address& target : record.targets()) {
    entry.targets.push_back(ToAddress(target));
  }
  return entry;
}

// What a run of changes touched, each once.
struct Touched {
  std::set<std::string> domains;
  std::set<std::pair<AccountId, std::string>> accounts;  // with their address keys
  std::set<std::string> aliases;

  void Add(const record::DirectoryChange& change) {
    if (!change.domain().empty()) {
      domains.insert(change.domain());
    } else if (change.account() != 0) {
      accounts.emplace(AccountId(change.account()), change.address().key());
    } else {
      aliases.insert(change.address().key());
    }
  }
};

absl::Status Fill(const DirectoryReader& directory, const Touched& touched, DirectoryDelta& delta) {
  for (const std::string& domain : touched.domains) {
    ASSIGN_OR_RETURN(const bool there, directory.HasDomain(domain));
    if (there) {
      delta.domains.push_back(DomainEntry{domain});
    } else {
      delta.removed_domains.push_back(domain);
    }
  }
  for (const auto& [id, key] : touched.accounts) {
    ASSIGN_OR_RETURN(std::optional<AccountEntry> entry, directory.FindAccount(id));
    if (entry.has_value()) {
      delta.accounts.push_back(*std::move(entry));
    } else {
      AccountEntry& removed = delta.removed_accounts.emplace_back();
      removed.id = id;
      removed.address.key = key;
    }
  }
  for (const std::string& key : touched.aliases) {
    ASSIGN_OR_RETURN(std::optional<AliasEntry> entry, directory.FindAlias(key));
    if (entry.has_value()) {
      delta.aliases.push_back(*std::move(entry));
    } else {
      delta.removed_aliases.push_back(Address{"", key});
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> DirectoryReader::Version() const {
  ASSIGN_OR_RETURN(const std::optional<record::Directory> record,
                   ReadRecord<record::Directory>(*state_, DirectoryKeys().Directory()));
  return record.has_value() ? record->version() : 0;
}

absl::StatusOr<bool> DirectoryReader::HasDomain(absl::string_view domain) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> found,
                   state_->Get(kv::kRecords, DirectoryKeys().Domain(domain)));
  return found.has_value();
}

absl::StatusOr<std::optional<AccountEntry>> DirectoryReader::FindAccount(AccountId account) const {
  ASSIGN_OR_RETURN(
      const std::optional<record::DirectoryAccount> record,
      ReadRecord<record::DirectoryAccount>(*state_, DirectoryKeys().DirectoryAccount(account)));
  if (!record.has_value()) return std::optional<AccountEntry>();
  return std::optional<AccountEntry>(ToEntry(account, *record));
}

absl::StatusOr<std::optional<AccountEntry>> DirectoryReader::FindAccount(
    absl::string_view key) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> id,
                   state_->Get(kv::kRecords, DirectoryKeys().AccountByAddress(key)));
  if (!id.has_value()) return std::optional<AccountEntry>();
  return FindAccount(AccountId(KeyReader(*id, 0).U64()));
}

absl::StatusOr<std::optional<AliasEntry>> DirectoryReader::FindAlias(absl::string_view key) const {
  ASSIGN_OR_RETURN(const std::optional<record::Alias> record,
                   ReadRecord<record::Alias>(*state_, DirectoryKeys().Alias(key)));
  if (!record.has_value()) return std::optional<AliasEntry>();
  return std::optional<AliasEntry>(ToEntry(*record));
}

absl::Status DirectoryReader::ForEachDomain(
    absl::FunctionRef<bool(const DomainEntry&)> visit) const {
  return Walk(*state_, DirectoryKeys().AllDomains(),
              [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
                return visit(DomainEntry{std::string(key.substr(kShardKeyPrefix))});
              });
}

absl::Status DirectoryReader::ForEachAccount(
    absl::FunctionRef<bool(const AccountEntry&)> visit) const {
  return Walk(*state_, DirectoryKeys().AllDirectoryAccounts(),
              [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                ASSIGN_OR_RETURN(const record::DirectoryAccount record,
                                 ParseRecord<record::DirectoryAccount>(key, value));
                return visit(ToEntry(AccountId(KeyReader(key, kShardKeyPrefix).U64()), record));
              });
}

absl::Status DirectoryReader::ForEachAlias(absl::FunctionRef<bool(const AliasEntry&)> visit) const {
  return Walk(*state_, DirectoryKeys().AllAliases(),
              [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                ASSIGN_OR_RETURN(const record::Alias record,
                                 ParseRecord<record::Alias>(key, value));
                return visit(ToEntry(record));
              });
}

absl::StatusOr<std::optional<DirectoryDelta>> DirectoryReader::ChangesAfter(uint64_t version,
                                                                            size_t max) const {
  ASSIGN_OR_RETURN(const std::optional<record::Directory> directory,
                   ReadRecord<record::Directory>(*state_, DirectoryKeys().Directory()));
  const uint64_t current = directory.has_value() ? directory->version() : 0;
  const uint64_t oldest = directory.has_value() ? directory->first_change() - 1 : 0;
  if (version > current || version < oldest) return std::optional<DirectoryDelta>();

  DirectoryDelta delta;
  delta.version = version;
  Touched touched;
  RETURN_IF_ERROR(Walk(*state_, DirectoryKeys().DirectoryChangesAfter(version),
                       [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                         ASSIGN_OR_RETURN(const record::DirectoryChange change,
                                          ParseRecord<record::DirectoryChange>(key, value));
                         touched.Add(change);
                         delta.version = KeyReader(key, kShardKeyPrefix).U64();
                         return delta.version - version < std::max<size_t>(max, 1);
                       }));
  delta.complete = delta.version == current;
  RETURN_IF_ERROR(Fill(*this, touched, delta));
  return std::optional<DirectoryDelta>(std::move(delta));
}

absl::StatusOr<std::vector<PendingRemoval>> DirectoryReader::PendingRemovals(size_t max) const {
  std::vector<PendingRemoval> pending;
  RETURN_IF_ERROR(Walk(*state_, DirectoryKeys().AllAccountRemovals(),
                       [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                         ASSIGN_OR_RETURN(const record::AccountRemoval removal,
                                          ParseRecord<record::AccountRemoval>(key, value));
                         pending.push_back(
                             PendingRemoval{AccountId(KeyReader(key, kShardKeyPrefix).U64()),
                                            ShardId(removal.shard())});
                         return pending.size() < max;
                       }));
  return pending;
}

}  // namespace packetboat::model
