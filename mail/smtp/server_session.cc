#include "mail/smtp/server_session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace packetboat::smtp {
namespace {

// No input is behind it.
constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

bool HasControlCharacter(absl::string_view line) {
  return std::any_of(line.begin(), line.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet < 0x20 && c != '\t') || octet == 0x7f;
  });
}

Reply FaultReply(BodyFault fault) {
  switch (fault) {
    case BodyFault::kBareNewline:
      return {550, "5.6.11", "Message contains a bare CR or LF; lines have to end in CRLF"};
    case BodyFault::kNul:
      return {550, "5.6.0", "Message contains a NUL octet"};
    case BodyFault::kTooLarge:
      return {552, "5.3.4", "Message too big"};
    case BodyFault::kHeaderTooLarge:
      return {554, "5.6.0", "Message header too big"};
    case BodyFault::kTooManyReceived:
      return {554, "5.4.6", "Too many hops, this looks like a mail loop"};
    case BodyFault::kNone:
      break;
  }
  return {};
}

bool Contains(const std::vector<net::IpNetwork>& networks, const net::IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const net::IpNetwork& one) { return one.Contains(address); });
}

}  // namespace

absl::string_view CloseReasonName(CloseReason reason) {
  switch (reason) {
    case CloseReason::kQuit:
      return "quit";
    case CloseReason::kRefused:
      return "refused";
    case CloseReason::kTimeout:
      return "timeout";
    case CloseReason::kTooManyErrors:
      return "too many errors";
    case CloseReason::kTooManyTransactions:
      return "too many transactions";
    case CloseReason::kSynchronization:
      return "protocol synchronization";
    case CloseReason::kBareNewline:
      return "bare newline";
    case CloseReason::kForeignProtocol:
      return "foreign protocol";
    case CloseReason::kTooMuchData:
      return "too much data";
    case CloseReason::kDraining:
      return "draining";
    case CloseReason::kPeerClosed:
      return "peer closed";
  }
  return "unknown";
}

ServerSession::ServerSession(std::shared_ptr<const ServerConfig> config, std::string session_id,
                             const net::Endpoint& peer, const net::Endpoint& local)
    : config_(std::move(config)),
      limits_(config_->limits),
      may_xclient_(Contains(config_->xclient_from, peer.address)) {
  facts_.session_id = std::move(session_id);
  facts_.peer = peer;
  facts_.local = local;
}

// --- What happens to the session.

void ServerSession::Start(absl::Time now) {
  now_ = waiting_since_ = now;
  if (config_->BeginsWithTls()) {
    state_ = State::kHandshake;
    return;
  }
  Greet();
  Pump();
}

void ServerSession::Feed(absl::string_view octets, absl::Time now) {
  now_ = now;
  if (closed() || octets.empty()) return;
  if (state_ == State::kHandshake) {
    // Plain text behind STARTTLS (RFC 3207 s4.2, and every attack by injection): the handshake that
    // was asked for must not take place.
    if (!greeted_) return CloseNow(CloseReason::kSynchronization);
    std::erase_if(actions_, [](const Action& a) { return std::holds_alternative<StartTls>(a); });
    return CloseWith({554, "5.5.0", "Octets behind STARTTLS"}, CloseReason::kSynchronization);
  }
  if (!greeted_) facts_.talked_early = true;
  input_.append(octets.data(), octets.size());
  Pump();
}

void ServerSession::Answer(QueryId id, const Verdict& verdict, absl::Time now) {
  now_ = now;
  if (!open_query_.has_value() || open_query_->id != id) return;
  backlogged_ = InputIsFull();
  const Query query = std::move(open_query_->query);
  open_query_.reset();
  waiting_since_ = now;
  std::visit([&](const auto& kind) { Resolve(kind, verdict); }, query);
  Pump();
}

void ServerSession::OnTlsEstablished(const net::TlsInfo& info, absl::Time now) {
  now_ = waiting_since_ = now;
  if (state_ != State::kHandshake) return;
  // RFC 3207 s4.2: both sides forget what was said before.
  facts_.tls = info;
  facts_.hello_name.clear();
  facts_.extended = false;
  state_ = greeted_ ? State::kGreeted : State::kConnecting;
  if (!greeted_) Greet();
  Pump();
}

