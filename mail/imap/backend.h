#ifndef PACKETBOAT_MAIL_IMAP_BACKEND_H_
#define PACKETBOAT_MAIL_IMAP_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "mail/imap/command.h"
#include "mail/imap/flags.h"
#include "mail/imap/sequence_set.h"

// What the IMAP engine (session.h) needs of a mail store. The store binds it to replicated state,
// tests and the simulator to memory (memory_backend.h).
//
// Threads. An engine and the objects here that it owns are thread-compatible. A callback runs at
// most once, either before the call that took it returns or later, and always serialised with the
// engine's Feed(): the backend never runs two callbacks of one session at a time, nor one while
// another thread is inside that session. An object (Account, Mailbox, AppendStream) may be
// destroyed while a call on it is under way, from inside a callback too; the backend then either
// drops the callback or runs it, the engine stands both.
//
// At most one call is under way per object, except WaitForChange, which may overlap with any other.
//
// Freshness (promise P3). Open, List, Status and Sync with Freshness::kBarrier answer from a state
// at least as new as anything that anybody was told OK before the call. A change is visible to
// every later call on the same account and node once its callback has run.
//
// Flags are a FlagSet without \Recent (RFC 3501 s2.3.2); the backend keeps keywords sorted
// octet-wise. The engine maps a client's spelling of a keyword to one that the mailbox already has;
// the backend compares octets.
//
// Bounds. The engine asks for at most kMaxMessagesPerChange messages in one StoreFlags or Expunge,
// for kMaxMetadataPerFetch in one FetchMetadata and kMaxReadBytes in one Read, so that an answer is
// small; it asks for more only when its output buffer has room.
//
// Errors. Every failure is an absl::Status. What the client shall see is attached by MakeError: the
// response code and a text without CR, LF or anything secret. A status without it is shown as `NO
// [UNAVAILABLE]` (kUnavailable, kDeadlineExceeded, kAborted, kResourceExhausted) or `NO
// [SERVERBUG]`, without its own message.

