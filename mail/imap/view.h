#ifndef PACKETBOAT_MAIL_IMAP_VIEW_H_
#define PACKETBOAT_MAIL_IMAP_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "mail/imap/backend.h"
#include "mail/imap/flags.h"
#include "mail/imap/sequence_set.h"

namespace packetboat::imap {

// A mailbox as one session's client knows it: which message has which sequence number, and what the
// client has been told about each (RFC 3501 s2.3.1.2, s5.2, s7.4.1). The one place where sequence
// numbers are resolved.
//
// Changes enter through Apply() at any time; the client's numbering moves only when TakeUpdates()
// hands out EXPUNGE. Until then an expunged message keeps its number, so that what the client
// writes keeps its meaning.
//
// Some seventeen octets per message. Thread-compatible. A plain value, no I/O.
class View {
 public:
  View() = default;

  // --- What the client knows ---

  // EXISTS.
  uint32_t size() const { return static_cast<uint32_t>(entries_.size()); }
  uint32_t recent() const { return recent_; }
  // The first message without \Seen.
  std::optional<SeqNum> FirstUnseen() const;

  // For 1 <= number <= size().
  Uid UidOf(SeqNum number) const { return Uid(At(number).uid); }
  FlagSet FlagsOf(SeqNum number) const;
  bool Has(SeqNum number, SystemFlag flag) const;
  bool HasKeyword(SeqNum number, absl::string_view keyword) const;  // without case
  bool IsRecent(SeqNum number) const { return At(number).recent; }
  ModSeq ModSeqOf(SeqNum number) const { return ModSeq(At(number).modseq); }
  // Gone from the mailbox, though the client has not been told.
  bool IsExpunged(SeqNum number) const { return At(number).expunged; }
  // Zero if the view has no such message.
  SeqNum NumberOf(Uid uid) const;

  // Sequence numbers that `set` names: message numbers, of which one above size() is an error
  // (nothing), or UIDs, of which those that name nothing are ignored (RFC 3501 s6.4.8).
  std::optional<NumberSet> ResolveNumbers(const SequenceSet& set) const;
  NumberSet ResolveUids(const SequenceSet& set) const;

  // The messages whose UIDs are in `uids`.
  NumberSet NumbersIn(const UidSet& uids) const;
  // The UIDs of all messages that have a number.
  UidSet AllUids() const;

  // The UIDs of the messages `numbers`, without those that are known to be gone.
  std::vector<Uid> UidsOf(const NumberSet& numbers) const;

  // The same as ranges, which span what is gone.
  UidSet UidRangesOf(const NumberSet& numbers) const;

  // Every keyword seen in this mailbox, in the order of first sight: FLAGS, PERMANENTFLAGS.
  const std::vector<std::string>& keywords() const { return keywords_; }
  // The mailbox's spelling of `keyword`, or `keyword` itself if it is new here.
  std::string SpellingOf(absl::string_view keyword) const;

  // --- What changes it ---

  void AddKeyword(absl::string_view keyword);

  // One page of a Sync. Idempotent: what the view knows already changes nothing.
  void Apply(const SyncResult& page);

  // What is not among `uids` is gone.
  void ExpungeAllBut(const UidSet& uids);

  // What a client is owed for its own change, if its flags became what it must expect. Flags that
  // became others are always told.
  enum class Answer {
    kNothing,
    kModSeq,  // .SILENT, and only to a client that has shown that it knows MODSEQ
    kFlags,
  };

  // A message after this session's own `change` of `flags`.
  void ApplyOwnChange(const MessageState& state, FlagChange change, const FlagSet& flags,
                      Answer answer);

  // From now on the client is also told of changes that altered nothing but a MODSEQ (RFC 7162
  // s3.1).
  void TellModSeqs() { tells_modseqs_ = true; }

  // The MODSEQ up to which the view is complete; what the next Sync shall start from.
  ModSeq synced() const { return synced_; }
  void set_synced(ModSeq modseq) { synced_ = modseq; }
  // The MODSEQ up to which the client has been told everything: HIGHESTMODSEQ. Below synced() while
  // an EXPUNGE has to wait.
  ModSeq told() const { return told_; }

  // What the client must hear to know the view as it is, in the order in which it must be sent.
  struct Updates {
    bool keywords = false;         // FLAGS: there are new keywords
    std::vector<SeqNum> expunged;  // EXPUNGE: each number as it is when its turn comes
    UidSet vanished;               // the same as VANISHED says it
    std::optional<uint32_t> exists;
    std::optional<uint32_t> recent;
    std::vector<SeqNum> flags;    // FETCH: the flags changed
    std::vector<SeqNum> modseqs;  // FETCH: nothing but the MODSEQ changed
  };

  // Takes them; from now on the client knows. Without `may_expunge` expunged messages stay (RFC
  // 3501 s7.4.1).
  Updates TakeUpdates(bool may_expunge);

  // Whether TakeUpdates() would have anything to say.
  bool HasUpdates(bool may_expunge) const;

 private:
  // Flag sets that messages share; index 0 is no keywords.
  struct Entry {
    uint64_t modseq : 63;
    uint64_t recent : 1;
    uint32_t uid;
    uint32_t keyword_set : 24;
    uint32_t system : 5;
    uint32_t expunged : 1;
    uint32_t flags_pending : 1;
    uint32_t modseq_pending : 1;
  };
  static_assert(sizeof(Entry) == 16);

  // Beyond, unused sets are dropped; far above what any mailbox really has.
  static constexpr size_t kMaxKeywordSets = 64 * 1024;

  const Entry& At(SeqNum number) const { return entries_[number.value() - 1]; }
  size_t LowerBound(uint32_t uid) const;
  void ApplyState(const MessageState& state);
  void Append(const MessageState& state);
  bool SetFlags(const MessageState& state, Entry* entry);
  void OweFlags(Entry* entry);
  void OweModSeq(Entry* entry);
  uint32_t InternKeywords(const std::vector<std::string>& keywords);
  void DropUnusedKeywordSets();
  void MarkExpunged(const NumberSet& uids);
  void MarkExpunged(Entry* entry);
  void TakeExpunged(Updates* updates);
  void TakePending(Updates* updates);

  // By UID. In pieces: it grows without a second copy.
  std::deque<Entry> entries_;
  std::vector<std::string> keywords_;
  std::vector<std::vector<std::string>> keyword_sets_ = {{}};
  std::map<std::vector<std::string>, uint32_t> keyword_set_index_ = {{{}, 0}};

  ModSeq synced_;
  ModSeq told_;
  bool tells_modseqs_ = false;
  uint32_t recent_ = 0;
  uint32_t told_exists_ = 0;
  uint32_t told_recent_ = 0;
  size_t told_keywords_ = 0;
  size_t expunged_ = 0;
  std::vector<uint32_t> pending_;  // UIDs of messages whose flags or MODSEQ are owed, in no order
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_VIEW_H_
