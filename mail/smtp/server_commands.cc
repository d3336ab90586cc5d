// The commands and verdicts of ServerSession: what each of them does once it may come.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mail/smtp/limits.h"
#include "mail/smtp/server_session.h"

namespace packetboat::smtp {
namespace {

const Reply kVerdictUnusable = {451, "4.3.0", "Temporary local problem, try again later"};

// A verdict, brought into one form.
struct Judgement {
  bool accepted = false;
  bool disconnect = false;
  Reply reply;
};

Judgement Judge(const Verdict& verdict, const Reply& on_accept) {
  if (const auto* accept = std::get_if<Accept>(&verdict)) {
    const Reply& reply = accept->reply.has_value() ? *accept->reply : on_accept;
    if (reply.positive()) return {true, false, reply};
  } else if (const auto* refuse = std::get_if<Refuse>(&verdict)) {
    if (refuse->reply.negative()) return {false, refuse->reply.closes(), refuse->reply};
  } else if (const auto* disconnect = std::get_if<Disconnect>(&verdict)) {
    if (disconnect->reply.negative()) return {false, true, disconnect->reply};
  }
  return {false, false, kVerdictUnusable};
}

}  // namespace

// --- Greeting and hello, RFC 5321 s3.1 and s4.1.1.1.

void ServerSession::Greet() {
  if (config_->ask_connect) return AskFor(ConnectQuery{});
  Resolve(ConnectQuery{}, Accept{});
}

void ServerSession::Resolve(const ConnectQuery&, const Verdict& verdict) {
  const absl::string_view protocol = config_->mode == Mode::kLmtp ? "LMTP" : "ESMTP";
  const Reply greeting = {220, "", absl::StrCat(config_->hostname, " ", protocol, " Packetboat")};
  const Judgement judgement = Judge(verdict, greeting);
  greeted_ = true;
  if (judgement.disconnect) return CloseWith(judgement.reply, CloseReason::kRefused);
  state_ = judgement.accepted ? State::kGreeted : State::kTurnedAway;
  SendReply(judgement.accepted ? greeting : judgement.reply);
}

void ServerSession::HandleHello(Verb verb, absl::string_view arguments) {
  Parsed<HelloCommand> parsed = ParseHello(arguments);
  if (const auto* error = std::get_if<Reply>(&parsed)) return RefuseCommand(*error);
  HelloQuery hello{std::get<HelloCommand>(std::move(parsed)).name, verb != Verb::kHelo};
  if (config_->ask_hello) return AskFor(std::move(hello));
  EnterSession(hello);
}

void ServerSession::Resolve(const HelloQuery& query, const Verdict& verdict) {
  const Judgement judgement = Judge(verdict, {250, "", ""});
  if (judgement.disconnect) return CloseWith(judgement.reply, CloseReason::kRefused);
  if (!judgement.accepted) return RefuseCommand(judgement.reply);
  EnterSession(query);
}

void ServerSession::EnterSession(const HelloQuery& hello) {
  ResetTransaction();  // RFC 5321 s4.1.4
  state_ = State::kReady;
  facts_.hello_name = hello.name;
  facts_.extended = hello.extended;
  SendReply({250, "", hello.extended ? EhloText() : config_->hostname});
}

bool ServerSession::OffersAuth() const {
  const bool submission = config_->mode == Mode::kSubmission || config_->mode == Mode::kSubmissions;
  return submission && facts_.tls.has_value() && !config_->auth_mechanisms.empty();
}

std::string ServerSession::EhloText() const {
  std::vector<std::string> lines = {
      config_->hostname, "PIPELINING", absl::StrCat("SIZE ", limits_.max_message_bytes),
      "8BITMIME",        "SMTPUTF8",   "ENHANCEDSTATUSCODES"};
  if (config_->chunking) lines.push_back("CHUNKING");
  lines.push_back(absl::StrCat("LIMITS RCPTMAX=", limits_.max_recipients,
                               " MAILMAX=", limits_.max_transactions));  // RFC 9422
  const bool starttls = config_->starttls && !config_->BeginsWithTls();
  if (starttls && !facts_.tls.has_value()) lines.push_back("STARTTLS");
  if (OffersAuth()) {
    lines.push_back(absl::StrCat("AUTH ", absl::StrJoin(config_->auth_mechanisms, " ")));
  }
  if (may_xclient_) lines.push_back(absl::StrCat("XCLIENT ", kXclientAttributes));
  return absl::StrJoin(lines, "\n");
}

// --- Every command.

void ServerSession::Dispatch(const CommandLine& line) {
  const CommandRule* rule = FindCommand(line.verb, config_->mode);
  if (rule == nullptr) {
    if (IsForeignProtocol(line.verb)) {
      return CloseWith({554, "5.5.1", "This is a mail service"}, CloseReason::kForeignProtocol);
    }
    if (line.verb.empty()) return RefuseCommand({500, "5.5.2", "Command expected"});
    return RefuseCommand({500, "5.5.1", "Command not recognized"});
  }
  if (rule->Has(kJunk) && ++junk_commands_ > limits_.max_junk_commands && TooManyErrors()) return;
  if (rule->verb == Verb::kMail && ++transactions_ > limits_.max_transactions) {
    return CloseWith(Unavailable("4.7.0", "too many transactions in this session"),
                     CloseReason::kTooManyTransactions);
  }
  if (rule->verb == Verb::kBdat) return HandleBdat(*rule, line.arguments);
  if (ViolatesSynchronization(*rule)) {
    return CloseWith({554, "5.5.0", absl::StrCat("Octets behind ", rule->name)},
                     CloseReason::kSynchronization);
  }
  if (const std::optional<Reply> refusal = CheckSequence(*rule)) return RefuseCommand(*refusal);
  if (rule->Has(kNoArguments) && !line.arguments.empty()) {
    return RefuseCommand({501, "5.5.4", absl::StrCat(rule->name, " takes no argument")});
  }
  Proceed(rule->verb, line.arguments);
}

bool ServerSession::ViolatesSynchronization(const CommandRule& rule) const {
  if (!rule.Has(kEndsGroup) || Unread().empty()) return false;
  return config_->forbid_early_pipelining || rule.verb == Verb::kStartTls;
}

// Why a command that is known may not come now; nothing if it may.
std::optional<Reply> ServerSession::CheckSequence(const CommandRule& rule) const {
  const bool tls = facts_.tls.has_value();
  const bool turned_away = state_ == State::kTurnedAway;
  if (config_->mode == Mode::kSubmission && !tls && !turned_away && !rule.Has(kBeforeTls)) {
    return Reply{530, "5.7.0", "Must issue a STARTTLS command first"};
  }
  if (rule.verb == Verb::kXclient && !may_xclient_ && !turned_away) {
    return Reply{550, "5.7.0", "Insufficient authorization"};
  }
  if (!turned_away && !IsOffered(rule)) return Reply{502, "5.5.1", "Command not implemented"};
  if (rule.verb == Verb::kStartTls && tls) return Reply{503, "5.5.1", "TLS already active"};
  const bool content = rule.verb == Verb::kData || rule.verb == Verb::kBdat;
  if (content && state_ == State::kMail && transaction_.refused_recipients > 0) {
    return Reply{554, "5.5.1", "No valid recipients"};  // RFC 5321 s3.3
  }
  if (!rule.AllowedIn(state_)) {
    return Reply{503, "5.5.1", std::string(OutOfSequenceText(rule.verb, state_))};
  }
  if (rule.verb == Verb::kAuth && !facts_.login.empty()) {
    return Reply{503, "5.5.1", "Already authenticated"};
  }
  if (rule.verb == Verb::kMail && NeedsLogin()) {
    return Reply{530, "5.7.0", "Authentication required"};
  }
  return std::nullopt;
}

bool ServerSession::NeedsLogin() const {
  const bool submission = config_->mode == Mode::kSubmission || config_->mode == Mode::kSubmissions;
  return submission && config_->require_auth && facts_.login.empty();
}

bool ServerSession::IsOffered(const CommandRule& rule) const {
  if (rule.Has(kNotImplemented)) return false;
  switch (rule.verb) {
    case Verb::kStartTls:
      return config_->starttls && !config_->BeginsWithTls();
    case Verb::kXclient:
      return may_xclient_;
    case Verb::kAuth:
      return OffersAuth();
    case Verb::kBdat:
      return config_->chunking;
    default:
      return true;
  }
}

void ServerSession::Proceed(Verb verb, absl::string_view arguments) {
  switch (verb) {
    case Verb::kEhlo:
    case Verb::kHelo:
    case Verb::kLhlo:
      return HandleHello(verb, arguments);
    case Verb::kStartTls:
      return HandleStartTls();
    case Verb::kXclient:
      return HandleXclient(arguments);
    case Verb::kAuth:
      return HandleAuth(arguments);
    case Verb::kMail:
      return HandleMail(arguments);
    case Verb::kRcpt:
      return HandleRcpt(arguments);
    case Verb::kData:
      return AskForRoom();
    case Verb::kRset:
      ResetTransaction();
      return SendReply({250, "2.0.0", "Ok"});
    case Verb::kNoop:
      return SendReply({250, "2.0.0", "Ok"});
    case Verb::kVrfy:
      return HandleVrfy(arguments);
    case Verb::kHelp:
      return HandleHelp();
    case Verb::kQuit:
      return CloseWith({221, "2.0.0", absl::StrCat(config_->hostname, " closing connection")},
                       CloseReason::kQuit);
    case Verb::kBdat:
    case Verb::kExpn:
    case Verb::kObsolete:
      break;  // Dispatch and CheckSequence have dealt with them
  }
}

// RFC 5321 s3.5.3: what is not verified is neither confirmed nor denied.
void ServerSession::HandleVrfy(absl::string_view arguments) {
  if (arguments.empty()) return RefuseCommand({501, "5.5.4", "Syntax: VRFY address"});
  SendReply({252, "2.0.0", "Cannot VRFY user, but will accept message and attempt delivery"});
}

void ServerSession::HandleHelp() {
  std::vector<absl::string_view> names;
  for (const CommandRule& rule : CommandRules()) {
    if (rule.KnownTo(config_->mode) && IsOffered(rule)) names.push_back(rule.name);
  }
  SendReply({214, "2.0.0", absl::StrCat("Commands: ", absl::StrJoin(names, " "))});
}

// --- STARTTLS, RFC 3207.

void ServerSession::HandleStartTls() {
  std::string reply = FormatReply({220, "2.0.0", "Ready to start TLS"});
  sent_ += reply.size();
  actions_.push_back(StartTls{std::move(reply)});
  state_ = State::kHandshake;
}

// --- XCLIENT. The session begins anew with its 220: whatever judges a connection judges the client
// that was named. What HELO and PROTO say holds until the proxy says its own hello.

void ServerSession::HandleXclient(absl::string_view arguments) {
  Parsed<XclientCommand> parsed = ParseXclient(arguments);
  if (const auto* error = std::get_if<Reply>(&parsed)) return RefuseCommand(*error);
  XclientCommand& said = std::get<XclientCommand>(parsed);
  if (said.name.has_value()) {
    facts_.peer_name = *std::move(said.name);
    facts_.peer_name_deferred = said.name_deferred;
  }
  if (said.address.has_value()) facts_.peer.address = *said.address;
  if (said.port.has_value()) facts_.peer.port = *said.port;
  if (said.local_address.has_value()) facts_.local.address = *said.local_address;
  if (said.local_port.has_value()) facts_.local.port = *said.local_port;
  if (said.login.has_value()) facts_.login = *std::move(said.login);
  facts_.hello_name = std::move(said.hello_name).value_or("");
  facts_.extended = said.extended.value_or(false);
  ResetTransaction();
  state_ = State::kConnecting;
  Greet();
}

// --- AUTH, RFC 4954.

void ServerSession::HandleAuth(absl::string_view arguments) {
  Parsed<AuthCommand> parsed = ParseAuth(arguments);
  if (const auto* error = std::get_if<Reply>(&parsed)) return RefuseCommand(*error);
  AuthCommand command = std::get<AuthCommand>(std::move(parsed));
  const std::vector<std::string>& offered = config_->auth_mechanisms;
  if (std::find(offered.begin(), offered.end(), command.mechanism) == offered.end()) {
    return RefuseCommand({504, "5.5.4", "Authentication mechanism not supported"});
  }
  auth_mechanism_ = command.mechanism;
  AskFor(AuthQuery{auth_mechanism_, true, std::move(command.initial_response)});
}

void ServerSession::HandleAuthResponse(absl::string_view line) {
  state_ = State::kReady;
  if (line == "*") return RefuseCommand({501, "5.7.0", "Authentication cancelled"});
  std::optional<std::string> response = DecodeBase64(line);
  if (!response.has_value()) return RefuseCommand({501, "5.5.2", "Bad base64"});
  AskFor(AuthQuery{auth_mechanism_, false, std::move(response)});
}

void ServerSession::Resolve(const AuthQuery&, const Verdict& verdict) {
  if (const auto* challenge = std::get_if<Challenge>(&verdict)) {
    state_ = State::kAuth;
    return SendReply({334, "", absl::Base64Escape(challenge->octets)});
  }
  if (const auto* authenticated = std::get_if<Authenticated>(&verdict)) {
    facts_.login = authenticated->login;
    facts_.auth_mechanism = auth_mechanism_;
    return SendReply({235, "2.7.0", "Authentication successful"});
  }
  Judgement judgement = Judge(verdict, kVerdictUnusable);
  if (judgement.disconnect) return CloseWith(judgement.reply, CloseReason::kRefused);
  if (judgement.reply.code >= 500 && ++auth_failures_ > limits_.max_auth_failures) {
    return CloseWith(Unavailable("4.7.0", "too many failed authentications"),
                     CloseReason::kTooManyErrors);
  }
  RefuseCommand(judgement.reply);
}

// --- MAIL and RCPT, RFC 5321 s4.1.1.2 and s4.1.1.3.

void ServerSession::HandleMail(absl::string_view arguments) {
  Parsed<MailCommand> parsed = ParseMail(arguments, OffersAuth());
  if (const auto* error = std::get_if<Reply>(&parsed)) return RefuseCommand(*error);
  MailCommand command = std::get<MailCommand>(std::move(parsed));
  if (command.parameters.size.value_or(0) > limits_.max_message_bytes) {
    return RefuseCommand({552, "5.3.4", "Message size exceeds the limit"});  // RFC 1870 s6.1
  }
  AskFor(MailQuery{std::move(command.reverse_path), std::move(command.parameters)});
}

void ServerSession::Resolve(const MailQuery& query, const Verdict& verdict) {
  const Judgement judgement = Judge(verdict, {250, "2.1.0", "Ok"});
  if (judgement.disconnect) return CloseWith(judgement.reply, CloseReason::kRefused);
  if (!judgement.accepted) return RefuseCommand(judgement.reply);
  transaction_ = Transaction{};
  transaction_.id = std::get<Accept>(verdict).transaction_id;
  ++last_transaction_;
  if (transaction_.id.empty()) {
    transaction_.id = absl::StrCat(facts_.session_id, ".", last_transaction_);
  }
  transaction_.reverse_path = query.reverse_path;
  transaction_.parameters = query.parameters;
  state_ = State::kMail;
  SendReply(judgement.reply);
}

void ServerSession::HandleRcpt(absl::string_view arguments) {
  Parsed<RcptCommand> parsed = ParseRcpt(arguments, transaction_.parameters.smtputf8);
  if (const auto* error = std::get_if<Reply>(&parsed)) {
    ++transaction_.refused_recipients;
    return RefuseCommand(*error);
  }
  if (transaction_.recipients.size() >= limits_.max_recipients) {
    return RefuseCommand({452, "4.5.3", "Too many recipients"});  // RFC 5321 s4.5.3.1.10
  }
  AskFor(RcptQuery{std::get<RcptCommand>(std::move(parsed)).forward_path,
                   transaction_.recipients.size()});
}

void ServerSession::Resolve(const RcptQuery& query, const Verdict& verdict) {
  const Judgement judgement = Judge(verdict, {250, "2.1.5", "Ok"});
  if (judgement.disconnect) return CloseWith(judgement.reply, CloseReason::kRefused);
  if (!judgement.accepted) {
    ++transaction_.refused_recipients;
    return RefuseCommand(judgement.reply);
  }
  transaction_.recipients.push_back(query.forward_path);
  state_ = State::kRcpt;
  SendReply(judgement.reply);
}

// --- DATA and BDAT, RFC 5321 s4.1.1.4 and RFC 3030.

void ServerSession::AskForRoom() {
  if (config_->ask_data) return AskFor(DataQuery{});
  Resolve(DataQuery{}, Accept{});
}

void ServerSession::Resolve(const DataQuery&, const Verdict& verdict) {
  const Judgement judgement = Judge(verdict, {250, "", ""});
  if (judgement.disconnect) return CloseWith(judgement.reply, CloseReason::kRefused);
  if (chunk_.has_value()) {
    if (!judgement.accepted) chunk_->refusal = judgement.reply;
    if (judgement.accepted) BeginContent(Framing::kCounted);
    state_ = State::kData;
    return;
  }
  if (!judgement.accepted) return RefuseCommand(judgement.reply);
  SendReply({354, "", "End data with <CR><LF>.<CR><LF>"});
  BeginContent(Framing::kDot);
}

void ServerSession::BeginContent(Framing framing) {
  reader_.emplace(
      framing, config_->bare_newline,
      BodyLimits{limits_.max_message_bytes, limits_.max_header_bytes, limits_.max_received});
  body_open_ = true;
  content_octets_ = 0;
  block_octets_ = 0;
  actions_.push_back(BeginBody{});
  state_ = State::kData;
}

void ServerSession::HandleBdat(const CommandRule& rule, absl::string_view arguments) {
  Parsed<BdatCommand> parsed = ParseBdat(arguments);
  if (const auto* error = std::get_if<Reply>(&parsed)) {
    // Where the next command begins is unknown.
    return CloseWith(*error, CloseReason::kSynchronization);
  }
  const BdatCommand command = std::get<BdatCommand>(parsed);
  if (command.octets > MaxContentOctets() - content_octets_) {
    return CloseWith({552, "5.3.4", "Chunk too big"}, CloseReason::kTooMuchData);
  }
  const bool first = state_ == State::kRcpt;
  chunk_ = Chunk{command.octets, command.octets, command.last, state_, CheckSequence(rule)};
  block_octets_ = 0;
  if (!chunk_->refusal.has_value() && first) return AskForRoom();
  state_ = State::kData;
}

void ServerSession::Resolve(const MessageQuery&, const Verdict& verdict) {
  const std::vector<Reply> replies = MessageReplies(verdict);
  const bool accepted = std::any_of(replies.begin(), replies.end(),
                                    [](const Reply& reply) { return reply.positive(); });
  std::string octets;
  for (const Reply& reply : replies) octets += FormatReply(reply);
  SendOctets(std::move(octets));
  if (accepted) {
    errors_ = 0;
    junk_commands_ = 0;
    if (unconfirmed_.size() == kMaxUnconfirmedReplies) unconfirmed_.pop_front();
    unconfirmed_.push_back({transaction_.id, sent_, backlogged_, std::nullopt});
  }
  body_taken_ = body_given_;
  ResetTransaction();
  const bool disconnect = std::holds_alternative<Disconnect>(verdict);
  if (disconnect || replies.front().closes()) return CloseNow(CloseReason::kRefused);
  if (!accepted && replies.front().code >= 500) TooManyErrors();
}

// One reply, or in LMTP one for each recipient (RFC 2033 s4.2).
std::vector<Reply> ServerSession::MessageReplies(const Verdict& verdict) const {
  const bool lmtp = config_->mode == Mode::kLmtp;
  const size_t count = lmtp ? transaction_.recipients.size() : 1;
  const auto* each = std::get_if<PerRecipient>(&verdict);
  if (each != nullptr && lmtp && each->replies.size() == count &&
      std::none_of(each->replies.begin(), each->replies.end(),
                   [](const Reply& reply) { return reply.intermediate(); })) {
    return each->replies;
  }
  const Reply queued = {250, "2.0.0", absl::StrCat("Ok: queued as ", transaction_.id)};
  return std::vector<Reply>(count, Judge(verdict, queued).reply);
}

// The whole message is refused for what it is.
void ServerSession::FailMessage(const Reply& reply) {
  AbortOpenBody(reply);
  const size_t count = config_->mode == Mode::kLmtp ? transaction_.recipients.size() : 1;
  ResetTransaction();
  if (TooManyErrors()) return;
  for (size_t i = 0; i < count; ++i) SendReply(reply);
}

void ServerSession::ResetTransaction() {
  AbandonBody();
  transaction_ = Transaction{};
  reader_.reset();
  chunk_.reset();
  content_octets_ = 0;
  if (state_ != State::kGreeted) state_ = State::kReady;
}

}  // namespace packetboat::smtp
