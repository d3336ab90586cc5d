#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "mail/imap/memory_backend.h"
#include "mail/imap/sequence_set.h"
#include "mail/imap/session.h"

// A client that knows a mailbox by nothing but what it is told, and by HIGHESTMODSEQ, over many
// connections: whatever it and others do in whatever order, after each SELECT (QRESYNC ...) it
// knows the mailbox as it is (RFC 7162 s3.2.5).

namespace packetboat::imap {
namespace {

constexpr absl::string_view kMessage = "Subject: x\r\n\r\nhello\r\n";
constexpr absl::string_view kFlags[] = {"\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "word"};

// A connection that takes what it is sent.
class Wire {
 public:
  explicit Wire(MemoryBackend* backend)
      : session_(backend, SessionOptions(), "192.0.2.1", /*tls=*/true, now_) {
    session_.Start();
    Say("LOGIN alice secret");
  }

  // The lines that answer a command, the tagged one with them.
  std::vector<std::string> Say(absl::string_view command) {
    session_.Feed(absl::StrCat("t ", command, "\r\n"), now_);
    return Lines();
  }

  std::vector<std::string> SayLine(absl::string_view line) {
    session_.Feed(absl::StrCat(line, "\r\n"), now_);
    return Lines();
  }

 private:
  std::vector<std::string> Lines() {
    std::string output;
    for (bool more = true; more;) {
      more = false;
      for (const SessionAction& action : session_.TakeActions()) {
        output += action.bytes;
        session_.OnWritten(action.bytes.size(), now_);
        more = true;
      }
    }
    return absl::StrSplit(output, "\r\n", absl::SkipEmpty());
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  ServerSession session_;
};

// What stands in `line` between `before` and the next `end`.
std::optional<std::string> Between(absl::string_view line, absl::string_view before, char end) {
  const size_t at = line.find(before);
  if (at == absl::string_view::npos) return std::nullopt;
  line.remove_prefix(at + before.size());
  return std::string(line.substr(0, line.find(end)));
}

// The number behind `before`; 0 if there is none.
uint64_t NumberIn(absl::string_view line, absl::string_view before) {
  const size_t at = line.find(before);
  if (at == absl::string_view::npos) return 0;
  line.remove_prefix(at + before.size());
  uint64_t number = 0;
  const bool valid =
      absl::SimpleAtoi(line.substr(0, line.find_first_not_of("0123456789")), &number);
  return valid ? number : 0;
}

using Flags = std::set<std::string>;
using Messages = std::map<uint32_t, Flags>;

Flags FlagsIn(absl::string_view line) {
  Flags flags;
  for (const absl::string_view flag :
       absl::StrSplit(Between(line, "FLAGS (", ')').value_or(""), ' ', absl::SkipEmpty())) {
    if (flag != "\\Recent") flags.insert(std::string(flag));
  }
  return flags;
}

struct StoreCommand {
  uint32_t first;
  uint32_t last;
  bool add;
  bool silent;
  bool conditional;
  std::string flag;

  std::string ToString() const {
    return absl::StrCat("UID STORE ", first, ":", last, conditional ? " (UNCHANGEDSINCE 10) " : " ",
                        add ? "+" : "-", "FLAGS", silent ? ".SILENT" : "", " (", flag, ")");
  }
};

// The client.
class Follower {
 public:
  explicit Follower(MemoryBackend* backend) : backend_(backend) {}

  void Connect(bool with_matches) {
    wire_ = std::make_unique<Wire>(backend_);
    Take(wire_->Say("ENABLE QRESYNC"));
    std::string known;
    if (with_matches && !messages_.empty()) known = absl::StrCat(" ", KnownUids(), Matches());
    const bool knows = highest_ > 0;
    Take(wire_->Say(knows ? absl::StrCat("SELECT INBOX (QRESYNC (1 ", highest_, known, "))")
                          : "SELECT INBOX (CONDSTORE)"));
    selected_ = true;
    FetchNew();
  }

  void Say(absl::string_view command) {
    Take(wire_->Say(command));
    FetchNew();
  }

  // What a silent STORE does, the client knows without being told.
  void Store(const StoreCommand& store) {
    for (auto& [uid, flags] : messages_) {
      if (!store.silent || uid < store.first || uid > store.last) continue;
      if (store.add) flags.insert(store.flag);
      if (!store.add) flags.erase(store.flag);
    }
    Say(store.ToString());
  }

  void Idle() {
    Take(wire_->Say("IDLE"));
    Take(wire_->SayLine("DONE"));
    FetchNew();
  }

  void Close(absl::string_view command) {
    // CLOSE expunges what the client knows to be \Deleted, without a word.
    if (command == "CLOSE") {
      std::erase_if(messages_,
                    [](const auto& message) { return message.second.contains("\\Deleted"); });
    }
    Take(wire_->Say(command));
    selected_ = false;
  }

  bool selected() const { return wire_ != nullptr && selected_; }
  void Disconnect() { wire_.reset(); }
  const Messages& messages() const { return messages_; }
  const std::vector<std::string>& log() const { return log_; }

 private:
  std::string KnownUids() const { return absl::StrCat("1:", messages_.rbegin()->first); }

  // Every other message with its number.
  std::string Matches() const {
    std::vector<uint32_t> numbers, uids;
    uint32_t number = 0;
    for (const auto& [uid, flags] : messages_) {
      if (++number % 2 == 0) continue;
      numbers.push_back(number);
      uids.push_back(uid);
    }
    return absl::StrCat(" (", absl::StrJoin(numbers, ","), " ", absl::StrJoin(uids, ","), ")");
  }

  void FetchNew() {
    const uint32_t last = messages_.empty() ? 0 : messages_.rbegin()->first;
    Take(wire_->Say(absl::StrCat("UID FETCH ", std::max(last, told_uid_) + 1, ":* (FLAGS)")));
  }

  void Take(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      log_.push_back(line);
      if (absl::StartsWith(line, "* VANISHED ")) Vanish(line);
      if (absl::StrContains(line, " FETCH (")) Fetched(line);
      if (absl::StrContains(line, "[HIGHESTMODSEQ ")) {
        highest_ = NumberIn(line, "[HIGHESTMODSEQ ");
      }
    }
  }

  void Vanish(absl::string_view line) {
    line.remove_prefix(line.rfind(' ') + 1);
    const auto set = SequenceSet::Parse(line, 10'000);
    ASSERT_TRUE(set.has_value()) << line;
    const NumberSet uids = set->Resolve(0);
    std::erase_if(messages_, [&](const auto& message) { return uids.Contains(message.first); });
  }

  void Fetched(absl::string_view line) {
    const auto uid = static_cast<uint32_t>(NumberIn(line, "UID "));
    ASSERT_GT(uid, 0u) << line;
    if (!absl::StrContains(line, "FLAGS (")) return;
    messages_[uid] = FlagsIn(line);
    told_uid_ = std::max(told_uid_, uid);
  }

  MemoryBackend* const backend_;
  std::unique_ptr<Wire> wire_;
  bool selected_ = false;
  Messages messages_;
  uint64_t highest_ = 0;
  uint32_t told_uid_ = 0;
  std::vector<std::string> log_;
};

// What is true of INBOX.
Messages Truth(MemoryBackend* backend) {
  Wire wire(backend);
  Messages messages;
  wire.Say("EXAMINE INBOX");
  for (const std::string& line : wire.Say("UID FETCH 1:* (FLAGS)")) {
    if (!absl::StrContains(line, " FETCH (")) continue;
    messages[static_cast<uint32_t>(NumberIn(line, "UID "))] = FlagsIn(line);
  }
  return messages;
}

class ResynchronizationTest : public testing::TestWithParam<int> {
 protected:
  ResynchronizationTest() : random_(static_cast<uint64_t>(GetParam())) {
    backend_.AddAccount("alice", "secret");
  }

  uint64_t Below(uint64_t n) { return random_.Below(n); }

  std::string RandomUids() {
    const uint64_t first = 1 + Below(20);
    return absl::StrCat(first, ":", first + Below(4));
  }

  StoreCommand RandomStore() {
    StoreCommand store;
    store.first = static_cast<uint32_t>(1 + Below(20));
    store.last = store.first + static_cast<uint32_t>(Below(4));
    store.add = Below(2) == 0;
    store.conditional = Below(4) == 0;
    store.silent = !store.conditional && Below(2) == 0;
    store.flag = std::string(kFlags[Below(std::size(kFlags))]);
    return store;
  }

  void Disturb(Wire* other) {
    switch (Below(6)) {
      case 0:
        backend_.Deliver("alice", "INBOX", kMessage);
        break;
      case 1:
        other->Say("EXPUNGE");
        break;
      case 2:
        other->Say(absl::StrCat("UID MOVE ", RandomUids(), " Archive"));
        break;
      case 3:
        if (Below(10) == 0) backend_.ForgetExpunges("alice", "INBOX");
        break;
      default:
        other->Say(RandomStore().ToString());
    }
  }

  void Act(Follower* follower) {
    switch (Below(9)) {
      case 0:
        return follower->Say("EXPUNGE");
      case 1:
        return follower->Say(absl::StrCat("UID EXPUNGE ", RandomUids()));
      case 2:
        return follower->Say(absl::StrCat("UID MOVE ", RandomUids(), " Trash"));
      case 3:
        return follower->Idle();
      case 4:
        return follower->Say("FETCH 1:* (UID)");
      case 5:
        return follower->Say("NOOP");
      case 6:
        return follower->Close(Below(2) == 0 ? "CLOSE" : "UNSELECT");
      default:
        return follower->Store(RandomStore());
    }
  }

  SeededRandom random_;
  MemoryBackend backend_;
};

TEST_P(ResynchronizationTest, KnowsTheMailboxAfterEverySelect) {
  Wire other(&backend_);
  other.Say("SELECT INBOX");
  Follower follower(&backend_);
  for (int connection = 0; connection < 60; ++connection) {
    follower.Connect(/*with_matches=*/Below(2) == 0);
    ASSERT_EQ(follower.messages(), Truth(&backend_)) << "connection " << connection << "\n"
                                                     << absl::StrJoin(follower.log(), "\n");
    for (uint64_t step = Below(12); step > 0 && follower.selected(); --step) {
      Below(2) == 0 ? Disturb(&other) : Act(&follower);
    }
    follower.Disconnect();
    for (uint64_t step = Below(6); step > 0; --step) Disturb(&other);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ResynchronizationTest, testing::Range(1, 21));

}  // namespace
}  // namespace packetboat::imap
