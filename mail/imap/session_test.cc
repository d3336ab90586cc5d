#include "mail/imap/session.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "mail/imap/command_table.h"
#include "mail/imap/memory_backend.h"
#include "mail/imap/sequence_set.h"

namespace packetboat::imap {
namespace {

constexpr absl::string_view kMessage = "Subject: x\r\n\r\nhello\r\n";

// One client that takes what it is sent at once, or in its own time.
class Client {
 public:
  Client(MemoryBackend* backend, const SessionOptions& options)
      : session_(backend, options, "192.0.2.1", /*tls=*/true, now_, [this] { ++woken_; }) {}

  void Start() {
    session_.Start();
    Take();
  }

  // What the server says to `text`.
  std::string Say(absl::string_view text) {
    session_.Feed(text, now_);
    Take();
    return TakeOutput();
  }

  std::string LogIn() {
    Start();
    return Say("login LOGIN alice secret\r\n");
  }

  // Takes what there is; with `reads` the octets are said to have left.
  void Take() {
    for (bool more = true; more;) {
      more = false;
      for (SessionAction& action : session_.TakeActions()) {
        if (action.kind == SessionAction::Kind::kClose) closed_ = true;
        if (action.kind != SessionAction::Kind::kSend) continue;
        output_ += action.bytes;
        unread_ += action.bytes.size();
        most_unread_ = std::max(most_unread_, unread_);
        more = reads_;
        if (reads_) Read(unread_);
      }
    }
  }

  void Read(size_t octets) {
    unread_ -= octets;
    session_.OnWritten(octets, now_);
  }

  std::string TakeOutput() { return std::exchange(output_, std::string()); }

  ServerSession& session() { return session_; }
  void set_reads(bool reads) { reads_ = reads; }
  size_t unread() const { return unread_; }
  size_t most_unread() const { return most_unread_; }
  bool closed() const { return closed_; }
  int woken() const { return woken_; }
  void Advance(absl::Duration by) {
    now_ += by;
    session_.OnTimer(now_);
    Take();
  }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  int woken_ = 0;
  ServerSession session_;
  std::string output_;
  bool reads_ = true;
  size_t unread_ = 0;
  size_t most_unread_ = 0;
  bool closed_ = false;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() { backend_.AddAccount("alice", "secret"); }

  Client& Connect() {
    clients_.push_back(std::make_unique<Client>(&backend_, options_));
    return *clients_.back();
  }
  Client& ConnectAndLogIn() {
    Client& client = Connect();
    EXPECT_TRUE(absl::StrContains(client.LogIn(), "login OK"));
    return client;
  }

