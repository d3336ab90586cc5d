#include "mail/smtp/dialog_engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace packetboat::smtp {
namespace {

using mail_testing::Dialog;

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

ServerConfig BaseConfig() {
  ServerConfig config;
  config.hostname = "mx.example.test";
  return config;
}

absl::Status BadSetting(absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat("bad setting ", name));
}

template <typename T>
bool SetFrom(const std::map<std::string, T>& values, const std::string& value, T* target) {
  const auto it = values.find(value);
  if (it != values.end()) *target = it->second;
  return it != values.end();
}

bool ApplySwitch(const std::string& name, const std::string& value, ServerConfig* config) {
  const std::map<std::string, bool*> switches = {
      {"implicit_tls", &config->implicit_tls},
      {"starttls", &config->starttls},
      {"require_auth", &config->require_auth},
      {"chunking", &config->chunking},
      {"forbid_early_pipelining", &config->forbid_early_pipelining},
      {"ask_connect", &config->ask_connect},
      {"ask_hello", &config->ask_hello},
      {"ask_data", &config->ask_data},
  };
  const auto it = switches.find(name);
  return it != switches.end() && SetFrom<bool>({{"on", true}, {"off", false}}, value, it->second);
}

template <typename Number>
bool ApplyNumber(const std::map<std::string, Number*>& limits, const std::string& name,
                 const std::string& value) {
  const auto it = limits.find(name);
  return it != limits.end() && absl::SimpleAtoi(value, it->second);
}

bool ApplyLimit(const std::string& name, const std::string& value, Limits* limits) {
  if (ApplyNumber<size_t>({{"max_command_line_bytes", &limits->max_command_line_bytes},
                           {"max_auth_line_bytes", &limits->max_auth_line_bytes},
                           {"data_block_bytes", &limits->data_block_bytes},
                           {"max_buffered_input_bytes", &limits->max_buffered_input_bytes},
                           {"max_unwritten_bytes", &limits->max_unwritten_bytes},
                           {"max_untaken_body_bytes", &limits->max_untaken_body_bytes},
                           {"max_message_bytes", &limits->max_message_bytes},
                           {"max_header_bytes", &limits->max_header_bytes},
                           {"max_discarded_bytes", &limits->max_discarded_bytes}},
                          name, value)) {
    return true;
  }
  return ApplyNumber<uint32_t>({{"max_received", &limits->max_received},
                                {"max_recipients", &limits->max_recipients},
                                {"max_transactions", &limits->max_transactions},
                                {"max_errors", &limits->max_errors},
                                {"max_junk_commands", &limits->max_junk_commands},
                                {"max_auth_failures", &limits->max_auth_failures}},
                               name, value);
}

absl::Status ApplySetting(const std::string& name, const std::string& value, ServerConfig* config) {
  static const std::map<std::string, Mode> kModes = {{"mx", Mode::kMx},
                                                     {"submission", Mode::kSubmission},
                                                     {"submissions", Mode::kSubmissions},
                                                     {"lmtp", Mode::kLmtp}};
  static const std::map<std::string, BareNewline> kBareNewlines = {
      {"reject", BareNewline::kReject}, {"normalize", BareNewline::kNormalize}};
  bool known = name == "flights";
  if (name == "mode") known = SetFrom(kModes, value, &config->mode);
  if (name == "bare_newline") known = SetFrom(kBareNewlines, value, &config->bare_newline);
  if (name == "auth") {
    config->auth_mechanisms = absl::StrSplit(value, ' ');
    known = true;
  }
  if (name == "xclient_from") {
    const absl::StatusOr<net::IpNetwork> network = net::IpNetwork::Parse(value);
    known = network.ok();
    if (known) config->xclient_from.push_back(*network);
  }
  known = known || ApplySwitch(name, value, config) || ApplyLimit(name, value, &config->limits);
  return known ? absl::OkStatus() : BadSetting(name);
}

// `550 5.1.1 text`.
Reply ParseReply(absl::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(text, absl::MaxSplits(' ', 2));
  Reply reply;
  if (words.size() == 3 && absl::SimpleAtoi(words[0], &reply.code)) {
    reply.enhanced = words[1];
    reply.text = words[2];
  }
  return reply;
}

Verdict ParseVerdict(absl::string_view text) {
  if (text == "ok") return Accept{};
  if (absl::ConsumePrefix(&text, "ok id=")) return Accept{{}, std::string(text)};
  if (absl::ConsumePrefix(&text, "ok ")) return Accept{ParseReply(text), ""};
  if (absl::ConsumePrefix(&text, "drop ")) return Disconnect{ParseReply(text)};
  if (text == "challenge") return Challenge{};
  if (absl::ConsumePrefix(&text, "challenge ")) return Challenge{std::string(text)};
  if (absl::ConsumePrefix(&text, "login ")) return Authenticated{std::string(text)};
  if (!absl::ConsumePrefix(&text, "each ")) return Refuse{ParseReply(text)};
  PerRecipient each;
  for (absl::string_view reply : absl::StrSplit(text, " | ")) {
    each.replies.push_back(ParseReply(reply));
  }
  return each;
}

