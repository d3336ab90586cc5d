#ifndef PACKETBOAT_STORE_MODEL_DIRECTORY_READER_H_
#define PACKETBOAT_STORE_MODEL_DIRECTORY_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "store/kv/database.h"
#include "store/model/types.h"

namespace packetboat::model {

// How to make a copy of the directory newer: what is gone first, then what there is, as it is now.
struct DirectoryDelta {
  // The copy's version afterwards.
  uint64_t version = 0;
  // False: there is more, from `version` on.
  bool complete = true;

  std::vector<std::string> removed_domains;
  std::vector<AccountEntry> removed_accounts;  // id and address alone
  std::vector<Address> removed_aliases;
  std::vector<DomainEntry> domains;
  std::vector<AccountEntry> accounts;
  std::vector<AliasEntry> aliases;
};

// An account that left the directory while its shard still has to be told (entries DeleteAccount
// there, then ConfirmRemoval here).
struct PendingRemoval {
  AccountId account;
  ShardId shard;

  friend bool operator==(const PendingRemoval&, const PendingRemoval&) = default;
};

// Reading the directory in shard 0, in one state. Thread-compatible. Addresses are looked up by
// their keys (types.h). Every error is kDataLoss.
class DirectoryReader {
 public:
  // `state` must outlive it.
  explicit DirectoryReader(const kv::Reader& state) : state_(&state) {}

  // Zero before the first change.
  absl::StatusOr<uint64_t> Version() const;

  absl::StatusOr<bool> HasDomain(absl::string_view domain) const;
  absl::StatusOr<std::optional<AccountEntry>> FindAccount(AccountId account) const;
  absl::StatusOr<std::optional<AccountEntry>> FindAccount(absl::string_view key) const;
  // `key` may be a catch-all's, `@domain`.
  absl::StatusOr<std::optional<AliasEntry>> FindAlias(absl::string_view key) const;

  // Everything, in the order of the keys, until `visit` answers false.
  absl::Status ForEachDomain(absl::FunctionRef<bool(const DomainEntry&)> visit) const;
  absl::Status ForEachAccount(absl::FunctionRef<bool(const AccountEntry&)> visit) const;
  absl::Status ForEachAlias(absl::FunctionRef<bool(const AliasEntry&)> visit) const;

  // What up to `max` changes (at least one) after `version` did. Nothing when that is no longer
  // known, or was never a version: then a copy has to start from everything.
  absl::StatusOr<std::optional<DirectoryDelta>> ChangesAfter(uint64_t version, size_t max) const;

  absl::StatusOr<std::vector<PendingRemoval>> PendingRemovals(size_t max) const;

 private:
  const kv::Reader* state_;
};

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_DIRECTORY_READER_H_
