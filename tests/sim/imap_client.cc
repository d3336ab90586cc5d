#include "tests/sim/imap_client.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace packetboat::sim {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(15);
constexpr absl::Duration kPause = absl::Milliseconds(400);
constexpr absl::Duration kAway = absl::Seconds(2);
constexpr int kCommandsPerSession = 15;

// A response with its literals taken out of the line.
struct Response {
  std::string line;
  std::vector<std::string> literals;
};

class ResponseReader {
 public:
  void Feed(absl::string_view octets) { input_.append(octets.data(), octets.size()); }

  std::optional<Response> Next() {
    for (;;) {
      if (literal_left_ > 0) {
        if (input_.size() < literal_left_) return std::nullopt;
        response_.literals.push_back(input_.substr(0, literal_left_));
        input_.erase(0, std::exchange(literal_left_, 0));
      }
      const size_t end = input_.find("\r\n");
      if (end == std::string::npos) return std::nullopt;
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 2);
      response_.line += line;
      const size_t brace = line.rfind('{');
      if (brace == std::string::npos || line.back() != '}' ||
          !absl::SimpleAtoi(line.substr(brace + 1, line.size() - brace - 2), &literal_left_)) {
        return std::exchange(response_, {});
      }
      if (literal_left_ == 0) response_.literals.emplace_back();
    }
  }

 private:
  std::string input_;
  Response response_;
  uint64_t literal_left_ = 0;
};

// The number behind `word`, if it is there.
std::optional<uint32_t> NumberAfter(const std::string& line, absl::string_view word) {
  const size_t at = line.find(std::string(word));
  if (at == std::string::npos) return std::nullopt;
  const size_t begin = at + word.size();
  const size_t end = line.find_first_not_of("0123456789", begin);
  uint32_t number = 0;
  if (!absl::SimpleAtoi(line.substr(begin, end - begin), &number)) return std::nullopt;
  return number;
}

// What "FLAGS (...)" says, if it is there.
std::optional<MessageFlags> FlagsOf(const std::string& line) {
  const size_t begin = line.find("FLAGS (");
  if (begin == std::string::npos) return std::nullopt;
  const std::string list = line.substr(begin, line.find(')', begin) - begin);
  return static_cast<MessageFlags>((absl::StrContains(list, "\\Seen") ? kSeen : 0) |
                                   (absl::StrContains(list, "\\Flagged") ? kFlagged : 0));
}

History::Outcome OutcomeOf(const std::optional<std::string>& answer) {
  if (!answer.has_value()) return History::Outcome::kUnknown;
  if (absl::StartsWith(*answer, "OK")) return History::Outcome::kDone;
  if (absl::StartsWith(*answer, "NO [ALREADYEXISTS]")) return History::Outcome::kExists;
  if (absl::StartsWith(*answer, "NO [NONEXISTENT]")) return History::Outcome::kMissing;
  return History::Outcome::kUnknown;
}

}  // namespace

// One connection.
class ImapClient::Session : public net::ConnectionHandler {
 public:
  explicit Session(ImapClient& client)
      : client_(&client),
        view_(absl::StrCat("client ", client.number_), client.oracles_.findings) {}

  void Forget() { client_ = nullptr; }

  bool opened() const { return opened_; }

  void OnOpen(net::Connection& connection) override {
    opened_ = true;
    connection_ = &connection;
    if (client_ == nullptr) return End();
    Expect(kPatience);
  }

  void OnData(absl::string_view octets) override {
    reader_.Feed(octets);
    while (client_ != nullptr && !ended_) {
      const std::optional<Response> response = reader_.Next();
      if (!response.has_value()) return;
      client_->world_.Note(
          absl::StrCat("client ", client_->number_, " reads ", response->line.substr(0, 100)));
      Take(*response);
    }
  }

  // It waited in vain; or a cut was due; or the pause is over.
  void OnTimer() override {
    if (client_ == nullptr || !next_) return End();
    std::exchange(next_, nullptr)();
  }

  void OnClosed(const absl::Status&) override {
    connection_ = nullptr;
    // What was under way has no answer.
    if (client_ == nullptr) return;
    if (done_) std::exchange(done_, nullptr)(std::nullopt);
    std::exchange(client_, nullptr)->Ended();
  }

 private:
  using During = ImapView::During;
  // The tagged response; nothing, if there is none and never will be.
  using Done = std::function<void(std::optional<std::string> answer)>;