// A query as the first word of `answer`, and what it asks about.
struct QueryText {
  std::string kind;
  std::string about;

  explicit QueryText(const Query& query) { std::visit(*this, query); }
  void operator()(const ConnectQuery&) { kind = "connect"; }
  void operator()(const HelloQuery& q) { Set("hello", q.name, q.extended ? " extended" : ""); }
  void operator()(const AuthQuery& q) {
    Set("auth", q.mechanism, q.first ? " first" : " next");
    absl::StrAppend(&about, " ", q.response.has_value() ? absl::CEscape(*q.response) : "none");
  }
  void operator()(const MailQuery& q) {
    Set("mail", q.reverse_path.ToString(), "");
    if (q.parameters.size.has_value()) absl::StrAppend(&about, " size=", *q.parameters.size);
    if (q.parameters.body == BodyType::k8BitMime) absl::StrAppend(&about, " 8bitmime");
    if (q.parameters.smtputf8) absl::StrAppend(&about, " smtputf8");
    if (q.parameters.auth.has_value()) absl::StrAppend(&about, " auth=", *q.parameters.auth);
  }
  void operator()(const RcptQuery& q) {
    Set("rcpt", q.forward_path.ToString(), absl::StrCat(" ", q.index));
  }
  void operator()(const DataQuery&) { kind = "data"; }
  void operator()(const MessageQuery& q) {
    Set("message", absl::StrCat(q.body.octets), absl::StrCat(" header=", q.body.header_octets));
    absl::StrAppend(&about, " received=", q.body.received_fields);
    if (q.body.header_8bit) absl::StrAppend(&about, " header-8bit");
    if (q.body.body_8bit) absl::StrAppend(&about, " body-8bit");
    if (q.body.normalized) absl::StrAppend(&about, " normalized");
  }
  void Set(absl::string_view k, absl::string_view a, absl::string_view b) {
    kind = std::string(k);
    about = absl::StrCat(" ", a, b);
  }
};

// What the answer to `ask connect` is to be found by.
std::string Describe(const SessionFacts& facts) {
  std::string text = absl::StrCat(" ", facts.peer.ToString());
  if (!facts.peer_name.empty()) absl::StrAppend(&text, " name=", facts.peer_name);
  if (facts.peer_name_deferred) absl::StrAppend(&text, " name-deferred");
  if (!facts.login.empty()) absl::StrAppend(&text, " login=", facts.login);
  return text;
}

net::Endpoint Peer() { return {*net::IpAddress::Parse("192.0.2.25"), 40000}; }

}  // namespace

absl::StatusOr<ServerConfig> DialogConfig(const Dialog& dialog) {
  ServerConfig config = BaseConfig();
  for (const auto& [name, value] : dialog.settings) {
    if (absl::Status status = ApplySetting(name, value, &config); !status.ok()) return status;
  }
  return config;
}

DialogEngine::DialogEngine(const ServerConfig& config, Cut cut)
    : cut_(std::move(cut)),
      session_(std::make_shared<const ServerConfig>(config), "S1", Peer(),
               {net::IpAddress::LoopbackV4(), 25}),
      now_(kStart) {}

// Late, so that verdicts about the connection can stand in the dialog.
void DialogEngine::Connect() {
  if (std::exchange(connected_, true)) return;
  session_.Start(now_);
  CarryOut();
  EndFlight();
}

absl::Status DialogEngine::Send(absl::string_view octets) {
  Connect();
  if (closed_) return absl::FailedPreconditionError("the server has closed");
  const std::vector<std::string> chunks =
      cut_ ? cut_(octets) : std::vector<std::string>{std::string(octets)};
  for (const std::string& chunk : chunks) {
    session_.Feed(chunk, now_);
    CarryOut();
  }
  EndFlight();
  return absl::OkStatus();
}

// What the server has said reaches the client, and no sooner: what the client sent in this flight
// it sent without having read it.
void DialogEngine::EndFlight() {
  if (start_tls_.has_value() && !closed_) Note("starttls");
  uint64_t written = 0;
  while (written != sent_) {
    written = sent_;
    session_.OnWritten(written, now_);
    CarryOut();
  }
}

void DialogEngine::CarryOut() {
  for (std::vector<Action> actions = session_.TakeActions(); !actions.empty();
       actions = session_.TakeActions()) {
    for (const Action& action : actions) {
      std::visit([this](const auto& a) { Perform(a); }, action);
    }
    session_.OnBodyTaken(body_octets_, now_);
  }
}

void DialogEngine::Perform(const smtp::Send& send) {
  output_ += send.octets;
  sent_ += send.octets.size();
  for (absl::string_view line : absl::StrSplit(send.octets, "\r\n", absl::SkipEmpty())) {
    absl::StrAppend(&trace_, "send ", absl::CEscape(line), "\n");
  }
}

