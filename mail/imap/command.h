#ifndef PACKETBOAT_MAIL_IMAP_COMMAND_H_
#define PACKETBOAT_MAIL_IMAP_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "mail/imap/flags.h"
#include "mail/imap/sequence_set.h"

// The commands of IMAP as values: what parser.h makes of a client's octets and what the session
// acts on. A value of these types has correct syntax and is within SyntaxLimits; whether it is
// allowed in this state, whether its extension is enabled and whether it names anything is the
// session's matter.
//
// Mailbox names are UTF-8 (decoded from modified UTF-7), INBOX in upper case whatever the client
// wrote. A name may end in the hierarchy delimiter or be empty; which character delimits, the
// session knows. Strings that the grammar compares without case (mechanisms, capabilities,
// charsets) are in upper case.

namespace packetboat::imap {

// --- Any state (RFC 3501 s6.1)
// -------------------------------------------------------------------------

struct Capability {};
struct Noop {};
struct Logout {};

// RFC 2971. Empty for NIL.
struct Id {
  std::vector<std::pair<std::string, std::optional<std::string>>> params;
};

// --- Not authenticated (s6.2)
// ------------------------------------------------------------------------------

struct StartTls {};

struct Authenticate {
  std::string mechanism;
  // SASL-IR (RFC 4959), decoded from base64; `=` is the empty response.
  std::optional<std::string> initial_response;
};

struct Login {
  std::string user;
  std::string password;
};

// --- Authenticated (s6.3)
// -----------------------------------------------------------------------------------

// RFC 5161.
struct Enable {
  std::vector<std::string> capabilities;
};

// RFC 7162 s3.2.5: what the client still has from an earlier session.
struct QresyncParameters {
  UidValidity uid_validity;
  ModSeq mod_seq;
  // Without `*`.
  std::optional<SequenceSet> known_uids;
  // Message numbers and the UIDs they had; equally many, without `*`.
  std::optional<std::pair<SequenceSet, SequenceSet>> sequence_match;
};

// SELECT and EXAMINE.
struct Select {
  std::string mailbox;
  bool read_only = false;
  bool condstore = false;
  std::optional<QresyncParameters> qresync;
};

// RFC 6154 s2 and s3; \All and \Flagged are virtual mailboxes.
enum class SpecialUse { kAll, kArchive, kDrafts, kFlagged, kJunk, kSent, kTrash };

// `\Sent` and so on.
absl::string_view SpecialUseName(SpecialUse use);

struct Create {
  std::string mailbox;
  // CREATE-SPECIAL-USE.
  std::vector<SpecialUse> special_use;
  // Some other attribute was among them, which is right in syntax (RFC 6154 s6).
  bool unknown_use = false;
};
struct Delete {
  std::string mailbox;
};
struct Rename {
  std::string from;
  std::string to;
};
struct Subscribe {
  std::string mailbox;
};
struct Unsubscribe {
  std::string mailbox;
};

enum class StatusItem {
  kMessages,
  kRecent,
  kUidNext,
  kUidValidity,
  kUnseen,
  kHighestModSeq,  // RFC 7162
  kSize,           // RFC 8438
  kMailboxId,      // RFC 8474
  kAppendLimit,    // RFC 7889
};

// `UIDNEXT` and so on.
absl::string_view StatusItemName(StatusItem item);

// LIST, plain and extended (RFC 5258, RFC 5819, RFC 6154).
struct List {
  std::string reference;
  // At least one. One empty pattern asks for the hierarchy delimiter (RFC 3501 s6.3.8).
  std::vector<std::string> patterns;
  // Whether it was written with any part of the extended syntax.
  bool extended = false;

  bool select_subscribed = false;
  bool select_remote = false;
  bool select_recursive_match = false;
  bool select_special_use = false;