  static bool IsOk(const std::optional<std::string>& answer) {
    return answer.has_value() && absl::StartsWith(*answer, "OK");
  }

  World& world() { return client_->world_; }
  History& history() { return client_->oracles_.history; }
  absl::Duration Now() { return client_->world_.Now(); }
  // Closed only by an answer that says yes: NO may mean that nobody knows.
  History::Interval Since(absl::Duration called, const std::optional<std::string>& answer) {
    return {called, IsOk(answer) ? std::optional(Now()) : std::nullopt};
  }

  void Expect(absl::Duration patience) {
    next_ = nullptr;
    connection_->SetDeadline(connection_->loop().Now() + patience);
  }

  void Later(absl::Duration delay, std::function<void()> next) {
    next_ = std::move(next);
    connection_->SetDeadline(connection_->loop().Now() + delay);
  }

  void End() {
    if (std::exchange(ended_, true) || connection_ == nullptr) return;
    connection_->Abort(absl::CancelledError("done"));
  }

  void Command(const std::string& text, During during, Done done) {
    ++client_->commands_;
    ++tag_;
    during_ = during;
    done_ = std::move(done);
    connection_->Send(absl::StrCat("a", tag_, " ", text, "\r\n"));
    Expect(kPatience);
    if (!world().Chance(world().faults().cut_percent)) return;
    connection_->SetDeadline(connection_->loop().Now() + world().UpTo(absl::Milliseconds(20)));
  }

  // ---- Responses

  void Take(const Response& response) {
    const std::string& line = response.line;
    if (!greeted_) {
      greeted_ = true;
      return absl::StartsWith(line, "* OK") ? LogIn() : End();
    }
    if (absl::StartsWith(line, "+")) {
      if (continue_) std::exchange(continue_, nullptr)();
      return;
    }
    if (absl::StartsWith(line, "* ")) return TakeUntagged(response);
    const std::string tag = absl::StrCat("a", tag_, " ");
    if (!absl::StartsWith(line, tag) || !done_) return End();
    during_ = During::kNothing;
    std::exchange(done_, nullptr)(line.substr(tag.size()));
  }

  void TakeUntagged(const Response& response) {
    const std::string& line = response.line;
    if (const auto value = NumberAfter(line, "[UIDVALIDITY ")) {
      client_->oracles_.imap.OnUidValidity(client_->account_, mailbox_, *value);
    }
    if (const auto value = NumberAfter(line, "[UIDNEXT ")) view_.OnUidNext(*value);
    if (absl::StrContains(line, "[COPYUID ")) copy_uid_ = line;
    if (absl::StartsWith(line, "* LIST ")) TakeName(line);
    const std::optional<uint32_t> number = NumberAfter(line, "* ");
    if (!number.has_value()) return;
    if (absl::EndsWith(line, " EXISTS")) view_.OnExists(*number);
    if (absl::EndsWith(line, " EXPUNGE")) view_.OnExpunge(*number, during_);
    if (absl::StrContains(line, " FETCH (")) TakeFetch(*number, response);
  }

  void TakeFetch(uint32_t number, const Response& response) {
    const std::optional<uint32_t> uid = NumberAfter(response.line, "UID ");
    view_.OnFetch(number, uid, FlagsOf(response.line));
    if (!uid.has_value() || response.literals.empty()) return;
    client_->oracles_.imap.OnOctets(client_->account_, mailbox_, *uid, response.literals[0]);
    client_->oracles_.mail.CheckOctets(client_->account_, response.literals[0]);
  }

  void TakeName(const std::string& line) {
    for (const std::string& name : History::Names()) {
      if (absl::EndsWith(line, absl::StrCat(" ", name)) ||
          absl::EndsWith(line, absl::StrCat(" \"", name, "\""))) {
        names_.insert(name);
      }
    }
  }

  // ---- Commands

  void LogIn() {
    const std::string name = Users::Name(client_->account_);
    Command(absl::StrCat("LOGIN ", name, " ", name), During::kOther, [this](auto answer) {
      if (!IsOk(answer)) return End();
      Select();
    });
  }

  void Select() {
    mailbox_ = world().Chance(75) ? "INBOX" : "Archive";
    view_.Clear();
    const absl::Duration called = Now();
    Command(absl::StrCat("SELECT ", mailbox_), During::kOther, [this, called](auto answer) {
      if (!IsOk(answer)) return End();
      history().Look(client_->account_, mailbox_, {called, Now()}, view_.messages());
      Learn();
    });
  }

