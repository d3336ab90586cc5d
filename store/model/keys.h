#ifndef PACKETBOAT_STORE_MODEL_KEYS_H_
#define PACKETBOAT_STORE_MODEL_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "store/kv/database.h"

// Where every record of a shard is. Numbers are big-endian, so that keys sort as they do; a text
// stands last, or ends with a NUL that cannot be in it. README.md has the table. Frozen: a change
// is a new format of the state database.

namespace packetboat::model {

// The keys of one shard, all in kv::kRecords unless said otherwise. A plain value.
class Keys {
 public:
  explicit Keys(ShardId shard);

  // ---- One account; all of it under one prefix
  kv::Range AccountRange(AccountId account) const;
  std::string Account(AccountId account) const;
  std::string MailboxByName(AccountId account, absl::string_view name) const;
  std::string Subscription(AccountId account, absl::string_view name) const;
  std::string DeliveryKey(AccountId account, absl::string_view key) const;
  std::string Mailbox(AccountId account, MailboxId mailbox) const;
  std::string Counters(AccountId account, MailboxId mailbox) const;

  // What is in one mailbox; all of it under one prefix.
  kv::Range MailboxRange(AccountId account, MailboxId mailbox) const;
  std::string Flags(AccountId account, MailboxId mailbox, Uid uid) const;
  std::string Message(AccountId account, MailboxId mailbox, Uid uid) const;
  std::string Change(AccountId account, MailboxId mailbox, ModSeq modseq, Uid uid) const;
  std::string Tombstone(AccountId account, MailboxId mailbox, ModSeq modseq, Uid first) const;
  // In a stage: the source's UIDs that a staged move takes out.
  std::string StagedSource(AccountId account, MailboxId stage, Uid uid) const;

  kv::Range AllMailboxes(AccountId account) const;
  kv::Range AllNames(AccountId account) const;
  kv::Range NamesBelow(AccountId account, absl::string_view name) const;
  kv::Range AllSubscriptions(AccountId account) const;
  kv::Range AllDeliveryKeys(AccountId account) const;
  // Prefixes end where uids or modseqs begin, for UidOf() and the like.
  kv::Range FlagsFrom(AccountId account, MailboxId mailbox, Uid first) const;
  kv::Range AllMessages(AccountId account, MailboxId mailbox) const;
  kv::Range ChangesAfter(AccountId account, MailboxId mailbox, ModSeq modseq) const;
  kv::Range TombstonesAfter(AccountId account, MailboxId mailbox, ModSeq modseq) const;
  kv::Range AllStagedSources(AccountId account, MailboxId stage) const;

  // ---- The shard's own tables
  std::string Body(RaftIndex body) const;
  std::string Chunk(RaftIndex chunk) const;
  // Oldest first.
  std::string KeyExpiry(int64_t written_us, AccountId account, absl::string_view key) const;
  std::string TombstoneExpiry(int64_t expunged_us, AccountId account, MailboxId mailbox,
                              ModSeq modseq, Uid first) const;
  std::string IdleBody(int64_t since_us, RaftIndex body) const;
  std::string IdleChunk(int64_t since_us, RaftIndex chunk) const;
  std::string Purge(AccountId account, MailboxId mailbox) const;
  std::string Stage(AccountId account, MailboxId stage) const;
  kv::Range AllBodies() const;
  kv::Range AllChunks() const;
  kv::Range KeyExpiries() const;
  kv::Range TombstoneExpiries() const;
  kv::Range IdleBodies() const;
  kv::Range IdleChunks() const;
  kv::Range AllPurges() const;
  kv::Range AllStages() const;
  kv::Range StagesOf(AccountId account) const;
  kv::Range AllAccounts() const;

  // ---- In kv::kBodies
  std::string BodyOctets(RaftIndex piece) const;
  std::string Structure(RaftIndex body) const;

  // ---- The directory
  std::string Directory() const;
  std::string Domain(absl::string_view domain) const;
  std::string DirectoryAccount(AccountId account) const;
  std::string AccountByAddress(absl::string_view address_key) const;
  std::string Alias(absl::string_view address_key) const;
  std::string DirectoryChange(uint64_t version) const;
  std::string AccountRemoval(AccountId account) const;
  kv::Range AllDomains() const;
  kv::Range AllDirectoryAccounts() const;
  kv::Range AllAliases() const;
  kv::Range AccountsInDomain(absl::string_view domain) const;
  kv::Range AliasesInDomain(absl::string_view domain) const;
  kv::Range DirectoryChangesAfter(uint64_t version) const;
  kv::Range AllAccountRemovals() const;

  // Everything of the shard, in either keyspace.
  kv::Range All() const;

 private:
  std::string InAccount(AccountId account, char table) const;
  std::string InMailbox(AccountId account, MailboxId mailbox, char table) const;
  std::string InShard(char table) const;
  std::string ByDomain(char table, absl::string_view address_key) const;

  std::string prefix_;
};

// Reads the fields of a key behind a known prefix, in the order in which they stand there. Each
// answers nothing once the key has ended too early, and from then on.
class KeyReader {
 public:
  // `key` has to live as long.
  KeyReader(absl::string_view key, size_t skip);

  uint32_t U32();
  uint64_t U64();
  int64_t Time();
  absl::string_view Rest();
  // False: the key was too short for what was asked of it.
  bool ok() const { return ok_; }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

// The part of an address behind its last '@'; nothing without one.
std::optional<absl::string_view> DomainOf(absl::string_view address_key);

// Octets before the first field of a key: of one in a mailbox (Flags, Message, Change, Tombstone,
// StagedSource), of one in an account (Mailbox, Counters, MailboxByName, Subscription,
// DeliveryKey), and of one of the shard's or the directory's tables.
inline constexpr size_t kMailboxKeyPrefix = 4 + 1 + 8 + 8 + 1;
inline constexpr size_t kAccountKeyPrefix = 4 + 1 + 8 + 8 + 1;
inline constexpr size_t kShardKeyPrefix = 4 + 1;

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_KEYS_H_
