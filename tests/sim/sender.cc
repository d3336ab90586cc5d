#include "tests/sim/sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace packetboat::sim {

// One connection, from the greeting to its end.
class Sender::Try : public net::ConnectionHandler {
 public:
  // `cut_after`: so many lines are said before the connection is cut; none: never.
  Try(Sender& sender, int cut_after) : sender_(&sender), cut_after_(cut_after) {}

  // The sender has gone.
  void Forget() { sender_ = nullptr; }

  bool opened() const { return opened_; }

  void OnOpen(net::Connection& connection) override {
    opened_ = true;
    connection_ = &connection;
    if (sender_ == nullptr) return End();
    lines_.push_back("EHLO sender.test");
    lines_.push_back(absl::StrCat("MAIL FROM:", sender_->reverse_path_));
    for (const AccountId account : sender_->accounts_) {
      lines_.push_back(absl::StrCat("RCPT TO:<", Users::Address(account), ">"));
    }
    lines_.push_back("DATA");
    connection.SetDeadline(connection.loop().Now() + sender_->pace_.patience);
  }

  void OnData(absl::string_view octets) override {
    if (sender_ == nullptr) return;
    input_.append(octets.data(), octets.size());
    for (size_t end; (end = input_.find("\r\n")) != std::string::npos;) {
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 2);
      // All but the last line of a reply have a hyphen behind the code.
      if (line.size() > 3 && line[3] == '-') continue;
      OnReply(line);
      if (sender_ == nullptr || done_) return;
    }
  }

  void OnTimer() override { connection_->Abort(absl::DeadlineExceededError("no reply")); }

  void OnClosed(const absl::Status&) override {
    connection_ = nullptr;
    if (sender_ != nullptr) std::exchange(sender_, nullptr)->Ended(end_);
  }

 private:
  void OnReply(const std::string& line) {
    connection_->SetDeadline(connection_->loop().Now() + sender_->pace_.patience);
    sender_->world_.Note(absl::StrCat("sender ", sender_->number_, " reads ", line));
    if (body_sent_) return OnFinalReply(line);
    if (line.empty() || (line[0] != '2' && line[0] != '3')) return End();
    if (next_ == lines_.size()) return SendBody();
    Say(lines_[next_++]);
  }

  void OnFinalReply(const std::string& line) {
    if (end_ == Sender::End::kAccepted) {
      if (absl::StartsWith(line, "221")) end_ = Sender::End::kClean;
      return End();
    }
    if (!absl::StartsWith(line, "250")) return End();
    end_ = Sender::End::kAccepted;
    sender_->world_.Note(absl::StrCat("message ", sender_->message_, " accepted"));
    sender_->oracles_.OnAccepted(sender_->message_, sender_->world_.Now());
    // Some end the session in order, which shows that they have read the 250; others just go.
    if (sender_->world_.Chance(80)) return Say("QUIT");
    End();
  }

  void SendBody() {
    sender_->oracles_.mail.OnEndOfData(sender_->message_, sender_->world_.Now());
    body_sent_ = true;
    connection_->Send(sender_->octets_ + ".\r\n");
    // Before the reply can be read: sometimes at once, sometimes while it is on its way.
    if (cut_after_ == static_cast<int>(lines_.size())) CutSoon();
  }

  void Say(const std::string& line) {
    if (cut_after_-- == 0) return CutSoon();
    connection_->Send(line + "\r\n");
  }

  void CutSoon() {
    const absl::Duration delay = sender_->world_.UpTo(absl::Milliseconds(30));
    connection_->SetDeadline(connection_->loop().Now() + delay);
    cut_after_ = 0;
  }

  void End() {
    done_ = true;
    connection_->Abort(absl::CancelledError("done"));
  }

  Sender* sender_;
  int cut_after_;
  net::Connection* connection_ = nullptr;
  std::string input_;
  std::vector<std::string> lines_;
  size_t next_ = 0;
  bool opened_ = false;
  bool body_sent_ = false;
  Sender::End end_ = Sender::End::kUnknown;
  bool done_ = false;
};

Sender::Sender(World& world, Oracles& oracles, const Users& users, DialMx dial, int number,
               Pace pace)
    : world_(world),
      oracles_(oracles),
      users_(users),
      dial_(std::move(dial)),
      number_(number),
      pace_(pace) {}

Sender::~Sender() {
  if (try_ != nullptr) try_->Forget();
}

void Sender::Start() { Later(pace_.pause, &Sender::Compose); }

void Sender::Later(absl::Duration delay, void (Sender::*what)()) {
  world_.At(world_.UpTo(delay), [this, what, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) (this->*what)();
  });
}

void Sender::Compose() {
  if (finishing_) return;
  accounts_.clear();
  const int recipients = world_.Chance(70) ? 1 : 2;
  for (int i = 0; i < recipients; ++i) {
    const AccountId account(static_cast<uint64_t>(world_.Pick(users_.count())) + 1);
    if (std::find(accounts_.begin(), accounts_.end(), account) == accounts_.end()) {
      accounts_.push_back(account);
    }
  }
  reverse_path_ = absl::StrCat("<sender", number_, "@far.test>");
  // Mostly small; some go as chunks.
  size_t lines = 1 + static_cast<size_t>(world_.Pick(20));
  if (world_.Chance(4)) lines = 1000 + static_cast<size_t>(world_.Pick(16000));
  octets_ = absl::StrCat("Subject: ", oracles_.mail.composed() + 1, "\r\nFrom: <sender", number_,
                         "@far.test>\r\n\r\n");
  for (size_t i = 0; i < lines; ++i) {
    absl::StrAppend(&octets_, "Line ", i, " of message ", oracles_.mail.composed() + 1,
                    ", which has nothing more to say.\r\n");
  }
  message_ = oracles_.mail.Compose(reverse_path_, accounts_, octets_);
  tries_ = 0;
  TryAgain();
}

void Sender::TryAgain() {
  ++tries_;
  const int lines = static_cast<int>(accounts_.size()) + 3;
  const int cut_after = world_.Chance(world_.faults().cut_percent) ? world_.Pick(lines + 1) : -1;
  try_ = std::make_shared<Try>(*this, cut_after);
  if (!dial_(try_)) return Ended(End::kUnknown);
  // Whoever is dialled may be gone before it answers.
  world_.At(pace_.patience, [this, weak = std::weak_ptr<Try>(try_)] {
    const auto hanging = weak.lock();
    if (hanging == nullptr || hanging->opened() || hanging != try_) return;
    hanging->Forget();
    Ended(End::kUnknown);
  });
}

void Sender::Ended(End end) {
  try_ = nullptr;
  if (end == End::kUnknown) return Later(pace_.retry, &Sender::TryAgain);
  if (end == End::kClean && !finishing_ && world_.Chance(pace_.anew_percent)) {
    oracles_.mail.SendAnew(message_);
    world_.Note(absl::StrCat("message ", message_, " is sent anew"));
    return TryAgain();
  }
  message_ = 0;
  if (!finishing_) Later(pace_.pause, &Sender::Compose);
}

}  // namespace packetboat::sim