  MemoryBackend backend_;
  SessionOptions options_;
  std::vector<std::unique_ptr<Client>> clients_;
};

// --- States and commands ------------------------------------------------------------------------

// A form of each command that is right in syntax.
std::string Example(absl::string_view name) {
  const std::map<absl::string_view, absl::string_view> arguments = {
      {"ID", " NIL"},
      {"AUTHENTICATE", " PLAIN AGFsaWNlAHNlY3JldA=="},
      {"LOGIN", " alice secret"},
      {"ENABLE", " X"},
      {"SELECT", " INBOX"},
      {"EXAMINE", " INBOX"},
      {"CREATE", " new"},
      {"DELETE", " Junk"},
      {"RENAME", " Archive other"},
      {"SUBSCRIBE", " x"},
      {"UNSUBSCRIBE", " x"},
      {"LIST", " \"\" *"},
      {"LSUB", " \"\" *"},
      {"STATUS", " Drafts (MESSAGES)"},
      {"APPEND", " Drafts {21+}\r\nSubject: x\r\n\r\nhello\r\n"},
      {"IDLE", "\r\nDONE"},
      {"UID EXPUNGE", " 1"},
      {"SEARCH", " ALL"},
      {"UID SEARCH", " ALL"},
      {"SORT", " (DATE) US-ASCII ALL"},
      {"UID SORT", " (DATE) US-ASCII ALL"},
      {"THREAD", " REFERENCES US-ASCII ALL"},
      {"UID THREAD", " ORDEREDSUBJECT US-ASCII ALL"},
      {"FETCH", " 1 FLAGS"},
      {"UID FETCH", " 1 FLAGS"},
      {"STORE", " 1 +FLAGS (\\Seen)"},
      {"UID STORE", " 1 +FLAGS (\\Seen)"},
      {"COPY", " 1 Trash"},
      {"UID COPY", " 1 Trash"},
      {"MOVE", " 1 Trash"},
      {"UID MOVE", " 1 Trash"},
  };
  const auto found = arguments.find(name);
  return absl::StrCat("x ", name, found == arguments.end() ? "" : found->second, "\r\n");
}

TEST_F(SessionTest, EveryCommandWorksInItsStatesAndIsBadInTheOthers) {
  for (const SessionState state :
       {SessionState::kNotAuthenticated, SessionState::kAuthenticated, SessionState::kSelected}) {
    for (const CommandSpec& spec : CommandTable()) {
      if (spec.name == "STARTTLS") continue;  // these sessions are under TLS
      SCOPED_TRACE(absl::StrCat(spec.name, " ", SessionStateName(state)));
      MemoryBackend backend;
      backend.AddAccount("alice", "secret");
      backend.Deliver("alice", "INBOX", kMessage);
      Client client(&backend, options_);
      client.Start();
      if (state != SessionState::kNotAuthenticated) client.Say("l LOGIN alice secret\r\n");
      if (state == SessionState::kSelected) client.Say("s SELECT INBOX\r\n");
      client.TakeOutput();
      const std::string answer = client.Say(Example(spec.name));
      const bool allowed = spec.AllowedIn(state);
      const bool idle = spec.name == "IDLE" && !allowed;  // its DONE is a bad command then
      EXPECT_TRUE(absl::StrContains(answer, allowed ? "x OK" : "x BAD")) << answer;
      if (!idle && spec.name != "LOGOUT") {
        EXPECT_TRUE(absl::StrContains(client.Say("y NOOP\r\n"), "y OK"));
      }
    }
  }
}

TEST_F(SessionTest, NoCommandWorksInTheClearThatNeedsTls) {
  for (const CommandSpec& spec : CommandTable()) {
    if (!spec.Has(CommandSpec::kSecret)) continue;
    SCOPED_TRACE(std::string(spec.name));
    ServerSession session(&backend_, options_, "192.0.2.1", /*tls=*/false, absl::UnixEpoch());
    session.Start();
    session.Feed(Example(spec.name), absl::UnixEpoch());
    std::string output;
    for (const SessionAction& action : session.TakeActions()) output += action.bytes;
    EXPECT_TRUE(absl::StrContains(output, "x NO [PRIVACYREQUIRED]")) << output;
    EXPECT_EQ(backend_.last_credentials().user, "");
  }
}

// --- Flow control -------------------------------------------------------------------------------

// The size of a message whose text is one long line of `c`.
std::string LargeMessage(size_t octets, char c) {
  const absl::string_view header = "Subject: large\r\n\r\n";
  return absl::StrCat(header, std::string(octets - header.size() - 2, c), "\r\n");
}

TEST_F(SessionTest, LargeBodyStreamsInBoundedMemory) {
  constexpr size_t kSize = 50 * 1000 * 1000;
  backend_.Deliver("alice", "INBOX", LargeMessage(kSize, 'x'));
  Client& client = ConnectAndLogIn();
  client.Say("a SELECT INBOX\r\n");
  client.set_reads(false);
  client.session().Feed("b FETCH 1 BODY.PEEK[]\r\n", absl::FromUnixSeconds(1'700'000'000));
  size_t total = 0;
  for (client.Take(); client.unread() > 0; client.Take()) {
    total += client.TakeOutput().size();
    client.Read(client.unread());
  }
  EXPECT_GT(total, kSize);
  // The bound, one read, and the line around it.
  EXPECT_LE(client.most_unread(), options_.limits.max_output_octets + kMaxReadBytes + 1024);
}

// However many sections are asked for at once, their texts do not pile up.
TEST_F(SessionTest, ManyLargeSectionsOfOneMessageStreamInBoundedMemory) {
  const std::string field = absl::StrCat("X-Long: ", std::string(200'000, 'x'), "\r\n");
  backend_.Deliver("alice", "INBOX", absl::StrCat(field, "\r\n", "body\r\n"));
  Client& client = ConnectAndLogIn();
  client.Say("a SELECT INBOX\r\n");
  client.set_reads(false);
  std::string items;
  for (int i = 0; i < 50; ++i) {
    absl::StrAppend(&items, i == 0 ? "" : " ", "BODY.PEEK[HEADER.FIELDS (X-Long Y", i, ")]");
  }
  size_t total = client.Say(absl::StrCat("b FETCH 1 (", items, ")\r\n")).size();
  for (; client.unread() > 0; client.Take()) {
    client.Read(client.unread());
    client.Take();
    total += client.TakeOutput().size();
  }
  EXPECT_GT(total, 50 * field.size());
  EXPECT_LE(client.most_unread(), options_.limits.max_output_octets + 2 * kMaxReadBytes + 1024);
}

TEST_F(SessionTest, ClientThatDoesNotReadIsNotSentMoreThanTheBound) {
  for (int i = 0; i < 50; ++i) backend_.Deliver("alice", "INBOX", LargeMessage(100'000, 'x'));
  Client& client = ConnectAndLogIn();
  client.Say("a SELECT INBOX\r\n");
  client.set_reads(false);
  client.Say("b FETCH 1:* BODY.PEEK[]\r\n");
  EXPECT_GE(client.unread(), options_.limits.max_output_octets);
  EXPECT_LE(client.unread(), options_.limits.max_output_octets + kMaxReadBytes + 1024);
  client.Advance(options_.limits.write_timeout - absl::Seconds(1));
  EXPECT_FALSE(client.closed());
  client.Advance(absl::Seconds(1));
  EXPECT_TRUE(client.closed());
}

TEST_F(SessionTest, InputIsWantedUpToTheLimitWhileACommandRuns) {
  options_.limits.max_pending_input_octets = 80;
  Client& client = ConnectAndLogIn();
  backend_.set_deferred(true);
  client.Say("a STATUS INBOX (MESSAGES)\r\n");
  for (int i = 0; i < 7; ++i) client.Say("b123 NOOP\r\n");  // 77 octets
  client.Say("ab");
  EXPECT_TRUE(client.session().wants_input());  // 79: n - 1 wait
  client.Say("c");
  EXPECT_FALSE(client.session().wants_input());  // 80: no more
  backend_.CompleteAll();
  EXPECT_TRUE(client.session().wants_input());
}

TEST_F(SessionTest, AppendTakesOneChunkAtATime) {
  Client& client = ConnectAndLogIn();
  options_.limits.max_pending_input_octets = 1000;
  backend_.set_deferred(true);
  client.Say("a APPEND Drafts {2000+}\r\n");
  backend_.Complete();  // BeginAppend
  client.Say(std::string(1000, 'x'));
  EXPECT_EQ(backend_.pending(), 1u);
  client.Say(std::string(1000, 'x'));
  EXPECT_EQ(backend_.pending(), 1u);  // the second chunk waits for the first
  backend_.Complete();
  EXPECT_EQ(backend_.pending(), 1u);
  client.Say("\r\n");
  backend_.CompleteAll();
  client.Take();
  EXPECT_TRUE(absl::StrContains(client.TakeOutput(), "a OK [APPENDUID"));
}

// --- Callbacks ----------------------------------------------------------------------------------

TEST_F(SessionTest, ShellIsToldWhenACallbackMadeActions) {
  Client& client = ConnectAndLogIn();
  backend_.set_deferred(true);
  client.Say("a STATUS INBOX (MESSAGES)\r\n");
  EXPECT_EQ(client.woken(), 0);
  backend_.Complete();
  EXPECT_EQ(client.woken(), 1);
  client.Take();
  EXPECT_TRUE(absl::StrContains(client.TakeOutput(), "a OK"));
}

TEST_F(SessionTest, SessionMayGoWhileItsCallsAreUnderWay) {
  for (const absl::string_view command :
       {"STATUS INBOX (MESSAGES)", "SELECT Drafts", "FETCH 1 BODY[]", "STORE 1 +FLAGS (\\Seen)",
        "SEARCH BODY x", "APPEND Drafts {3+}\r\nabc", "IDLE", "COPY 1 Trash", "EXPUNGE", "NOOP"}) {
    SCOPED_TRACE(std::string(command));
    backend_.set_deferred(false);
    backend_.Deliver("alice", "INBOX", kMessage);
    Client& client = ConnectAndLogIn();
    client.Say("a SELECT INBOX\r\n");
    backend_.set_deferred(true);
    client.Say(absl::StrCat("b ", command, "\r\n"));
    clients_.clear();
    backend_.CompleteAll();
  }
}

TEST_F(SessionTest, StartAuthenticatedAnswersTheLoginOfAnotherNode) {
  ServerSession session(&backend_, options_, "192.0.2.1", /*tls=*/true, absl::UnixEpoch());
  session.StartAuthenticated(backend_.OpenAccount("alice"), "alice", "tag7");
  session.Feed("b SELECT INBOX\r\n", absl::UnixEpoch());
  std::string output;
  for (const SessionAction& action : session.TakeActions()) output += action.bytes;
  EXPECT_TRUE(absl::StartsWith(output, "tag7 OK [CAPABILITY IMAP4rev1")) << output;
  EXPECT_TRUE(absl::StrContains(output, "b OK [READ-WRITE]")) << output;
}

TEST_F(SessionTest, RelayHandsOverWhatTheClientSaidBehindItsLogin) {
  backend_.SetRelay("alice", "store2");
  Client& client = Connect();
  client.Start();
  client.session().Feed("a LOGIN alice secret\r\nb SELECT INBOX\r\n", absl::UnixEpoch());
  const std::vector<SessionAction> actions = client.session().TakeActions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, SessionAction::Kind::kRelay);
  EXPECT_EQ(actions[0].node, "store2");
  EXPECT_EQ(actions[0].user, "alice");
  EXPECT_EQ(actions[0].tag, "a");
  EXPECT_EQ(actions[0].bytes, "b SELECT INBOX\r\n");
  EXPECT_TRUE(client.session().closed());
}

TEST_F(SessionTest, ExpungesThatTheMailboxHasForgottenAreToldAllTheSame) {
  for (int i = 0; i < 3; ++i) backend_.Deliver("alice", "INBOX", kMessage);
  Client& client = ConnectAndLogIn();
  client.Say("a SELECT INBOX\r\n");
  Client& other = ConnectAndLogIn();
  other.Say("a SELECT INBOX\r\nb STORE 2 +FLAGS (\\Deleted)\r\nc EXPUNGE\r\n");
  backend_.ForgetExpunges("alice", "INBOX");
  EXPECT_TRUE(absl::StartsWith(client.Say("b NOOP\r\n"), "* 2 EXPUNGE\r\n"));
  EXPECT_EQ(client.Say("c FETCH 1:* (UID)\r\n"),
            "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\nc OK Fetch completed\r\n");
}

// Two sessions change one message at the same time; each is told what the other did.
TEST_F(SessionTest, FlagsOfConcurrentStoresComeTogetherInEveryOrder) {
  for (const bool second_first : {false, true}) {
    backend_.set_deferred(false);
    MemoryBackend backend;
    backend.AddAccount("alice", "secret");
    backend.Deliver("alice", "INBOX", kMessage);
    Client one(&backend, options_);
    Client two(&backend, options_);
    for (Client* client : {&one, &two}) {
      client->LogIn();
      client->Say("a SELECT INBOX\r\n");
    }
    backend.set_deferred(true);
    one.Say("b STORE 1 +FLAGS.SILENT (\\Seen)\r\n");
    two.Say("b STORE 1 +FLAGS.SILENT (\\Flagged)\r\n");
    backend.Complete(second_first ? 1 : 0);
    backend.CompleteAll();
    backend.set_deferred(false);
    std::string told;
    for (Client* client : {&one, &two}) {
      client->Take();
      told = client->TakeOutput() + client->Say("c NOOP\r\n");
      EXPECT_TRUE(absl::StrContains(told, "* 1 FETCH (FLAGS (")) << told;
      EXPECT_TRUE(absl::StrContains(told, "\\Flagged \\Seen))")) << told;
    }
  }
}

// Changes made in pieces of at most kMaxMessagesPerChange reach every message.
TEST_F(SessionTest, StoreAndExpungeOfMoreThanOnePiece) {
  const size_t count = 2 * kMaxMessagesPerChange + 1;
  for (size_t i = 0; i < count; ++i) backend_.Deliver("alice", "INBOX", kMessage);
  Client& client = ConnectAndLogIn();
  client.Say("a SELECT INBOX\r\n");
  EXPECT_TRUE(absl::StartsWith(client.Say("b STORE 1:* +FLAGS.SILENT (\\Deleted)\r\n"), "b OK"));
  const std::string expunged = client.Say("c EXPUNGE\r\n");
  EXPECT_TRUE(absl::StartsWith(expunged, absl::StrCat("* ", count, " EXPUNGE\r\n")));
  EXPECT_TRUE(absl::StrContains(client.Say("d STATUS INBOX (MESSAGES)\r\n"), "MESSAGES 0"));
}

// A mailbox that takes several pages to read.
TEST_F(SessionTest, SelectOfMoreThanOnePage) {
  const size_t count = SyncRequest().max_messages + 1;
  for (size_t i = 0; i < count; ++i) backend_.Deliver("alice", "INBOX", kMessage);
  Client& client = ConnectAndLogIn();
  EXPECT_TRUE(absl::StrContains(client.Say("a SELECT INBOX\r\n"),
                                absl::StrCat("* ", count, " EXISTS\r\n")));
}

// --- QRESYNC ------------------------------------------------------------------------------------

// RFC 2683 s3.2.1.5, as RFC 7162 s4 changes it: lines of some 8,000 octets.
TEST_F(SessionTest, ManyVanishedUidsGoInLinesOfBoundedLength) {
  constexpr uint32_t kMessages = 2000;
  for (uint32_t i = 0; i < kMessages; ++i) backend_.Deliver("alice", "INBOX", kMessage);
  Client& client = ConnectAndLogIn();
  client.Say("a ENABLE QRESYNC\r\nb SELECT INBOX\r\n");
  std::string odd = "1";
  for (uint32_t uid = 3; uid < kMessages; uid += 2) absl::StrAppend(&odd, ",", uid);
  client.Say(absl::StrCat("c UID STORE ", odd, " +FLAGS.SILENT (\\Deleted)\r\n"));
  uint64_t told = 0;
  for (const absl::string_view line : absl::StrSplit(client.Say("d EXPUNGE\r\n"), "\r\n")) {
    absl::string_view uids = line;
    if (!absl::ConsumePrefix(&uids, "* VANISHED ")) continue;
    EXPECT_LE(line.size(), 8000u);
    told += SequenceSet::Parse(uids, kMessages)->Resolve(0).Count();
  }
  EXPECT_EQ(told, kMessages / 2);
}

}  // namespace
}  // namespace packetboat::imap