void DialogEngine::Perform(const Ask& ask) {
  QueryText query(ask.query);
  if (query.kind == "connect") query.about = Describe(session_.facts());
  if (query.kind == "message") {
    NoteBody();
    message_ = std::exchange(body_, "");
  }
  Note(absl::StrCat("ask ", query.kind, query.about));
  std::deque<std::string>& verdicts = verdicts_[query.kind];
  std::string verdict = query.kind == "auth" ? "535 5.7.8 Refused" : "ok";
  if (!verdicts.empty()) {
    verdict = verdicts.front();
    verdicts.pop_front();
  }
  if (verdict == "hold") {
    held_[query.kind] = ask.id;
  } else {
    session_.Answer(ask.id, ParseVerdict(verdict), now_);
  }
}

void DialogEngine::Perform(const BeginBody&) {
  body_.clear();
  Note("begin-body");
}

void DialogEngine::Perform(const BodyChunk& chunk) {
  body_ += chunk.octets;
  body_octets_ += chunk.octets.size();
}

// What was given of a body before it was aborted depends on the cut, and on nothing else may.
void DialogEngine::Perform(const AbortBody& abort) {
  body_.clear();
  Note(absl::StrCat("abort-body ", abort.reply.code));
}

void DialogEngine::Perform(const StartTls& start) { start_tls_ = start; }

void DialogEngine::Perform(const ReplyConfirmed& confirmed) {
  Note(absl::StrCat("confirmed ", confirmed.transaction_id));
}

void DialogEngine::Perform(const Close& close) {
  closed_ = true;
  Note(absl::StrCat("close ", CloseReasonName(close.reason)));
}

void DialogEngine::Note(std::string event) {
  absl::StrAppend(&trace_, event, "\n");
  events_.push_back(std::move(event));
}

void DialogEngine::NoteBody() { absl::StrAppend(&trace_, "body ", absl::CEscape(body_), "\n"); }

absl::StatusOr<std::string> DialogEngine::ReadLine() {
  Connect();
  const size_t end = output_.find("\r\n");
  if (end == std::string::npos) {
    return absl::FailedPreconditionError(closed_ ? "the server has closed"
                                                 : "the server is silent");
  }
  std::string line = output_.substr(0, end);
  output_.erase(0, end + 2);
  return line;
}

absl::Status DialogEngine::ExpectClosed() {
  Connect();
  if (!output_.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("more was said: ", absl::CEscape(output_)));
  }
  return closed_ ? absl::OkStatus() : absl::FailedPreconditionError("the connection is open");
}

absl::Status DialogEngine::ExpectMessage(absl::string_view octets) {
  if (message_ == octets) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the message is ", absl::CEscape(message_)));
}

absl::Status DialogEngine::Direct(absl::string_view word, absl::string_view text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(' ', 1));
  if (word == "answer") {
    verdicts_[parts.first].push_back(parts.second);
    return absl::OkStatus();
  }
  Connect();
  if (word == "release") return Release(parts.first, parts.second);
  if (word == "expect") return ExpectEvent(text);
  if (word == "never") return NeverEvent(text);
  if (word == "wait") {
    absl::Duration duration;
    if (!absl::ParseDuration(text, &duration)) return absl::InvalidArgumentError("bad duration");
    now_ += duration;
    session_.OnTimer(now_);
  } else if (word == "tls") {
    if (start_tls_.has_value()) {
      output_ += start_tls_->reply;
      sent_ += start_tls_->reply.size();
      start_tls_.reset();
    }
    session_.OnTlsEstablished({"TLSv1.3", "TLS_AES_128_GCM_SHA256", "", {}, {}}, now_);
  } else if (word == "drain") {
    session_.Drain(now_);
  } else if (word == "hangup") {
    session_.OnPeerClosed();
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown directive ", word));
  }
  CarryOut();
  EndFlight();
  return absl::OkStatus();
}

absl::Status DialogEngine::Release(absl::string_view kind, absl::string_view verdict) {
  const auto held = held_.find(std::string(kind));
  if (held == held_.end()) return absl::FailedPreconditionError("no such query is held");
  session_.Answer(held->second, ParseVerdict(verdict), now_);
  held_.erase(held);
  CarryOut();
  EndFlight();
  return absl::OkStatus();
}

absl::Status DialogEngine::ExpectEvent(absl::string_view pattern) {
  for (size_t i = next_event_; i < events_.size(); ++i) {
    if (!mail_testing::MatchesDialogPattern(pattern, events_[i])) continue;
    next_event_ = i + 1;
    return absl::OkStatus();
  }
  std::string seen = "no such event; there were:";
  for (size_t i = next_event_; i < events_.size(); ++i) absl::StrAppend(&seen, "\n  ", events_[i]);
  return absl::FailedPreconditionError(seen);
}

absl::Status DialogEngine::NeverEvent(absl::string_view pattern) const {
  for (const std::string& event : events_) {
    if (mail_testing::MatchesDialogPattern(pattern, event)) {
      return absl::FailedPreconditionError(absl::StrCat("there was ", event));
    }
  }
  return absl::OkStatus();
}

std::string DialogEngine::Trace() const { return trace_; }

}  // namespace packetboat::smtp
