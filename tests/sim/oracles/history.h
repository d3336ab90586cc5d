#ifndef PACKETBOAT_TESTS_SIM_ORACLES_HISTORY_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_HISTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/ids.h"
#include "proto/store/entry.pb.h"
#include "tests/sim/oracles/imap_view.h"
#include "tests/sim/oracles/linearizability.h"

namespace packetboat::sim {

// What clients and senders did to each account and what they saw, for the checker of
// linearizability. Messages are items of INBOX and Archive, named by UID; so are the flags on them,
// and the names of some mailboxes.
//
// What a client was not told (the UID of a copy whose answer was lost) is taken from the log's
// results; that an operation took effect, and when, never is.
class History {
 public:
  // When a client asked, and when it had the answer; nothing: it never came, or said neither yes
  // nor no.
  struct Interval {
    absl::Duration called;
    std::optional<absl::Duration> returned;
  };

  static constexpr uint32_t kInbox = 1;
  static constexpr uint32_t kArchive = 2;
  static constexpr uint32_t kNames = 3;
  // Zero for others.
  static uint32_t ScopeOf(const std::string& mailbox);

  // Mailboxes that are made, renamed and deleted, and are never selected.
  static const std::vector<std::string>& Names();

  // What came of a command that needs a name to be there, or not.
  enum class Outcome { kDone, kExists, kMissing, kUnknown };

  // ---- From clients
  // What SELECT or NOOP left the client with: all messages, and the flags of those whose flags it
  // had been told.
  void Look(AccountId account, const std::string& mailbox, Interval when,
            const std::vector<ImapView::MessagePtr>& seen);
  void Remove(AccountId account, const std::string& mailbox, uint32_t uid, Interval when);
  void SetFlags(AccountId account, const std::string& mailbox, uint32_t uid, MessageFlags flags,
                bool set, Interval when);
  void Append(AccountId account, const std::string& octets, MessageFlags flags, Interval when);
  void Create(AccountId account, const std::string& name, absl::Duration called,
              absl::Duration returned, Outcome outcome);
  void Delete(AccountId account, const std::string& name, absl::Duration called,
              absl::Duration returned, Outcome outcome);
  // kExists and kMissing: `to` and `from`.
  void Rename(AccountId account, const std::string& from, const std::string& to,
              absl::Duration called, absl::Duration returned, Outcome outcome);
  // Those of Names() that LIST showed.
  void List(AccountId account, const std::set<std::string>& names, Interval when);
  // COPY and MOVE from INBOX to Archive; each message goes once, so that its copy can be told.
  bool MayTransfer(AccountId account, uint32_t uid);
  // `became`: by COPYUID; zero: the answer was OK, and nothing was copied. Nothing: not known.
  void Transfer(AccountId account, uint32_t uid, bool move, Interval when,
                std::optional<uint32_t> became);

  // ---- From the mail oracle, in the end
  void Deliver(AccountId account, uint32_t uid, Interval when, const std::string& text);

  // ---- From the log
  void OnEntry(const entry::Entry& entry, const entry::Result& result);

  // In the end: what a replica holds that has everything.
  void Final(AccountId account, uint32_t scope, const std::map<uint32_t, MessageFlags>& messages,
             absl::Duration now, const std::string& node);

  std::map<AccountId, std::vector<Operation>> Operations() const;

 private:
  struct Seen {
    AccountId account;
    uint32_t scope;
    Interval when;
    struct One {
      ImapView::MessagePtr message;
      std::optional<MessageFlags> flags;  // at that time
    };
    std::vector<One> messages;
  };
  struct Appended {
    AccountId account;
    std::string octets;
    MessageFlags flags;
    Interval when;
  };
  struct Moved {
    AccountId account;
    uint32_t uid;
    bool move;
    Interval when;
    std::optional<uint32_t> became;
  };

  std::optional<Operation> FromSeen(const Seen& seen) const;
  std::optional<Operation> FromAppended(const Appended& appended) const;
  std::optional<Operation> FromMoved(const Moved& moved) const;

  std::vector<Seen> looks_;
  std::vector<Appended> appends_;
  std::vector<Moved> transfers_;
  std::vector<std::pair<AccountId, Operation>> others_;
  std::set<std::pair<AccountId, uint32_t>> transferred_;

  std::map<std::pair<AccountId, std::string>, uint32_t> uid_of_append_;
  std::map<std::pair<AccountId, uint32_t>, uint32_t> uid_of_copy_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_HISTORY_H_
