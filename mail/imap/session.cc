#include "mail/imap/session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "mail/imap/command.h"
#include "mail/imap/command_table.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/context.h"
#include "mail/imap/parser.h"

namespace packetboat::imap {
namespace {

// Calls the Execute() that fits the arguments.
struct Dispatch {
  Context& context;

  Task<Reply> operator()(const auto& arguments) const { return Execute(context, arguments); }
  // APPEND runs while it is read.
  Task<Reply> operator()(const Append&) const { co_return Bad("Unknown command"); }
};

SessionAction MakeAction(SessionAction::Kind kind) {
  SessionAction action;
  action.kind = kind;
  return action;
}

}  // namespace

class ServerSession::Impl {
 public:
  Impl(Backend* backend, SessionOptions options, absl::string_view peer, bool tls, absl::Time now,
       std::function<void()> on_actions)
      : context_(backend, std::move(options), peer, tls, std::move(on_actions)) {
    context_.now = now;
    last_command_ = last_written_ = started_ = now;
  }

  void Start();
  void StartAuthenticated(std::unique_ptr<Account> account, absl::string_view user,
                          absl::string_view tag);
  void Feed(absl::string_view bytes, absl::Time now);
  void OnEndOfInput(absl::Time now);
  void OnTlsEstablished(absl::Time now);
  void OnWritten(size_t octets, absl::Time now);
  void OnTimer(absl::Time now);
  std::vector<SessionAction> TakeActions();
  bool wants_input() const;
  absl::Time next_deadline() const;
  bool closed() const;
  void Shutdown();
  const std::string& user() const { return context_.user; }

 private:
  // The whole session: command after command.
  Task<> Run();
  Task<> OnEvent(const FragmentEvent& event);
  Task<> OnCommand();
  Task<> OnMessage(bool synchronizing);
  void OnDiscarded(const FragmentEvent& event);
  // What the command table says against the command; nothing if it may run.
  std::optional<Reply> Refusal(const CommandSpec* spec) const;
  // The updates that the table allows behind a command, or none.
  Task<> Update(const CommandSpec& spec, Reply* reply);
  void Finish(absl::string_view tag, const Reply& reply);
  // Ends a session that waits for octets that will never come.
  void EndAfterInput();
  // Ends a session that waits for its client.
  void EndNow(absl::string_view text);
  void Poke(absl::Time now);

  absl::Time login_deadline() const;
  absl::Time autologout_deadline() const;
  absl::Time write_deadline() const;

  Context context_;
  std::optional<Task<>> run_;
  bool in_command_ = false;
  bool ending_taken_ = false;
  bool input_ended_ = false;
  size_t bad_commands_ = 0;