  void Noop() {
    const absl::Duration called = Now();
    Command("NOOP", During::kOther, [this, called](auto answer) {
      if (!IsOk(answer)) return Learn();
      history().Look(client_->account_, mailbox_, {called, Now()}, view_.messages());
      Learn();
    });
  }

  // Asks for the UIDs of messages that it was told of by number alone.
  void Learn() {
    if (connection_ == nullptr || ended_) return;
    size_t first = 0;
    while (first < view_.messages().size() && view_.messages()[first]->uid.has_value()) ++first;
    if (first == view_.messages().size()) return Rest();
    Command(absl::StrCat("FETCH ", first + 1, ":", view_.messages().size(), " (UID FLAGS)"),
            During::kBySequence, [this](auto answer) { IsOk(answer) ? Rest() : End(); });
  }

  void Rest() {
    Later(world().UpTo(kPause), [this] { Step(); });
  }

  void Step() {
    if (client_->finishing_ || ++steps_ > kCommandsPerSession) return LogOut();
    const int choice = world().Pick(100);
    if (choice < 22) return Noop();
    if (choice < 29) return Select();
    if (choice < 37) return Idle();
    if (choice < 44) return Append();
    if (choice < 55) return ChangeNames();
    const std::optional<uint32_t> uid = AnyUid();
    if (!uid.has_value()) return Noop();
    if (choice < 69) return Store(*uid);
    if (choice < 77) return Fetch(*uid);
    if (choice < 86) return Delete(*uid);
    if (mailbox_ == "INBOX" && client_->oracles_.history.MayTransfer(client_->account_, *uid)) {
      return Transfer(*uid, world().Chance(60));
    }
    Noop();
  }

  std::optional<uint32_t> AnyUid() {
    const std::vector<ImapView::MessagePtr>& messages = view_.messages();
    if (messages.empty()) return std::nullopt;
    return messages[world().random().Below(messages.size())]->uid;
  }

  void Idle() {
    const absl::Duration length = world().UpTo(absl::Seconds(3));
    continue_ = [this, length] {
      during_ = During::kIdle;
      Later(length, [this] {
        connection_->Send("DONE\r\n");
        Expect(kPatience);
      });
    };
    Command("IDLE", During::kIdle, [this](auto answer) { IsOk(answer) ? Learn() : End(); });
  }

  void Store(uint32_t uid) {
    const bool set = world().Chance(60);
    const MessageFlags flag = world().Chance(50) ? kSeen : kFlagged;
    const absl::Duration called = Now();
    Command(absl::StrCat("UID STORE ", uid, set ? " +" : " -", "FLAGS (",
                         flag == kSeen ? "\\Seen" : "\\Flagged", ")"),
            During::kOther, [this, uid, set, flag, called](auto answer) {
              history().SetFlags(client_->account_, mailbox_, uid, flag, set,
                                 Since(called, answer));
              Learn();
            });
  }

  // Of the mailboxes that come and go.
  void ChangeNames() {
    const std::vector<std::string>& names = History::Names();
    const auto any = [&] { return names[world().random().Below(names.size())]; };
    const std::string one = any();
    const std::string two = any();
    const absl::Duration called = Now();
    const AccountId account = client_->account_;
    const int choice = world().Pick(100);
    if (choice < 35) {
      names_.clear();
      return Command("LIST \"\" *", During::kOther, [this, account, called](auto answer) {
        if (IsOk(answer)) history().List(account, names_, {called, Now()});
        Learn();
      });
    }
    if (choice < 60) {
      return Command(absl::StrCat("CREATE ", one), During::kOther,
                     [this, account, one, called](auto answer) {
                       history().Create(account, one, called, Now(), OutcomeOf(answer));
                       Learn();
                     });
    }
    if (choice < 80 || one == two) {
      return Command(absl::StrCat("DELETE ", one), During::kOther,
                     [this, account, one, called](auto answer) {
                       history().Delete(account, one, called, Now(), OutcomeOf(answer));
                       Learn();
                     });
    }
    Command(absl::StrCat("RENAME ", one, " ", two), During::kOther,
            [this, account, one, two, called](auto answer) {
              history().Rename(account, one, two, called, Now(), OutcomeOf(answer));
              Learn();
            });
  }

