#include "mail/imap/dialog_target.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace packetboat::imap {
namespace {

constexpr absl::string_view kUser = "alice";
constexpr absl::string_view kPassword = "secret";

std::pair<std::string, std::string> SplitWord(absl::string_view text) {
  return absl::StrSplit(text, absl::MaxSplits(' ', 1));
}

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

// The members of the limits that dialogs set, by name.
size_t* FindLimit(SessionOptions* options, absl::string_view name) {
  SessionLimits& session = options->limits;
  SyntaxLimits& syntax = options->syntax;
  SyntaxLimits& login = options->login_syntax;
  const std::map<absl::string_view, size_t*> members = {
      {"max_bad_commands", &session.max_bad_commands},
      {"max_failed_logins", &session.max_failed_logins},
      {"max_pending_input_octets", &session.max_pending_input_octets},
      {"max_output_octets", &session.max_output_octets},
      {"max_mailbox_keywords", &session.max_mailbox_keywords},
      {"max_header_octets", &session.max_header_octets},
      {"max_sort_octets", &session.max_sort_octets},
      {"max_search_keys", &syntax.max_search_keys},
      {"max_line_octets", &syntax.max_line_octets},
      {"max_message_octets", &syntax.max_message_octets},
      {"append_interval_octets", &session.append_interval_octets},
      {"login_max_line_octets", &login.max_line_octets},
      {"login_max_literals", &login.max_literals},
      {"login_max_argument_literal_octets", &login.max_argument_literal_octets},
      {"login_max_skipped_octets", &login.max_skipped_octets},
      {"max_literals", &syntax.max_literals},
      {"max_argument_literal_octets", &syntax.max_argument_literal_octets},
      {"max_skipped_octets", &syntax.max_skipped_octets},
      {"max_continuation_line_octets", &syntax.max_continuation_line_octets},
      {"max_tag_octets", &syntax.max_tag_octets},
      {"max_mailbox_octets", &syntax.max_mailbox_octets},
      {"max_list_patterns", &syntax.max_list_patterns},
      {"max_keyword_octets", &syntax.max_keyword_octets},
      {"max_flags", &syntax.max_flags},
      {"max_sequence_ranges", &syntax.max_sequence_ranges},
      {"max_fetch_items", &syntax.max_fetch_items},
      {"max_header_fields", &syntax.max_header_fields},
      {"max_section_depth", &syntax.max_section_depth},
      {"max_search_depth", &syntax.max_search_depth},
      {"max_id_pairs", &syntax.max_id_pairs},
  };
  const auto found = members.find(name);
  return found == members.end() ? nullptr : found->second;
}

std::optional<ErrorCode> FindErrorCode(absl::string_view name) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kUseAttr); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (ErrorCodeName(code) == name) return code;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<mail_testing::Dialog> ParseImapDialog(absl::string_view name,
                                                     absl::string_view text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::string& line : lines) {
    if (absl::StartsWith(line, "S: *")) line.replace(0, 4, "S: \\*");
  }
  return mail_testing::ParseDialog(name, absl::StrJoin(lines, "\n"));
}

DialogTarget::DialogTarget(const mail_testing::Dialog& dialog, ReadMessage read_message)
    : read_message_(std::move(read_message)) {
  backend_.AddAccount(kUser, kPassword);
  backend_.AddAccount("bob", kPassword);
  options_.server_name = "test";
  for (const auto& [name, value] : dialog.settings) {
    if (setup_.ok()) setup_ = SetOption(name, value);
  }
  if (setup_.ok()) setup_ = Connect("1");
}

absl::Status DialogTarget::SetOption(absl::string_view name, absl::string_view value) {
  if (name == "login") {
    login_ = value != "no";
  } else if (name == "tls") {
    tls_ = value != "no";
  } else if (name == "limit") {
    return SetLimit(value);
  } else if (name == "literals") {
    options_.literal_minus = value == "minus";
  } else if (name == "quota") {
    uint64_t octets = 0;
    if (!absl::SimpleAtoi(value, &octets)) return Wrong("quota is a number");
    backend_.set_quota_octets(octets);
  } else {
    return Wrong(absl::StrCat("unknown setting ", name));
  }
  return absl::OkStatus();
}

absl::Status DialogTarget::SetLimit(absl::string_view text) {
  const auto [name, value] = SplitWord(text);
  size_t* const limit = FindLimit(&options_, name);
  if (limit == nullptr || !absl::SimpleAtoi(value, limit)) return Wrong("unknown limit");
  return absl::OkStatus();
}

absl::Status DialogTarget::Connect(absl::string_view name) {
  const auto [at, is_new] = connections_.try_emplace(std::string(name));
  current_ = &at->second;
  if (!is_new) return absl::OkStatus();
  Connection* const connection = current_;
  connection->session =
      std::make_unique<ServerSession>(&backend_, options_, "192.0.2.1", tls_, now_);
  connection->session->Start();
  TakeActions(connection);
  if (!login_) return absl::OkStatus();
  connection->session->Feed("login LOGIN alice secret\r\n", now_);
  TakeActions(connection);
  if (!absl::StrContains(connection->output, "login OK ")) {
    return absl::InternalError(absl::StrCat("cannot log in: ", connection->output));
  }
  connection->output.clear();
  return absl::OkStatus();
}