void ServerSession::OnWritten(uint64_t total_octets, absl::Time now) {
  now_ = now;
  if (closed()) return;
  written_ = std::max(written_, std::min(total_octets, sent_));
  for (UnconfirmedReply& reply : unconfirmed_) {
    if (reply.end_in_output > written_) break;
    if (reply.input_at_writing.has_value()) continue;
    const bool backlogged = reply.backlogged || InputIsFull();
    reply.input_at_writing = backlogged ? kNever : consumed_ + Unread().size();
  }
  Pump();
}

void ServerSession::OnBodyTaken(uint64_t total_octets, absl::Time now) {
  now_ = now;
  const bool waited = WaitsForShell();
  body_taken_ = std::max(body_taken_, std::min(total_octets, body_given_));
  if (closed()) return;
  if (waited && !WaitsForShell()) waiting_since_ = now;
  Pump();
}

void ServerSession::OnTimer(absl::Time now) {
  now_ = now;
  if (now < next_deadline()) return;
  if (state_ == State::kHandshake) return CloseNow(CloseReason::kTimeout);
  CloseWith(Unavailable("4.4.2", "timeout exceeded"), CloseReason::kTimeout);
}

void ServerSession::OnPeerClosed() {
  if (!closed()) CloseNow(CloseReason::kPeerClosed);
}

void ServerSession::Drain(absl::Time now) {
  now_ = now;
  EndBetweenTransactions(Unavailable("4.3.2", "service is being shut down"),
                         CloseReason::kDraining);
}

void ServerSession::EndForErrors(absl::Time now) {
  now_ = now;
  EndBetweenTransactions(Unavailable("4.7.0", "too many errors from your address"),
                         CloseReason::kTooManyErrors);
}

void ServerSession::EndBetweenTransactions(Reply reply, CloseReason reason) {
  if (closed() || ending_.has_value()) return;
  ending_.emplace(std::move(reply), reason);
  Pump();
}

std::vector<Action> ServerSession::TakeActions() { return std::exchange(actions_, {}); }

// --- What the shell asks.

bool ServerSession::wants_input() const {
  if (closed() || state_ == State::kHandshake) return false;
  return CanProceed() || !InputIsFull();
}

absl::Time ServerSession::next_deadline() const {
  if (closed() || WaitsForShell()) return absl::InfiniteFuture();
  if (state_ == State::kHandshake) return waiting_since_ + limits_.tls_handshake_timeout;
  if (state_ == State::kData) return waiting_since_ + limits_.data_block_timeout;
  return waiting_since_ + limits_.command_timeout;
}

bool ServerSession::WaitsForShell() const {
  return open_query_.has_value() || body_given_ - body_taken_ >= limits_.max_untaken_body_bytes;
}

// --- Input.

absl::string_view ServerSession::Unread() const {
  return absl::string_view(input_).substr(input_pos_);
}

bool ServerSession::InputIsFull() const {
  return Unread().size() >= limits_.max_buffered_input_bytes;
}

void ServerSession::Discard(size_t octets) {
  input_pos_ += octets;
  consumed_ += octets;
  searched_ = 0;
}

bool ServerSession::CanProceed() const {
  if (closed() || state_ == State::kHandshake || state_ == State::kConnecting) return false;
  return !WaitsForShell() && sent_ - written_ < limits_.max_unwritten_bytes;
}

bool ServerSession::BetweenTransactions() const {
  return state_ == State::kGreeted || state_ == State::kReady || state_ == State::kTurnedAway;
}

// Carries out what has arrived, as far as it is complete and nothing has to be waited for.
void ServerSession::Pump() {
  bool progress = true;
  while (progress && CanProceed()) {
    if (ending_.has_value() && BetweenTransactions()) {
      return CloseWith(ending_->first, ending_->second);
    }
    progress = state_ != State::kData ? ReadLine()
               : chunk_.has_value()   ? ReadChunk()
                                      : ReadContent();
  }
  input_.erase(0, input_pos_);
  input_pos_ = 0;
}

size_t ServerSession::LineLimit(absl::string_view line) const {
  const bool auth =
      state_ == State::kAuth || (OffersAuth() && absl::StartsWithIgnoreCase(line, "AUTH "));
  return auth ? limits_.max_auth_line_bytes : limits_.max_command_line_bytes;
}

bool ServerSession::ReadLine() {
  if (skipping_line_) return SkipOverlongLine();
  const absl::string_view rest = Unread();
  const size_t line_feed = rest.find('\n', searched_);
  const bool complete = line_feed != absl::string_view::npos;
  const size_t size = complete ? line_feed + 1 : rest.size();
  if (size > LineLimit(rest)) {
    skipping_line_ = true;
    return true;
  }
  searched_ = rest.size();
  if (complete) ConsumeLine(rest.substr(0, size));
  return complete;
}

