#ifndef PACKETBOAT_BASE_IDS_H_
#define PACKETBOAT_BASE_IDS_H_

#include <cstdint>

#include "base/strong_id.h"

// The numbers by which the parts of the system name things to each other.

namespace packetboat {

// A message in a mailbox; strictly ascending per mailbox, never reused (RFC 3501 s2.3.1.1). Zero is
// no message.
using Uid = StrongId<struct UidTag, uint32_t>;

// Constant for the life of a mailbox, never repeated within an account (RFC 3501 s2.3.1.1).
using UidValidity = StrongId<struct UidValidityTag, uint32_t>;

// Ascends with every change of a mailbox; below 2^63 (RFC 7162 s3.1).
using ModSeq = StrongId<struct ModSeqTag, uint64_t>;

// The position of a message in one session's view of a mailbox, from 1 (RFC 3501 s2.3.1.2).
using SeqNum = StrongId<struct SeqNumTag, uint32_t>;

// An account: immutable, never reused, given out by shard 0. Zero is no account.
using AccountId = StrongId<struct AccountIdTag, uint64_t>;

// A mailbox (folder) within an account: immutable, never reused there, survives RENAME. Zero is no
// mailbox.
using MailboxId = StrongId<struct MailboxIdTag, uint64_t>;

// A shard is one Raft group; shard 0 also holds the directory and the cluster's own state.
using ShardId = StrongId<struct ShardIdTag, uint32_t>;

// A position in the log of one shard, from 1.
using RaftIndex = StrongId<struct RaftIndexTag, uint64_t>;

// A Raft term, from 1.
using Term = StrongId<struct TermTag, uint64_t>;

// A store node: random, made with its data folder, never used again.
using NodeId = StrongId<struct NodeIdTag, uint64_t>;

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_IDS_H_