  bool return_subscribed = false;
  bool return_children = false;
  bool return_special_use = false;
  // Empty: no STATUS responses.
  std::vector<StatusItem> return_status;
};

struct Lsub {
  std::string reference;
  std::string pattern;
};

// RFC 2342.
struct Namespace {};

struct Status {
  std::string mailbox;
  // At least one, none twice.
  std::vector<StatusItem> items;
};

// RFC 3501 s6.3.11. The message itself is streamed past the parser (fragmenter.h).
struct Append {
  std::string mailbox;
  FlagSet flags;
  std::optional<absl::Time> internal_date;
  uint64_t message_octets = 0;
  // Sent as `~{n}` (RFC 3516 s4.4); it may hold NUL no more than others (SEMANTICS s7).
  bool binary = false;
};

// RFC 2177.
struct Idle {};

// --- Selected (s6.4)
// ----------------------------------------------------------------------------------------

struct Check {};
struct Close {};
// RFC 3691.
struct Unselect {};

// EXPUNGE, and UID EXPUNGE (RFC 4315 s2.1) if `uids` is set.
struct Expunge {
  std::optional<SequenceSet> uids;
};

// One key of SEARCH; a tree. Which of the other fields matter stands beside each kind.
struct SearchKey {
  enum class Kind {
    kAll,
    kAnd,         // children, one or more
    kOr,          // children, two
    kNot,         // children, one
    kSequence,    // set: message numbers
    kUid,         // set
    kSystemFlag,  // flag; UNSEEN and its like are kNot of it
    kKeyword,     // text
    kRecent,      // NEW is kAnd of kRecent and not \Seen, OLD is kNot of kRecent
    kHeader,      // header, text (empty: the field is there); HEADER only
    kBcc,         // text, of the envelope
    kCc,          // text
    kFrom,        // text
    kSubject,     // text
    kTo,          // text
    kBody,        // text
    kText,        // text
    kBefore,      // date, against INTERNALDATE's day, zone disregarded
    kOn,          // date
    kSince,       // date
    kSentBefore,  // date, against the Date: field
    kSentOn,      // date
    kSentSince,   // date
    kLarger,      // number, octets
    kSmaller,     // number, octets
    kOlder,       // number, seconds (RFC 5032)
    kYounger,     // number, seconds
    kModSeq,      // number (RFC 7162 s3.1.5); the entry name and type are checked and dropped
    kEmailId,     // text (RFC 8474)
    kThreadId,    // text
  };

  Kind kind = Kind::kAll;
  std::vector<SearchKey> children;
  SequenceSet set;
  SystemFlag flag = SystemFlag::kSeen;
  // Octets in the charset of the command.
  std::string text;
  std::string header;
  absl::CivilDay date;
  uint64_t number = 0;
};

// RFC 4731, ESEARCH. `RETURN ()` is the same as ALL.
struct SearchReturn {
  bool min = false;
  bool max = false;
  bool all = false;
  bool count = false;
};

struct Search {
  bool uid = false;
  // Not set: answer with SEARCH, else with ESEARCH.
  std::optional<SearchReturn> result;
  // Upper case; empty if none was given, which means US-ASCII.
  std::string charset;
  // kAnd of the keys given if there is more than one.
  SearchKey key;
};

// RFC 5256 s3.
struct SortCriterion {
  // The last two are RFC 5957's.
  enum class Kind { kArrival, kCc, kDate, kFrom, kSize, kSubject, kTo, kDisplayFrom, kDisplayTo };
  Kind kind = Kind::kArrival;
  bool reverse = false;
};

struct Sort {
  bool uid = false;
  // Not set: answer with SORT, else with ESEARCH (RFC 5267 s3).
  std::optional<SearchReturn> result;
  // At least one.
  std::vector<SortCriterion> criteria;
  std::string charset;
  SearchKey key;
};

struct Thread {
  bool uid = false;
  // Upper case: ORDEREDSUBJECT, REFERENCES, or what the session refuses.
  std::string algorithm;
  std::string charset;
  SearchKey key;
};

// What stands in the brackets of BODY[...] (RFC 3501 s6.4.5).
struct Section {
  enum class Kind {
    kWhole,            // nothing after the part numbers; without those, the message
    kHeader,           // of the message, or of the message/rfc822 part
    kHeaderFields,     // fields
    kHeaderFieldsNot,  // fields
    kText,
    kMime,  // needs part numbers
  };