void DialogTarget::TakeActions(Connection* connection) {
  ServerSession& session = *connection->session;
  for (bool more = true; more;) {
    more = false;
    for (SessionAction& action : session.TakeActions()) {
      switch (action.kind) {
        case SessionAction::Kind::kSend:
          connection->output += action.bytes;
          session.OnWritten(action.bytes.size(), now_);
          more = true;
          break;
        case SessionAction::Kind::kStartTls:
          connection->tls_due = true;
          break;
        case SessionAction::Kind::kRelay:
          connection->relay = std::move(action);
          break;
        case SessionAction::Kind::kClose:
          connection->closed = true;
          break;
      }
    }
  }
}

void DialogTarget::TakeAllActions() {
  for (auto& [name, connection] : connections_) TakeActions(&connection);
}

absl::Status DialogTarget::Send(absl::string_view octets) {
  if (!setup_.ok()) return setup_;
  current_->session->Feed(octets, now_);
  TakeAllActions();
  return absl::OkStatus();
}

absl::StatusOr<std::string> DialogTarget::ReadLine() {
  if (!setup_.ok()) return setup_;
  const size_t end = current_->output.find("\r\n");
  if (end == std::string::npos) {
    return absl::FailedPreconditionError(absl::StrCat(
        "there is no line", current_->output.empty() ? "" : ", only \"", current_->output));
  }
  std::string line = current_->output.substr(0, end);
  current_->output.erase(0, end + 2);
  return line;
}

absl::Status DialogTarget::ExpectSilence() {
  if (current_->output.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the server said \"", current_->output, "\""));
}

absl::Status DialogTarget::ExpectClosed() {
  if (!current_->closed) return absl::FailedPreconditionError("the connection is open");
  return ExpectSilence();
}

absl::Status DialogTarget::ExpectMessage(absl::string_view) {
  return absl::UnimplementedError("messages are looked at with FETCH");
}

absl::Status DialogTarget::Deliver(absl::string_view text) {
  const auto [mailbox, name] = SplitWord(text);
  const std::string message = read_message_(name);
  if (message.empty()) return Wrong(absl::StrCat("no message ", name));
  backend_.Deliver(kUser, mailbox, message);
  return absl::OkStatus();
}

absl::Status DialogTarget::Fail(absl::string_view text) {
  const auto [code_name, message] = SplitWord(text);
  const std::optional<ErrorCode> code = FindErrorCode(code_name);
  if (!code.has_value()) return Wrong("unknown code");
  backend_.FailNext(MakeError(*code, message.empty() ? "As the test says" : message));
  return absl::OkStatus();
}

absl::Status DialogTarget::Complete(absl::string_view text) {
  size_t n = 0;
  if (text == "all") {
    backend_.CompleteAll();
    return absl::OkStatus();
  }
  if (!text.empty() && !absl::SimpleAtoi(text, &n)) return Wrong("complete takes a number");
  if (n >= backend_.pending()) return absl::FailedPreconditionError("no such call waits");
  backend_.Complete(n);
  return absl::OkStatus();
}

absl::Status DialogTarget::Advance(absl::string_view text) {
  absl::Duration by;
  if (!absl::ParseDuration(text, &by)) return Wrong("advance takes a duration");
  now_ += by;
  for (auto& [name, connection] : connections_) connection.session->OnTimer(now_);
  return absl::OkStatus();
}

absl::Status DialogTarget::EstablishTls() {
  if (!std::exchange(current_->tls_due, false)) {
    return absl::FailedPreconditionError("no handshake is due");
  }
  current_->session->OnTlsEstablished(now_);
  return absl::OkStatus();
}

absl::Status DialogTarget::ExpectRelay(absl::string_view text) {
  const std::string relayed = absl::StrCat(current_->relay.node, " ", current_->relay.tag);
  if (relayed == text) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("relayed to ", relayed));
}

absl::Status DialogTarget::Direct(absl::string_view word, absl::string_view text) {
  if (!setup_.ok()) return setup_;
  absl::Status status;
  if (word == "session") {
    status = Connect(text);
  } else if (word == "deliver") {
    status = Deliver(text);
  } else if (word == "forget") {
    backend_.ForgetExpunges(kUser, text);
  } else if (word == "tls") {
    status = EstablishTls();
  } else if (word == "advance") {
    status = Advance(text);
  } else if (word == "fail") {
    status = Fail(text);
  } else if (word == "deferred") {
    backend_.set_deferred(text == "on");
  } else if (word == "complete") {
    status = Complete(text);
  } else if (word == "relay") {
    backend_.SetRelay(kUser, text);
  } else if (word == "relayed") {
    status = ExpectRelay(text);
  } else if (word == "shutdown") {
    for (auto& [name, connection] : connections_) connection.session->Shutdown();
  } else if (word == "end") {
    current_->session->OnEndOfInput(now_);
  } else if (word == "silent") {
    status = ExpectSilence();
  } else {
    status = Wrong(absl::StrCat("unknown directive ", word));
  }
  TakeAllActions();
  return status;
}

std::string DialogTarget::TakeTrace() {
  std::string trace = std::exchange(current_->output, std::string());
  if (current_->closed) trace += "<closed>\n";
  if (current_->tls_due) trace += "<tls>\n";
  return trace;
}

}  // namespace packetboat::imap