bool ServerSession::SkipOverlongLine() {
  const absl::string_view rest = Unread();
  const size_t line_feed = rest.find('\n');
  if (line_feed == absl::string_view::npos) {
    // A CR at the end stays: it tells whether the LF that follows is bare.
    Discard(rest.size() - (absl::EndsWith(rest, "\r") ? 1 : 0));
    return false;
  }
  const bool bare = line_feed == 0 || rest[line_feed - 1] != '\r';
  Discard(line_feed + 1);
  skipping_line_ = false;
  waiting_since_ = now_;
  if (bare && config_->bare_newline == BareNewline::kReject) {
    CloseForBareLf();
  } else if (state_ == State::kAuth) {
    state_ = State::kReady;
    RefuseCommand({500, "5.5.6", "Authentication exchange line is too long"});  // RFC 4954 s6
  } else {
    RefuseCommand({500, "5.5.2", "Line too long"});
  }
  return true;
}

void ServerSession::ConsumeLine(absl::string_view line) {
  NoteProof(consumed_);
  const std::string copy(line);  // what is carried out may end the session and drop the input
  Discard(line.size());
  waiting_since_ = now_;
  absl::string_view text = copy;
  if (!absl::ConsumeSuffix(&text, "\r\n")) {
    if (config_->bare_newline == BareNewline::kReject) return CloseForBareLf();
    absl::ConsumeSuffix(&text, "\n");
  }
  if (state_ == State::kAuth) return HandleAuthResponse(text);
  if (HasControlCharacter(text)) {
    return RefuseCommand({500, "5.5.2", "Control character in command line"});
  }
  Dispatch(SplitCommandLine(text));
}

// Whoever takes a bare LF for a line end, or does not, sees other commands than the other does.
void ServerSession::CloseForBareLf() {
  CloseWith({554, "5.5.2", "Bare LF received; lines have to end in CRLF"},
            CloseReason::kBareNewline);
}

// Twice the limit, because stuffed dots come on top of what counts, and then what is borne of a
// refused message.
uint64_t ServerSession::MaxContentOctets() const {
  return 2 * limits_.max_message_bytes + limits_.max_discarded_bytes;
}

bool ServerSession::ReadContent() {
  const absl::string_view octets = Unread();
  if (octets.empty()) return false;
  ConsumeContent(octets.substr(0, MaxContentOctets() - content_octets_));
  if (reader_->done()) {
    EndMessage();
  } else if (content_octets_ >= MaxContentOctets()) {
    CloseWith(FaultReply(BodyFault::kTooLarge), CloseReason::kTooMuchData);
  }
  return true;
}

bool ServerSession::ReadChunk() {
  if (chunk_->remaining == 0) {
    EndChunk();
    return true;
  }
  const absl::string_view octets = Unread().substr(0, chunk_->remaining);
  if (octets.empty()) return false;
  size_t consumed = octets.size();
  if (chunk_->refusal.has_value()) {
    NoteProof(consumed_);
    Discard(consumed);
    CountProgress(consumed);
  } else {
    consumed = ConsumeContent(octets);
  }
  chunk_->remaining -= consumed;
  return true;
}

// Gives what the reader lets through to the shell, no more at a time than the shell may owe.
size_t ServerSession::ConsumeContent(absl::string_view octets) {
  NoteProof(consumed_);
  octets = octets.substr(0, limits_.max_untaken_body_bytes - (body_given_ - body_taken_));
  std::string content;
  content.reserve(octets.size());
  const size_t consumed = reader_->Consume(octets, &content);
  Discard(consumed);
  content_octets_ += consumed;
  CountProgress(consumed);
  if (reader_->fault() != BodyFault::kNone) {
    AbortOpenBody(FaultReply(reader_->fault()));
  } else {
    GiveBody(std::move(content));
  }
  return consumed;
}

void ServerSession::GiveBody(std::string content) {
  if (content.empty()) return;
  body_given_ += content.size();
  if (auto* chunk = actions_.empty() ? nullptr : std::get_if<BodyChunk>(&actions_.back())) {
    chunk->octets += content;
  } else {
    actions_.push_back(BodyChunk{std::move(content)});
  }
}

