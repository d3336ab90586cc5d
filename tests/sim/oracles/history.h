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
// linearizability. Messages are items of INBOX and Archive, named by UID.
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
  // Zero for others.
  static uint32_t ScopeOf(const std::string& mailbox);

  // ---- From clients
  // What SELECT or NOOP left the client with.
  void Look(AccountId account, const std::string& mailbox, Interval when,
            std::vector<ImapView::MessagePtr> seen);
  void Remove(AccountId account, const std::string& mailbox, uint32_t uid, Interval when);
  void Append(AccountId account, const std::string& octets, Interval when);
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
  void Final(AccountId account, uint32_t scope, const std::set<uint32_t>& uids, absl::Duration now,
             const std::string& node);

  std::map<AccountId, std::vector<Operation>> Operations() const;

 private:
  struct Seen {
    AccountId account;
    uint32_t scope;
    Interval when;
    std::vector<ImapView::MessagePtr> messages;
  };
  struct Appended {
    AccountId account;
    std::string octets;
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
