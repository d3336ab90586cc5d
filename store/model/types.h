#ifndef PACKETBOAT_STORE_MODEL_TYPES_H_
#define PACKETBOAT_STORE_MODEL_TYPES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/ids.h"

// What a reader of the model sees. Plain values.

namespace packetboat::model {

// RFC 3501 s2.3.2, as kept on disk. \Recent is not stored.
enum SystemFlag : uint32_t {
  kAnswered = 1,
  kFlagged = 2,
  kDeleted = 4,
  kSeen = 8,
  kDraft = 16,
};
inline constexpr uint32_t kAllSystemFlags = 31;

enum class SpecialUse { kNone, kAll, kArchive, kDrafts, kFlagged, kJunk, kSent, kTrash };

// Both ends included.
struct UidRange {
  Uid first;
  Uid last;

  friend bool operator==(const UidRange&, const UidRange&) = default;
};

struct AccountTotals {
  uint64_t messages = 0;
  uint64_t octets = 0;
  uint64_t mailboxes = 0;

  friend bool operator==(const AccountTotals&, const AccountTotals&) = default;
};

struct MailboxInfo {
  MailboxId id;
  std::string name;  // UTF-8, '/' between levels
  UidValidity uid_validity;
  SpecialUse special_use = SpecialUse::kNone;
  bool selectable = true;  // false: \Noselect, only a level above others
  absl::Time created;
  std::vector<std::string> keywords;  // ever set here

  friend bool operator==(const MailboxInfo&, const MailboxInfo&) = default;
};

// All of it is kept by apply, none is counted when asked.
struct MailboxStatus {
  Uid uid_next;
  UidValidity uid_validity;
  ModSeq highest_modseq;
  // Expunges up to here may have been forgotten.
  ModSeq floor;
  uint64_t messages = 0;
  uint64_t octets = 0;  // sum of RFC822.SIZE
  uint64_t unseen = 0;
  uint64_t deleted = 0;  // with \Deleted
  Uid recent_mark;       // messages below are not \Recent

  friend bool operator==(const MailboxStatus&, const MailboxStatus&) = default;
};

// What changes about a message.
struct MessageState {
  Uid uid;
  ModSeq modseq;
  uint32_t system = 0;                // of SystemFlag
  std::vector<std::string> keywords;  // sorted octet-wise

  friend bool operator==(const MessageState&, const MessageState&) = default;
};

// A body in the shard that it is read in.
struct BodyRef {
  RaftIndex index;
  uint64_t octets = 0;

  friend bool operator==(const BodyRef&, const BodyRef&) = default;
};

// What never changes about a message, without its body's structure.
struct MessageInfo {
  Uid uid;
  absl::Time internal_date;
  absl::Time saved;    // RFC 8514
  std::string prefix;  // trace fields of this delivery, in front of the body
  BodyRef body;
  std::string email_id;  // RFC 8474 s5.1

  uint64_t size() const { return prefix.size() + body.octets; }

  friend bool operator==(const MessageInfo&, const MessageInfo&) = default;
};

struct DomainEntry {
  std::string domain;

  friend bool operator==(const DomainEntry&, const DomainEntry&) = default;
};

struct Address {
  std::string text;  // as written
  std::string key;   // as compared

  friend bool operator==(const Address&, const Address&) = default;
};

enum class AccountSource { kDirectory, kPasswdFile };

struct AccountEntry {
  AccountId id;
  Address address;
  ShardId shard;
  AccountSource source = AccountSource::kDirectory;
  std::vector<std::string> password_hashes;
  uint64_t quota_octets = 0;  // 0: unlimited

  friend bool operator==(const AccountEntry&, const AccountEntry&) = default;
};

struct AliasEntry {
  Address address;
  std::vector<Address> targets;

  friend bool operator==(const AliasEntry&, const AliasEntry&) = default;
};

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_TYPES_H_