  absl::Time started_;
  absl::Time last_command_;
  absl::Time last_written_;
};

// --- The chain of commands ----------------------------------------------------------------------

Task<> ServerSession::Impl::Run() {
  while (context_.ending == Ending::kNone) {
    if (context_.shutting_down) {
      context_.SendBye("Server is shutting down");
      break;
    }
    if (!context_.HasRoom()) co_await context_.WaitForRoom();
    const FragmentEvent event = co_await context_.NextEvent();
    in_command_ = true;
    co_await OnEvent(event);
    in_command_ = false;
  }
}

Task<> ServerSession::Impl::OnEvent(const FragmentEvent& event) {
  switch (event.kind) {
    case FragmentEvent::Kind::kCommand:
      co_await OnCommand();
      break;
    case FragmentEvent::Kind::kLiteral:
      if (event.message) {
        co_await OnMessage(event.synchronizing);
      } else {
        context_.fragmenter.AcceptLiteral();
        context_.Send("+ OK\r\n");
      }
      break;
    case FragmentEvent::Kind::kDiscarded:
      OnDiscarded(event);
      break;
    case FragmentEvent::Kind::kFatal:
      context_.SendBye("Literal too large");
      break;
    case FragmentEvent::Kind::kNeedInput:
    case FragmentEvent::Kind::kMessageChunk:
    case FragmentEvent::Kind::kLine:
      break;  // only inside the commands that ask for them
  }
}

std::optional<Reply> ServerSession::Impl::Refusal(const CommandSpec* spec) const {
  if (spec == nullptr) return Bad("Unknown command");
  if (!spec->AllowedIn(context_.state())) {
    return Bad(absl::StrCat("Command not allowed ", SessionStateName(context_.state())));
  }
  if (spec->Has(CommandSpec::kBeforeTls) && (context_.tls || !context_.options.starttls)) {
    return Bad(context_.tls ? "TLS is active already" : "TLS is not available");
  }
  if (spec->Has(CommandSpec::kSecret) && !context_.tls && !context_.options.allow_plaintext_login) {
    return No("PRIVACYREQUIRED", "Start TLS first");
  }
  if (spec->Has(CommandSpec::kWrites) && context_.selection->read_only) {
    return No("Mailbox is read-only");
  }
  return std::nullopt;
}

Task<> ServerSession::Impl::OnCommand() {
  const auto parsed = ParseCommand(context_.fragmenter.fragments(), context_.syntax_limits());
  last_command_ = context_.now;
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    Finish(error->tag, Bad(error->text));
    co_return;
  }
  const Command& command = std::get<Command>(parsed);
  const CommandSpec* const spec = FindCommand(CommandName(command.arguments));
  const std::optional<Reply> refusal = Refusal(spec);
  if (refusal.has_value()) {
    Finish(command.tag, *refusal);
    co_return;
  }
  // Octets behind such a command were sent to be taken for what the client says afterwards, under
  // TLS; closing without a handshake is the only safe answer (SEMANTICS s7).
  if (spec->Has(CommandSpec::kEndsPipeline) && !context_.unread().empty()) {
    context_.SendBye(absl::StrCat("Data behind ", spec->name));
    co_return;
  }
  Reply reply = co_await std::visit(Dispatch{context_}, command.arguments);
  co_await Update(*spec, &reply);
  Finish(command.tag, reply);
}

// A message of APPEND is announced.
Task<> ServerSession::Impl::OnMessage(bool synchronizing) {
  last_command_ = context_.now;
  const auto parsed = ParseCommand(context_.fragmenter.fragments(), context_.syntax_limits());
  const std::string tag = context_.fragmenter.tag();
  const CommandSpec* const spec = FindCommand("APPEND");
  std::optional<Reply> reply = Refusal(spec);
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) reply = Bad(error->text);
  if (reply.has_value()) {
    const bool skipped = co_await SkipMessage(context_);
    if (!skipped) reply = std::nullopt;
  } else {
    const auto& append = std::get<Append>(std::get<Command>(parsed).arguments);
    reply = co_await Execute(context_, append, synchronizing);
  }
  if (!reply.has_value()) {
    const FragmentEvent end = *std::exchange(context_.held_event, std::nullopt);
    co_await OnEvent(end);
    co_return;
  }
  co_await Update(*spec, &*reply);
  Finish(tag, *reply);
}

void ServerSession::Impl::OnDiscarded(const FragmentEvent& event) {
  Reply reply = Bad(FragmentErrorText(event.error));
  if (event.error == FragmentError::kMessageTooLarge) reply = No("TOOBIG", "Message is too large");
  Finish(context_.fragmenter.tag(), reply);
}

Task<> ServerSession::Impl::Update(const CommandSpec& spec, Reply* reply) {
  if (context_.selection == nullptr || spec.Has(CommandSpec::kNoUpdates)) co_return;
  if (context_.ending != Ending::kNone || reply->kind == Reply::Kind::kBad) co_return;
  const bool fresh = spec.Has(CommandSpec::kFresh);
  const absl::Status status =
      co_await context_.Synchronize(fresh ? Freshness::kBarrier : Freshness::kLocal);
  if (absl::IsNotFound(status)) {
    context_.SendMailboxGone();
    co_return;
  }
  if (!status.ok()) {
    if (fresh) *reply = NoBecause(status);
    co_return;
  }
  const bool expunged = co_await context_.SendUpdates(!spec.Has(CommandSpec::kKeepsNumbers),
                                                      spec.Has(CommandSpec::kUid));
  if (expunged && context_.qresync && spec.Has(CommandSpec::kTellsModSeq) &&
      reply->kind == Reply::Kind::kOk) {
    reply->code = HighestModSeqCode(context_.selection->view.told());
  }
}