  // From 1; empty for the message itself.
  std::vector<uint32_t> part;
  Kind kind = Kind::kWhole;
  // As written; one or more for the kinds that have them.
  std::vector<std::string> fields;

  friend bool operator==(const Section&, const Section&) = default;
};

// `HEADER.FIELDS` and so on; empty for kWhole.
absl::string_view SectionName(Section::Kind kind);

// `<offset.length>`, in octets; length is not zero.
struct Partial {
  uint64_t offset = 0;
  uint64_t length = 0;

  friend bool operator==(const Partial&, const Partial&) = default;
};

struct FetchItem {
  enum class Kind {
    kBody,  // BODY without brackets: BODYSTRUCTURE without its extension data
    kBodyStructure,
    kEnvelope,
    kFlags,
    kInternalDate,
    kRfc822,
    kRfc822Header,
    kRfc822Size,
    kRfc822Text,
    kUid,
    kModSeq,       // RFC 7162
    kBodySection,  // BODY[...] and BODY.PEEK[...]: section, partial, peek
    kBinary,       // BINARY[...] and BINARY.PEEK[...]: section.part, partial, peek (RFC 3516)
    kBinarySize,   // section.part
    kEmailId,      // RFC 8474
    kThreadId,
  };

  Kind kind = Kind::kFlags;
  bool peek = false;
  Section section;
  std::optional<Partial> partial;

  // Whether brackets belong to it.
  bool HasSection() const;
  // RFC 3501 s6.4.5: whether fetching it sets \Seen.
  bool SetsSeen() const;

  friend bool operator==(const FetchItem&, const FetchItem&) = default;
};

// `BODY`, `RFC822.SIZE`, ...: without PEEK and brackets.
absl::string_view FetchItemName(FetchItem::Kind kind);

struct Fetch {
  bool uid = false;
  SequenceSet set;
  // At least one, in the order given, none twice; ALL, FAST and FULL are spelled out.
  std::vector<FetchItem> items;
  // RFC 7162 s3.1.4.1 and s3.2.6.
  std::optional<ModSeq> changed_since;
  bool vanished = false;
};

struct Store {
  enum class Mode { kReplace, kAdd, kRemove };

  bool uid = false;
  SequenceSet set;
  Mode mode = Mode::kReplace;
  bool silent = false;
  FlagSet flags;
  // RFC 7162 s3.1.3.
  std::optional<ModSeq> unchanged_since;
};

struct Copy {
  bool uid = false;
  SequenceSet set;
  std::string mailbox;
};

// RFC 6851.
struct Move {
  bool uid = false;
  SequenceSet set;
  std::string mailbox;
};

// -------------------------------------------------------------------------------------------------------------

using CommandArguments =
    std::variant<Capability, Noop, Logout, Id, StartTls, Authenticate, Login, Enable, Select,
                 Create, Delete, Rename, Subscribe, Unsubscribe, List, Lsub, Namespace, Status,
                 Append, Idle, Check, Close, Unselect, Expunge, Search, Sort, Thread, Fetch, Store,
                 Copy, Move>;

struct Command {
  std::string tag;
  CommandArguments arguments;
};

// Why a command was refused: to be answered `<tag> BAD <text>`.
struct SyntaxError {
  // `*` if none could be read: then the response is untagged (RFC 3501 s7.1.3).
  std::string tag;
  // One line of printable ASCII; never repeats what the client sent other than a command's name.
  std::string text;
};

// `FETCH`, `UID FETCH`, ...: the name for logs, counters and the command table.
absl::string_view CommandName(const CommandArguments& arguments);

// One line that shows every field that was set, for tests and logs. A password and a SASL response
// are not shown.
std::string DebugString(const Command& command);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_COMMAND_H_
