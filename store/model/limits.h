#ifndef PACKETBOAT_STORE_MODEL_LIMITS_H_
#define PACKETBOAT_STORE_MODEL_LIMITS_H_

#include <cstddef>
#include <cstdint>

// What the state machine accepts. Changing one changes what an old entry does, so it needs a new
// entry version. All bounds are inclusive: n is accepted, n + 1 is answered MALFORMED, or LIMIT
// where it bounds a state rather than an entry.

namespace packetboat::model {

// The version of proto/store/entry.proto that this code applies: Entry.version of what it proposes.
inline constexpr uint32_t kEntryVersion = 1;

// ---- Entries (SEMANTICS.md s5: no entry touches more than 1,000 messages or 512 KiB)
inline constexpr size_t kMaxChunkBytes = 512 * 1024;
// A whole entry, serialised: one full chunk and what names it. A delivery whose body, structure and
// prefixes do not fit goes in chunks; recipients that still do not fit go into a second entry that
// names the body of the first (BodySource.existing).
inline constexpr size_t kMaxEntryBytes = kMaxChunkBytes + 1024;
inline constexpr size_t kMaxMessagesPerEntry = 1000;
inline constexpr size_t kMaxRecipientsPerEntry = 1000;
inline constexpr size_t kMaxKeysPerEntry = 1000;
inline constexpr size_t kMaxUidRangesPerEntry = 1000;
// Records that one housekeeping entry removes.
inline constexpr size_t kMaxSweptPerEntry = 1000;
inline constexpr size_t kMaxEnsuredAccountsPerEntry = 1000;

// ---- Messages
inline constexpr size_t kMaxChunksPerBody = 4096;  // 2 GiB
inline constexpr size_t kMaxPrefixBytes = 64 * 1024;
// A larger structure is left out of the entry.
inline constexpr size_t kMaxStructureBytes = 256 * 1024;
inline constexpr size_t kHashBytes = 32;
inline constexpr size_t kDeliveryKeyBytes = 32;
inline constexpr size_t kMaxKeywordBytes = 256;
inline constexpr size_t kMaxKeywordsPerMailbox = 256;
// Copies that became visible at once and are not unfolded yet, or moves not cleared yet. IN_USE.
inline constexpr int kMaxFoldedPerMailbox = 16;

// ---- Names
inline constexpr size_t kMaxMailboxNameBytes = 1024;
inline constexpr size_t kMaxMailboxDepth = 64;
inline constexpr uint64_t kMaxMailboxesPerAccount = 5000;
inline constexpr uint64_t kMaxSubscriptionsPerAccount = 10000;

// ---- Time, in microseconds
// Bodies are collected no sooner than this after their last reference (SEMANTICS.md s6).
inline constexpr int64_t kMinBodyGraceUs = int64_t{15} * 60 * 1000 * 1000;
// A staged copy that nobody has added to for this long may be dropped.
inline constexpr int64_t kStageIdleUs = int64_t{60} * 1000 * 1000;

// ---- Directory
inline constexpr size_t kMaxAddressBytes = 320;  // RFC 5321 s4.5.3.1: 64 + 1 + 255
inline constexpr size_t kMaxDomainBytes = 255;
inline constexpr size_t kMaxAliasTargets = 1000;
inline constexpr size_t kMaxPasswordHashes = 8;
inline constexpr size_t kMaxPasswordHashBytes = 1024;
inline constexpr uint32_t kMaxShards = 4096;
// Changes that a copy of the directory may be behind without being sent the whole.
inline constexpr uint64_t kDirectoryChangesKept = 10000;

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_LIMITS_H_