namespace packetboat::imap {

inline constexpr size_t kMaxMessagesPerChange = 1000;
inline constexpr size_t kMaxMetadataPerFetch = 128;
inline constexpr size_t kMaxReadBytes = 256 * 1024;

template <typename T>
using Callback = absl::AnyInvocable<void(absl::StatusOr<T>)>;
using DoneCallback = absl::AnyInvocable<void(absl::Status)>;

// ------------------------------------------------------------------------------------------------
// Errors

// The response codes of RFC 3501 s7.1, RFC 5530 s3 and RFC 7888 that a backend may give.
enum class ErrorCode {
  kNone,  // NO without a code
  kAlreadyExists,
  kAuthenticationFailed,
  kAuthorizationFailed,
  kCannot,
  kClientBug,
  kContactAdmin,
  kExpired,
  kExpungeIssued,
  kInUse,
  kLimit,
  kNonExistent,
  kNoPerm,
  kOverQuota,
  kServerBug,
  kTooBig,
  kTryCreate,
  kUnavailable,
  kUnknownCte,  // RFC 3516 s4.3; of the engine alone
  kUseAttr,
};

// A status that carries `code` and `text` to the client. Never OK.
absl::Status MakeError(ErrorCode code, absl::string_view text);

// The code that MakeError attached; nothing for a status made otherwise (or an OK one).
std::optional<ErrorCode> ErrorCodeOf(const absl::Status& status);

// "TRYCREATE"; empty for kNone.
absl::string_view ErrorCodeName(ErrorCode code);

// ------------------------------------------------------------------------------------------------
// Values

// UIDs; cheap however many it names. In a request it may span UIDs that no longer exist; they are
// skipped.
using UidSet = NumberSet;

// What changes about a message.
struct MessageState {
  Uid uid;
  ModSeq modseq;
  FlagSet flags;
  // This session is the first to be told of the message (RFC 3501 s2.3.2). Only the first report of
  // a UID counts, the engine remembers it; a read-only session sees it without using it up.
  bool recent = false;
};

// What never changes about a message.
struct MessageMetadata {
  Uid uid;
  absl::Time internal_date;
  uint64_t size = 0;  // octets, RFC822.SIZE
  // message::Structure, serialised, as kept at delivery; empty if it was not asked for.
  std::string structure;
  std::string email_id;  // RFC 8474 s5.1; empty: not known
};

// One mailbox, or one subscribed name without a mailbox. Names are UTF-8 with '/' between
// levels; INBOX is spelled so.
struct MailboxEntry {
  std::string name;
  bool exists = true;      // false: only a subscription
  bool selectable = true;  // false: \Noselect, a level that holds only children
  bool no_inferiors = false;
  bool subscribed = false;
  std::optional<SpecialUse> special_use;
  MailboxId id;
};

struct MailboxStatus {
  uint64_t messages = 0;
  uint64_t recent = 0;
  uint64_t unseen = 0;
  uint64_t deleted = 0;
  uint64_t size = 0;  // octets, sum of RFC822.SIZE
  Uid uid_next;
  UidValidity uid_validity;
  ModSeq highest_modseq;
  MailboxId id;
};

// ------------------------------------------------------------------------------------------------
// A selected mailbox

enum class Freshness { kBarrier, kLocal };

struct SyncRequest {
  ModSeq since;                 // 0: every message
  Uid after;                    // continues an answer that had `more`; 0: from the start
  size_t max_messages = 10000;  // a wish: the answer may be somewhat longer or shorter
  Freshness freshness = Freshness::kLocal;
};

// A page of what happened after `since`. Pages of one walk may come from different states; since
// the engine takes `highest_modseq` and `uid_next` of the first page for what it knows, the next
// Sync repeats whatever came between.
struct SyncResult {
  ModSeq highest_modseq;
  Uid uid_next;
  std::vector<MessageState>
      changed;      // modseq > since and uid > after, by UID; new messages among them
  UidSet expunged;  // expunged after `since`, all of them on the first page; empty for since == 0
  // False: the mailbox has forgotten expunges after `since` (SEMANTICS s6, its floor is above);
  // `expunged` is then what is left of them, and only the set of UIDs that exist tells the rest.
  bool expunged_complete = true;
  bool more = false;  // call again with after = the last UID of `changed`
};

// Expunges after a MODSEQ.
struct Expunged {
  UidSet uids;
  // False: the mailbox has forgotten some (as SyncResult::expunged_complete).
  bool complete = true;
};

enum class FlagChange { kReplace, kAdd, kRemove };

// What `before` becomes; keywords sorted octet-wise, none twice.
FlagSet ChangeFlags(const FlagSet& before, FlagChange change, const FlagSet& flags);

struct StoreRequest {
  UidSet uids;
  FlagChange change = FlagChange::kReplace;
  FlagSet flags;
  std::optional<ModSeq> unchanged_since;  // RFC 7162 s3.1.3
};

struct StoreResult {
  // The state after the change of each message of the request that exists and was not refused, by
  // UID. A message whose flags already were so keeps its MODSEQ.
  std::vector<MessageState> messages;
  std::vector<Uid> modified;  // refused by unchanged_since
};

// What COPY and MOVE did: the n-th UID of `source` became the n-th of `destination`.
struct CopyResult {
  UidValidity uid_validity;  // of the destination
  UidSet source;
  UidSet destination;
};

// One mailbox as one session has it open. It follows the mailbox through a RENAME. Once the mailbox
// is deleted every call fails with kNonExistent. Destroying it ends the selection.
class Mailbox {
 public:
  struct Info {
    MailboxId id;
    UidValidity uid_validity;
    std::vector<std::string> keywords;  // that messages here carry, for FLAGS
    bool read_only = false;             // asked for, or forced by the backend
  };

  virtual ~Mailbox() = default;

  virtual const Info& info() const = 0;

  // Changes after a MODSEQ. The first report of a message uses up its \Recent unless read-only.
  virtual void Sync(const SyncRequest& request, Callback<SyncResult> done) = 0;

  // What was expunged after `since`, which may be 0, in this node's state (RFC 7162 s3.2).
  virtual void ListExpunged(ModSeq since, Callback<Expunged> done) = 0;

  // Runs `wake` once, as soon as the mailbox has a MODSEQ above `since` or is gone; at once if that
  // is so already. A second call replaces the first; a null one cancels.
  virtual void WaitForChange(ModSeq since, absl::AnyInvocable<void()> wake) = 0;

  // In the order of `uids`, which ascend; UIDs that no longer exist are left out. Reads no octets
  // of messages.
  virtual void FetchMetadata(std::vector<Uid> uids, bool with_structure,
                             Callback<std::vector<MessageMetadata>> done) = 0;

  // The octets [offset, offset + length) of the message as FETCH BODY[] shows it; fewer only at its
  // end. kExpungeIssued once the body is gone (it outlives the message's expunge by a while,
  // SEMANTICS s6).
  virtual void Read(Uid uid, uint64_t offset, size_t length, Callback<std::string> done) = 0;

