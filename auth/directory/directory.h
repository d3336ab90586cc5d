#ifndef PACKETBOAT_AUTH_DIRECTORY_DIRECTORY_H_
#define PACKETBOAT_AUTH_DIRECTORY_DIRECTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "mail/address/mailbox.h"

// A full copy of the directory of domains, accounts and aliases, and what an address leads to by
// it.

namespace packetboat::auth {

struct Account {
  AccountId id;
  ShardId shard;
  std::string address;        // canonical
  std::string password_hash;  // `{SCHEME}hash`; empty: not the directory's matter
  // The password stands in a file of users; without a line there the account takes no mail and no
  // log-in.
  bool of_user_file = false;
  uint64_t quota_octets = 0;  // 0: unlimited
};

struct Alias {
  std::string address;  // `local@domain`, or `@domain` for all that is not otherwise known
  std::vector<std::string> targets;
};

struct LocalTarget {
  Account account;
  std::string detail;  // of the subaddress
};

enum class Resolution { kOk, kNoSuchUser, kNotLocal, kLoop };

struct Resolved {
  Resolution resolution = Resolution::kNoSuchUser;
  // Distinct; one or more when kOk.
  std::vector<LocalTarget> local;
  std::vector<std::string> remote;
};

// Thread-safe: changes come from one thread, questions from many.
class Directory {
 public:
  struct Options {
    // Hosted beside those of the directory; A-labels.
    std::vector<std::string> domains;
    std::string subaddress_separators = "+";
    size_t alias_depth = 10;
    size_t alias_targets = 1000;
    // Where postmaster@ and abuse@ of a hosted domain lead that have no account or alias of their
    // own (RFC 5321 s4.5.1, RFC 2142 s2). Empty: to the oldest account of the domain or, if it has
    // none, of all.
    std::string postmaster;
  };

  explicit Directory(Options options) : options_(std::move(options)) {}

  // Each is keyed by its lookup key; putting again replaces.
  void PutDomain(const std::string& domain);
  void RemoveDomain(const std::string& domain);
  void PutAccount(Account account);
  void RemoveAccount(AccountId id);
  void PutAlias(Alias alias);
  void RemoveAlias(const std::string& address);
  // A copy that starts anew: what is put until EndCopy goes into it alone, and nobody is answered
  // from half of it.
  void BeginCopy();
  // From now on everybody is answered from the new copy; nothing if none was begun.
  void EndCopy();
  // The copy broke off; nothing if none was begun.
  void DropCopy();

  // Which users the files name now; decides about accounts that are `of_user_file`.
  void SetFileUsers(std::set<std::string> keys);

  // Follows `mailbox`; nothing for the bare postmaster.
  Resolved Resolve(const std::optional<address::Mailbox>& mailbox) const;

  // By lookup key.
  std::optional<Account> FindAccount(const std::string& key) const;

 private:
  struct Walk;

  struct Contents {
    std::set<std::string> domains;
    std::map<std::string, Account> accounts;
    std::map<AccountId, std::string> keys_by_id;
    std::map<std::string, Alias> aliases;
  };

  // Where changes go.
  Contents& target() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return copy_.has_value() ? *copy_ : live_;
  }

  bool HostsDomain(const std::string& domain) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  const Account* UsableAccount(const std::string& key) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void Follow(const address::Mailbox& mailbox, Walk& walk) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // True when alias or account of exactly this address was found.
  bool FollowExactly(const address::Mailbox& mailbox, const std::string& detail, Walk& walk) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void FollowAlias(const Alias& alias, const std::string& key, Walk& walk) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void FollowPostmaster(const std::string& domain, Walk& walk) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable absl::Mutex mutex_;
  Contents live_ ABSL_GUARDED_BY(mutex_);
  std::optional<Contents> copy_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> file_users_ ABSL_GUARDED_BY(mutex_);
};

// The lookup key of `text`, which is an address, or `@domain`; nothing if it is neither.
std::optional<std::string> KeyOfAddress(absl::string_view text);

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_DIRECTORY_DIRECTORY_H_