void ServerSession::Impl::Finish(absl::string_view tag, const Reply& reply) {
  if (context_.ending == Ending::kRelay) {
    context_.relay.tag = std::string(tag);
    return;
  }
  if (context_.ending == Ending::kAbort) return;
  context_.SendTagged(tag, reply);
  bad_commands_ = reply.kind == Reply::Kind::kBad ? bad_commands_ + 1 : 0;
  if (bad_commands_ > context_.options.limits.max_bad_commands) {
    context_.SendBye("Too many bad commands");
  }
}

// --- What happens to the session ----------------------------------------------------------------

void ServerSession::Impl::Start() {
  const std::string& name = context_.options.server_name;
  context_.SendUntagged(absl::StrCat("OK [CAPABILITY ", context_.Capabilities(), "] ", name,
                                     name.empty() ? "" : " ", "IMAP4rev1 ready"));
  run_.emplace(Run());
}

void ServerSession::Impl::StartAuthenticated(std::unique_ptr<Account> account,
                                             absl::string_view user, absl::string_view tag) {
  context_.Enter(std::move(account), user);
  context_.SendTagged(tag, Ok(absl::StrCat("CAPABILITY ", context_.Capabilities()), "Logged in"));
  run_.emplace(Run());
}

void ServerSession::Impl::Poke(absl::Time now) {
  context_.now = now;
  context_.gate.Poke();
  if (std::exchange(context_.client_active, false)) last_command_ = now;
}

void ServerSession::Impl::Feed(absl::string_view bytes, absl::Time now) {
  if (closed()) return;
  if (context_.ending == Ending::kStartTls && !bytes.empty()) {
    context_.SendBye("Data behind STARTTLS");
    ending_taken_ = false;
    return;
  }
  if (context_.input_taken > context_.input.size() / 2) {
    context_.input.erase(0, std::exchange(context_.input_taken, 0));
  }
  context_.input.append(bytes.data(), bytes.size());
  Poke(now);
}

void ServerSession::Impl::OnEndOfInput(absl::Time now) {
  context_.now = now;
  input_ended_ = true;
}

void ServerSession::Impl::EndAfterInput() {
  if (!input_ended_ || context_.ending != Ending::kNone || !context_.waiting_for_client) return;
  run_.reset();
  context_.gate = Gate();
  context_.ending = Ending::kAbort;
}

// All earlier state is forgotten (RFC 3501 s6.2.1); there was none before login but the time that
// login may take.
void ServerSession::Impl::OnTlsEstablished(absl::Time now) {
  if (context_.ending != Ending::kStartTls) return;
  context_.tls = true;
  context_.ending = Ending::kNone;
  ending_taken_ = false;
  context_.now = now;
  run_.emplace(Run());
}

void ServerSession::Impl::OnWritten(size_t octets, absl::Time now) {
  context_.in_flight -= std::min(octets, context_.in_flight);
  last_written_ = now;
  Poke(now);
}

void ServerSession::Impl::EndNow(absl::string_view text) {
  run_.reset();
  context_.gate = Gate();
  context_.SendBye(text);
}

void ServerSession::Impl::OnTimer(absl::Time now) {
  context_.now = now;
  if (closed()) return;
  if (now >= write_deadline()) {
    EndNow("");
    context_.output.clear();
    return;
  }
  if (now >= login_deadline()) return EndNow("Login took too long");
  if (now >= autologout_deadline()) return EndNow("Autologout; idle for too long");
  if (now >= context_.upload_deadline) return EndNow("The message comes too slowly");
  if (now >= context_.timer) {
    context_.timer = absl::InfiniteFuture();
    context_.timer_due = true;
    Poke(now);
  }
}

