#ifndef PACKETBOAT_TESTS_SIM_ORACLES_MAIL_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_MAIL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "proto/store/entry.pb.h"
#include "tests/sim/oracles/findings.h"

namespace packetboat::sim {

// A message that a sender has, by its number; it keeps its octets over all tries.
using MessageId = uint64_t;

// Promises P1 and P2: what was answered 250 is there once for each recipient, through whichever MX
// and however often it was tried; what was answered 4xx or cut off is there once or not at all; and
// nothing else is there. The same octets that a sender sends anew, as another message, are there
// once more if the key of those before had gone by then, and may be else. Also the order of
// SEMANTICS.md s3: what was answered before another's end of data was sent has the lower UID.
class MailOracle {
 public:
  explicit MailOracle(Findings& findings) : findings_(findings) {}

  // A sender takes up a message of these octets, as they stand between DATA and the final dot.
  MessageId Compose(const std::string& reverse_path, const std::vector<AccountId>& accounts,
                    std::string octets);
  // The same octets again: its last sending was accepted.
  void SendAnew(MessageId message);
  void OnEndOfData(MessageId message, absl::Duration now);
  void OnAccepted(MessageId message, absl::Duration now);

  // An entry took effect for the first time anywhere.
  void OnDeliver(const entry::Deliver& deliver, const entry::DeliverResult& result);
  void OnForget(const entry::ForgetKeys& forget);
  // Some client asked for this message to leave INBOX, where all mail goes; it may be gone now.
  void OnMayLeave(AccountId account, uint32_t uid);
  // APPEND brought this in, or may have: it is not mail.
  void OnAppend(AccountId account, absl::string_view octets);

  // What a client was given for a message: octets that somebody sent.
  void CheckOctets(AccountId account, const std::string& octets);

  // Each copy that was made, as an interval from the first end of data to the 250.
  void ForEachCopy(const std::function<void(MessageId, AccountId, uint32_t uid, absl::Duration sent,
                                            std::optional<absl::Duration> accepted)>& visit) const;

  // What one replica has of an account in the end.
  struct Held {
    uint64_t mailbox = 0;
    uint32_t uid = 0;
    std::string octets;  // trace fields and body
  };
  void CheckAccount(absl::string_view node, AccountId account, const std::vector<Held>& held);
  // Of all that was seen.
  void CheckAll();

  // The entries that a message's copy may stand in, by its key.
  std::vector<std::pair<AccountId, std::string>> KeysOf(MessageId message) const;

  uint64_t composed() const { return messages_.size(); }
  // Messages, those sent anew among them.
  uint64_t sendings() const { return messages_.size() + sent_anew_; }
  uint64_t sent_anew() const { return sent_anew_; }
  uint64_t accepted_count() const { return accepted_count_; }
  // In the end: sent anew, accepted, and taken for a retry.
  uint64_t absorbed() const { return absorbed_; }

 private:
  struct Sending {
    std::optional<absl::Duration> sent;  // its end of data, the first time
    std::optional<absl::Duration> accepted;
    // Whose key had gone when it began: it makes a copy there.
    std::set<AccountId> fresh;
  };
  struct Copy {
    uint64_t mailbox = 0;
    uint32_t uid = 0;
    size_t sending = 0;
  };
  struct Message {
    std::string octets;
    std::map<AccountId, std::string> keys;
    std::vector<Sending> sendings;  // one after the other
    std::map<AccountId, std::vector<Copy>> copies;
  };

  void CheckCopies(MessageId id, const Message& message);
  void CheckSending(MessageId id, const Message& message, AccountId account, size_t sending);
  void CheckOrder();

  Findings& findings_;
  std::map<MessageId, Message> messages_;
  std::map<std::pair<AccountId, std::string>, MessageId> by_key_;
  // Written once, and let go.
  std::set<std::pair<AccountId, std::string>> gone_;
  std::map<std::string, MessageId> by_octets_;
  std::set<std::pair<AccountId, std::string>> appended_;
  std::set<std::pair<AccountId, uint32_t>> may_have_left_;
  uint64_t sent_anew_ = 0;
  uint64_t accepted_count_ = 0;
  uint64_t absorbed_ = 0;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_MAIL_H_
