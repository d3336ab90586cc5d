#ifndef PACKETBOAT_TESTS_SIM_ORACLES_IMAP_VIEW_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_IMAP_VIEW_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "tests/sim/oracles/findings.h"

namespace packetboat::sim {

// The flags that clients set and that are followed, as bits.
using MessageFlags = uint8_t;
inline constexpr MessageFlags kSeen = 1;
inline constexpr MessageFlags kFlagged = 2;

// What all clients have ever been told of the mailboxes, whoever told them: one UIDVALIDITY for
// each, and one message for each UID (RFC 3501 s2.3.1.1).
class ImapKnowledge {
 public:
  explicit ImapKnowledge(Findings& findings) : findings_(findings) {}

  void OnUidValidity(AccountId account, const std::string& mailbox, uint32_t uid_validity);
  void OnOctets(AccountId account, const std::string& mailbox, uint32_t uid,
                const std::string& octets);

 private:
  Findings& findings_;
  std::map<std::pair<AccountId, std::string>, uint32_t> validities_;
  std::map<std::tuple<AccountId, std::string, uint32_t>, std::string> octets_;
};

// One selected mailbox as one client knows it, from the responses alone; says which of them are
// against the rules (RFC 3501 s5.2, s7.3.1, s7.4.1, s2.3.1.2).
class ImapView {
 public:
  // What the client is waiting for while a response comes.
  enum class During {
    kNothing,
    kIdle,
    // FETCH, STORE, SEARCH: nothing may be expunged meanwhile.
    kBySequence,
    kOther,
  };

  // Kept over EXPUNGEs by whoever looked at it.
  struct Message {
    std::optional<uint32_t> uid;        // once it was told
    std::optional<MessageFlags> flags;  // as told last
  };
  using MessagePtr = std::shared_ptr<Message>;

  ImapView(std::string who, Findings& findings) : who_(std::move(who)), findings_(findings) {}

  // A new selection begins.
  void Clear() {
    messages_.clear();
    uid_next_ = 0;
  }
  void OnExists(uint32_t count);
  void OnExpunge(uint32_t number, During during);
  void OnFetch(uint32_t number, std::optional<uint32_t> uid, std::optional<MessageFlags> flags);
  void OnUidNext(uint32_t uid_next) { uid_next_ = uid_next; }

  const std::vector<MessagePtr>& messages() const { return messages_; }

 private:
  template <typename... Parts>
  void Wrong(const Parts&... parts) {
    findings_.Add("imap view of ", who_, ": ", parts...);
  }
  void CheckOrder(uint32_t number);

  const std::string who_;
  Findings& findings_;
  std::vector<MessagePtr> messages_;
  uint32_t uid_next_ = 0;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_IMAP_VIEW_H_