  // Atomic per message. Not called on a read-only mailbox, as the two below.
  virtual void StoreFlags(StoreRequest request, Callback<StoreResult> done) = 0;

  // Removes the messages of `uids` that carry \Deleted at that moment; Sync tells which.
  virtual void Expunge(UidSet uids, DoneCallback done) = 0;

  // Copies (moves) to the mailbox called `destination`, all or nothing, keeping flags and internal
  // dates, in the order of UIDs. Messages that no longer exist are left out. kTryCreate if there is
  // no such mailbox, kOverQuota.
  virtual void Copy(UidSet uids, absl::string_view destination, Callback<CopyResult> done) = 0;
  virtual void Move(UidSet uids, absl::string_view destination, Callback<CopyResult> done) = 0;
};

// ------------------------------------------------------------------------------------------------
// APPEND

struct AppendRequest {
  std::string mailbox;
  FlagSet flags;
  std::optional<absl::Time> internal_date;  // none: the time of the commit
  uint64_t size = 0;                        // octets that will be written, exactly
};

struct AppendResult {
  UidValidity uid_validity;
  Uid uid;
};

// A message on its way in. Nothing is visible before Commit answers OK; destroying the stream
// earlier drops it. After a failure only destruction is allowed.
class AppendStream {
 public:
  virtual ~AppendStream() = default;

  // Takes the next octets, at most kMaxReadBytes. The engine waits for `done` before it asks its
  // client for more.
  virtual void Write(std::string chunk, DoneCallback done) = 0;

  // Called once, after exactly `size` octets. OK: committed as P1 says.
  virtual void Commit(Callback<AppendResult> done) = 0;
};

// ------------------------------------------------------------------------------------------------
// An account and the way to it

// One logged-in user's mailboxes, as one session sees them. Destroying it ends the login.
//
// Names: a call on a name without a mailbox fails with kNonExistent (kTryCreate where RFC 3501 asks
// for it: BeginAppend, Copy, Move), Create and Rename onto an existing one with kAlreadyExists,
// what a server may not do (delete INBOX, a name that is too long or too deep) with kCannot. The
// engine has already turned any spelling of INBOX into INBOX, dropped the trailing '/' of a CREATE
// and refused malformed UTF-8, control characters and empty levels.
class Account {
 public:
  virtual ~Account() = default;

  // Every mailbox and every subscribed name, in no order.
  virtual void List(Callback<std::vector<MailboxEntry>> done) = 0;
  virtual void Status(absl::string_view name, Callback<MailboxStatus> done) = 0;
  // Makes the levels above too (RFC 3501 s6.3.3).
  virtual void Create(absl::string_view name, std::optional<SpecialUse> special_use,
                      Callback<MailboxId> done) = 0;
  // One with children stays as \Noselect without its messages; one that is so already: kCannot (RFC
  // 3501 s6.3.4).
  virtual void Delete(absl::string_view name, DoneCallback done) = 0;
  // With its children, in one step; INBOX gives its messages and keeps its children (RFC 3501
  // s6.3.5).
  virtual void Rename(absl::string_view from, absl::string_view to, DoneCallback done) = 0;
  // Subscriptions are names: any valid name may be subscribed, and they survive Delete.
  virtual void Subscribe(absl::string_view name, DoneCallback done) = 0;
  virtual void Unsubscribe(absl::string_view name, DoneCallback done) = 0;

  virtual void Open(absl::string_view name, bool read_only,
                    Callback<std::unique_ptr<Mailbox>> done) = 0;

  virtual void BeginAppend(AppendRequest request, Callback<std::unique_ptr<AppendStream>> done) = 0;
};

struct Credentials {
  std::string user;
  std::string password;
  std::string authorization_id;  // SASL PLAIN authzid; empty: the user's own
  std::string peer;              // the client's address, for slow-down of guessing and for logs
  bool tls = false;
};

// Where a login leads: to the account itself, or, if no replica of it is on this node, to the node
// that the shell shall relay the session to (DESIGN s3 "Reads"). Exactly one of the two is set.
struct LoginResult {
  std::unique_ptr<Account> account;
  std::string relay_node;
};

// The door. Shared by all sessions of a process; outlives them. Authenticate of different sessions
// may be called from different threads at once.
class Backend {
 public:
  virtual ~Backend() = default;

  // kAuthenticationFailed for wrong credentials, after whatever delay slows guessing down;
  // kUnavailable when nobody can tell. The password is not kept.
  virtual void Authenticate(Credentials credentials, Callback<LoginResult> done) = 0;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_BACKEND_H_