// Single octets do not hold off the deadline: a whole block has to come within it.
void ServerSession::CountProgress(size_t octets) {
  block_octets_ += octets;
  if (block_octets_ < limits_.data_block_bytes) return;
  block_octets_ = 0;
  waiting_since_ = now_;
}

void ServerSession::EndChunk() {
  const Chunk chunk = *std::exchange(chunk_, std::nullopt);
  waiting_since_ = now_;
  if (chunk.refusal.has_value()) {
    state_ = chunk.resume;
    return RefuseCommand(*chunk.refusal);
  }
  if (chunk.last) {
    std::string content;
    reader_->Finish(&content);
    if (reader_->fault() == BodyFault::kNone) GiveBody(std::move(content));
    return EndMessage();
  }
  if (const BodyFault fault = reader_->fault(); fault != BodyFault::kNone) {
    ResetTransaction();
    return RefuseCommand(FaultReply(fault));
  }
  state_ = State::kChunking;
  SendReply({250, "2.0.0", absl::StrCat(chunk.octets, " octets received")});
}

void ServerSession::EndMessage() {
  waiting_since_ = now_;
  if (reader_->fault() != BodyFault::kNone) return FailMessage(FaultReply(reader_->fault()));
  body_open_ = false;  // from here on the shell decides what becomes of it
  AskFor(MessageQuery{reader_->facts()});
}

// Input from `input_offset` on is at hand: which replies does that show to have been read? All that
// stand before one that is, for they are read in order.
void ServerSession::NoteProof(uint64_t input_offset) {
  size_t proven = 0;
  for (size_t i = 0; i < unconfirmed_.size(); ++i) {
    if (unconfirmed_[i].input_at_writing.value_or(kNever) <= input_offset) proven = i + 1;
  }
  for (; proven > 0; --proven) {
    actions_.push_back(ReplyConfirmed{std::move(unconfirmed_.front().transaction_id)});
    unconfirmed_.pop_front();
  }
}

// --- Output.

// RFC 5321 s4.2.3: a 421 names the host.
Reply ServerSession::Unavailable(absl::string_view enhanced, absl::string_view why) const {
  return {421, std::string(enhanced), absl::StrCat(config_->hostname, " ", why)};
}

void ServerSession::AskFor(Query query) {
  open_query_ = OpenQuery{QueryId(++last_query_id_), std::move(query)};
  actions_.push_back(Ask{open_query_->id, open_query_->query});
}

void ServerSession::SendReply(const Reply& reply) {
  const bool utf8 = transaction_.parameters.smtputf8;
  SendOctets(FormatReply(reply, utf8 ? ReplyCharset::kUtf8 : ReplyCharset::kAscii));
  if (reply.closes()) CloseNow(CloseReason::kRefused);
}

// Replies to one group of commands go out together (RFC 2920 s3.2).
void ServerSession::SendOctets(std::string octets) {
  sent_ += octets.size();
  if (auto* send = actions_.empty() ? nullptr : std::get_if<Send>(&actions_.back())) {
    send->octets += octets;
  } else {
    actions_.push_back(Send{std::move(octets)});
  }
}

bool ServerSession::TooManyErrors() {
  ++total_errors_;
  if (++errors_ <= limits_.max_errors) return false;
  CloseWith(Unavailable("4.7.0", "too many errors"), CloseReason::kTooManyErrors);
  return true;
}

// Our own 4xx are no error of the client's.
void ServerSession::RefuseCommand(const Reply& reply) {
  if (reply.code >= 500 && TooManyErrors()) return;
  SendReply(reply);
}

void ServerSession::CloseWith(const Reply& reply, CloseReason reason) {
  if (reply.negative()) AbortOpenBody(reply);
  AbandonBody();
  if (reply.code >= 500) ++total_errors_;
  SendOctets(FormatReply(reply));
  CloseNow(reason);
}

void ServerSession::CloseNow(CloseReason reason) {
  AbortOpenBody({421, "4.4.2", "Connection closed"});
  open_query_.reset();
  chunk_.reset();
  state_ = State::kClosed;
  input_.clear();
  input_pos_ = 0;
  actions_.push_back(Close{reason});
}

// The client has begun a message and does something else.
void ServerSession::AbandonBody() {
  AbortOpenBody({503, "5.5.1", "Message abandoned by the client"});
}

void ServerSession::AbortOpenBody(const Reply& reply) {
  if (!std::exchange(body_open_, false)) return;
  body_taken_ = body_given_;
  actions_.push_back(AbortBody{reply});
}

}  // namespace packetboat::smtp