  void Fetch(uint32_t uid) {
    Command(absl::StrCat("UID FETCH ", uid, " (UID FLAGS BODY.PEEK[])"), During::kOther,
            [this](auto) { Learn(); });
  }

  void Delete(uint32_t uid) {
    Command(absl::StrCat("UID STORE ", uid, " +FLAGS.SILENT (\\Deleted)"), During::kOther,
            [this, uid](auto answer) { IsOk(answer) ? Expunge(uid) : Learn(); });
  }

  void Expunge(uint32_t uid) {
    MayLeave(uid);
    const absl::Duration called = Now();
    Command(absl::StrCat("UID EXPUNGE ", uid), During::kOther, [this, uid, called](auto answer) {
      history().Remove(client_->account_, mailbox_, uid, Since(called, answer));
      Learn();
    });
  }

  void Transfer(uint32_t uid, bool move) {
    if (move) MayLeave(uid);
    copy_uid_.clear();
    const absl::Duration called = Now();
    Command(absl::StrCat("UID ", move ? "MOVE " : "COPY ", uid, " Archive"), During::kOther,
            [this, uid, move, called](auto answer) {
              if (answer.has_value() && absl::StrContains(*answer, "[COPYUID ")) {
                copy_uid_ = *answer;
              }
              history().Transfer(client_->account_, uid, move, Since(called, answer),
                                 IsOk(answer) ? std::optional(Became()) : std::nullopt);
              Learn();
            });
  }

  // "[COPYUID validity source destination]"; zero without it.
  uint32_t Became() {
    const size_t at = copy_uid_.find("[COPYUID ");
    if (at == std::string::npos) return 0;
    const std::vector<std::string> words = absl::StrSplit(copy_uid_.substr(at), ' ');
    uint32_t uid = 0;
    if (words.size() < 4) return 0;
    (void)absl::SimpleAtoi(words[3].substr(0, words[3].find(']')), &uid);
    return uid;
  }

  void MayLeave(uint32_t uid) {
    if (mailbox_ == "INBOX") client_->oracles_.mail.OnMayLeave(client_->account_, uid);
  }

  void Append() {
    const std::string octets = absl::StrCat("Subject: appended ", ++client_->appended_, " by ",
                                            client_->number_, "\r\n\r\nA draft.\r\n");
    client_->oracles_.mail.OnAppend(client_->account_, octets);
    continue_ = [this, octets] { connection_->Send(absl::StrCat(octets, "\r\n")); };
    const MessageFlags flags = world().Chance(30) ? kSeen : 0;
    const absl::Duration called = Now();
    Command(
        absl::StrCat("APPEND INBOX ", flags == kSeen ? "(\\Seen) " : "", "{", octets.size(), "}"),
        During::kOther, [this, octets, flags, called](auto answer) {
          continue_ = nullptr;
          history().Append(client_->account_, octets, flags, Since(called, answer));
          Learn();
        });
  }

  void LogOut() {
    Command("LOGOUT", During::kOther, [this](auto) { End(); });
  }

  ImapClient* client_;
  net::Connection* connection_ = nullptr;
  ImapView view_;
  ResponseReader reader_;
  std::string mailbox_;
  During during_ = During::kOther;
  uint64_t tag_ = 0;
  int steps_ = 0;
  bool opened_ = false;
  bool greeted_ = false;
  bool ended_ = false;
  Done done_;
  std::function<void()> next_;
  std::function<void()> continue_;
  std::string copy_uid_;
  std::set<std::string> names_;  // by LIST
};

ImapClient::ImapClient(World& world, Oracles& oracles, DialImap dial, int number, AccountId account)
    : world_(world),
      oracles_(oracles),
      dial_(std::move(dial)),
      number_(number),
      account_(account) {}

ImapClient::~ImapClient() {
  if (session_ != nullptr) session_->Forget();
}

void ImapClient::Start() { Ended(); }

void ImapClient::Connect() {
  if (finishing_) return;
  session_ = std::make_shared<Session>(*this);
  if (!dial_(session_)) return Ended();
  // Whoever is dialled may be gone before it answers.
  world_.At(kPatience, [this, weak = std::weak_ptr<Session>(session_)] {
    const auto hanging = weak.lock();
    if (hanging == nullptr || hanging->opened() || hanging != session_) return;
    hanging->Forget();
    Ended();
  });
}

void ImapClient::Ended() {
  session_ = nullptr;
  world_.At(world_.UpTo(kAway), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) Connect();
  });
}

}  // namespace packetboat::sim