std::vector<SessionAction> ServerSession::Impl::TakeActions() {
  std::vector<SessionAction> actions;
  EndAfterInput();
  if (closed() && ending_taken_) return actions;
  if (!context_.output.empty()) {
    if (context_.in_flight == 0) last_written_ = context_.now;
    context_.in_flight += context_.output.size();
    actions.push_back(MakeAction(SessionAction::Kind::kSend));
    actions.back().bytes = std::exchange(context_.output, std::string());
  }
  if (context_.ending == Ending::kNone || std::exchange(ending_taken_, true)) return actions;
  switch (context_.ending) {
    case Ending::kStartTls:
      actions.push_back(MakeAction(SessionAction::Kind::kStartTls));
      break;
    case Ending::kRelay:
      context_.relay.bytes = std::string(context_.unread());
      actions.push_back(std::move(context_.relay));
      break;
    default:
      actions.push_back(MakeAction(SessionAction::Kind::kClose));
  }
  return actions;
}

bool ServerSession::Impl::wants_input() const {
  return context_.ending == Ending::kNone &&
         context_.unread().size() < context_.options.limits.max_pending_input_octets;
}

bool ServerSession::Impl::closed() const {
  return context_.ending == Ending::kClose || context_.ending == Ending::kAbort ||
         (context_.ending == Ending::kRelay && ending_taken_);
}

void ServerSession::Impl::Shutdown() {
  context_.shutting_down = true;
  if (closed()) return;
  if (!in_command_ && context_.fragmenter.between_commands()) {
    EndNow("Server is shutting down");
  } else {
    context_.gate.Poke();
  }
}

// --- Deadlines ----------------------------------------------------------------------------------

absl::Time ServerSession::Impl::login_deadline() const {
  if (context_.account != nullptr || context_.ending == Ending::kRelay)
    return absl::InfiniteFuture();
  return started_ + context_.options.limits.login_timeout;
}

absl::Time ServerSession::Impl::autologout_deadline() const {
  if (context_.account == nullptr || !context_.waiting_for_client) return absl::InfiniteFuture();
  return last_command_ + context_.options.limits.autologout;
}

absl::Time ServerSession::Impl::write_deadline() const {
  if (context_.in_flight == 0) return absl::InfiniteFuture();
  return last_written_ + context_.options.limits.write_timeout;
}

absl::Time ServerSession::Impl::next_deadline() const {
  if (closed()) return absl::InfiniteFuture();
  return std::min({login_deadline(), autologout_deadline(), write_deadline(),
                   context_.upload_deadline, context_.timer});
}

// --- ServerSession ------------------------------------------------------------------------------

ServerSession::ServerSession(Backend* backend, SessionOptions options, absl::string_view peer,
                             bool tls, absl::Time now, std::function<void()> on_actions)
    : impl_(std::make_unique<Impl>(backend, std::move(options), peer, tls, now,
                                   std::move(on_actions))) {}

ServerSession::~ServerSession() = default;

void ServerSession::Start() { impl_->Start(); }

void ServerSession::StartAuthenticated(std::unique_ptr<Account> account, absl::string_view user,
                                       absl::string_view tag) {
  impl_->StartAuthenticated(std::move(account), user, tag);
}

void ServerSession::Feed(absl::string_view bytes, absl::Time now) { impl_->Feed(bytes, now); }

void ServerSession::OnEndOfInput(absl::Time now) { impl_->OnEndOfInput(now); }

void ServerSession::OnTlsEstablished(absl::Time now) { impl_->OnTlsEstablished(now); }

void ServerSession::OnWritten(size_t octets, absl::Time now) { impl_->OnWritten(octets, now); }

void ServerSession::OnTimer(absl::Time now) { impl_->OnTimer(now); }

std::vector<SessionAction> ServerSession::TakeActions() { return impl_->TakeActions(); }

bool ServerSession::wants_input() const { return impl_->wants_input(); }

absl::Time ServerSession::next_deadline() const { return impl_->next_deadline(); }

bool ServerSession::closed() const { return impl_->closed(); }

void ServerSession::Shutdown() { impl_->Shutdown(); }

const std::string& ServerSession::user() const { return impl_->user(); }

}  // namespace packetboat::imap
