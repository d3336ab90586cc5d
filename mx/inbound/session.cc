#include "mx/inbound/session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "mail/address/normalize.h"
#include "mail/smtp/status_reply.h"
#include "mail/smtp/trace.h"

namespace packetboat::mx {
namespace {

constexpr size_t kIdCharacters = 13;

// Letters and digits that cannot be taken for one another (as Crockford's base 32), 65 bits of
// chance.
std::string NewId(Random& random) {
  constexpr absl::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string id;
  for (size_t i = 0; i < kIdCharacters; ++i) id.push_back(kAlphabet[random.Below(32)]);
  return id;
}

smtp::Refuse NoSuchUser() {
  return {{.code = 550, .enhanced = "5.1.1", .text = "No such user here"}};
}

smtp::Refuse RelayDenied() {
  return {{.code = 550, .enhanced = "5.7.1", .text = "Relay access denied"}};
}

smtp::Refuse AliasLoop() {
  return {{.code = 550, .enhanced = "5.4.6", .text = "The address leads back to itself"}};
}

smtp::Refuse MailboxUnavailable() {
  return {{.code = 451, .enhanced = "4.3.0", .text = "The mailbox cannot be reached just now"}};
}

smtp::Refuse OverQuota() {
  return {{.code = 452, .enhanced = "4.2.2", .text = "The mailbox is full"}};
}

smtp::Refuse NoRoom() {
  return {{.code = 452, .enhanced = "4.3.1", .text = "Too much mail in flight, try again later"}};
}

}  // namespace

smtp::Reply RefusalOf(Admittance admittance, const std::string& hostname) {
  const auto refusal = [&](const char* enhanced, absl::string_view why) {
    return smtp::Reply{421, enhanced, absl::StrCat(hostname, " ", why)};
  };
  switch (admittance) {
    case Admittance::kTooManyOfAddress:
      return refusal("4.7.0", "too many connections from your address");
    case Admittance::kTooOftenFromAddress:
      return refusal("4.7.0", "your address connects too often");
    case Admittance::kTooManyErrorsOfAddress:
      return refusal("4.7.0", "too many errors from your address");
    case Admittance::kTooMany:
    case Admittance::kAdmitted:  // asked about refusals alone
      break;
  }
  return refusal("4.3.2", "too many connections, try again later");
}

InboundSession::InboundSession(std::shared_ptr<const InboundContext> context,
                               InboundSessions sessions, ClientLimits::Ticket place)
    : context_(std::move(context)), sessions_(std::move(sessions)), place_(std::move(place)) {}

void InboundSession::OnOpen(net::Connection& connection) {
  connection_ = &connection;
  client_ = connection.peer().address;
  draining_ = sessions_.draining->Enter(connection.loop(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Drain();
  });
  dropping_ = sessions_.dropping->Enter(connection.loop(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Drop();
  });
  const std::string id = NewId(*context_->random);
  log_ = log::Logger().With({{"session", id}, {"peer", connection.peer().ToString()}});
  smtp_.emplace(context_->smtp, id, connection.peer(), connection.local());
  context_->metrics->SessionBegan();
  smtp_->Start(Now());
  Run();
}

void InboundSession::OnData(absl::string_view octets) {
  smtp_->Feed(octets, Now());
  Run();
}

void InboundSession::OnWritten(uint64_t total) {
  smtp_->OnWritten(total, Now());
  Run();
}

void InboundSession::OnTlsEstablished(const net::TlsInfo& info) {
  smtp_->OnTlsEstablished(info, Now());
  Run();
}

void InboundSession::OnTimer() {
  smtp_->OnTimer(Now());
  Run();
}

bool InboundSession::OnEndOfStream() {
  input_ended_ = true;
  Run();
  return true;
}

void InboundSession::OnClosed(const absl::Status& why) {
  if (connection_ == nullptr) return;
  if (!smtp_->closed()) {
    smtp_->OnPeerClosed();
    Run();
    log_.Debug("connection ended", {{"status", why}});
  }
  context_->metrics->SessionEnded(end_reason_);
  connection_ = nullptr;
  *abandoned_ = true;
  message_.reset();
  draining_ = {};
  dropping_ = {};
  place_ = {};
}

void InboundSession::Drain() {
  if (connection_ == nullptr) return;
  smtp_->Drain(Now());
  Run();
}

void InboundSession::Drop() {
  if (connection_ != nullptr) connection_->Abort(absl::CancelledError("shutting down"));
}

absl::Time InboundSession::Now() const { return connection_->loop().Now(); }

void InboundSession::Run() {
  // An answer that is found at once comes back here.
  if (running_) return;
  running_ = true;
  DoActions();
  CountErrors();
  if (input_ended_ && !smtp_->closed() && HasAnsweredAll()) {
    smtp_->OnPeerClosed();
    DoActions();
  }
  running_ = false;
  if (smtp_->closed()) return;
  smtp_->wants_input() ? connection_->ResumeReading() : connection_->PauseReading();
  connection_->SetDeadline(smtp_->next_deadline());
}

// All sessions of an address together have a bound; the one that passes it ends.
void InboundSession::CountErrors() {
  const uint64_t errors = smtp_->total_errors();
  if (errors == errors_) return;
  const uint64_t more = errors - std::exchange(errors_, errors);
  if (place_.CountErrors(more, context_->clock->Monotonic())) return;
  smtp_->EndForErrors(Now());
  DoActions();
}

// Nothing that the client has sent waits for us: no question is open, and no reply stands in the
// way of the next command.
bool InboundSession::HasAnsweredAll() const {
  return smtp_->next_deadline() != absl::InfiniteFuture() && connection_->unsent_bytes() == 0;
}

// --- Actions.

void InboundSession::DoActions() {
  for (;;) {
    std::vector<smtp::Action> actions = smtp_->TakeActions();
    if (actions.empty()) return;
    for (smtp::Action& action : actions) {
      std::visit([this](auto& one) { Do(std::move(one)); }, action);
    }
  }
}

void InboundSession::Do(smtp::Send action) {
  if (!smtp_->closed() || let_go_.empty()) return connection_->Send(std::move(action.octets));
  farewell_ += action.octets;
}

void InboundSession::Do(smtp::Ask action) {
  std::visit([this, id = action.id](const auto& query) { Find(id, query); }, action.query);
}

void InboundSession::Do(smtp::BeginBody) {
  message_ = std::make_unique<InboundMessage>(context_->buffer, *context_->budget);
}

void InboundSession::Do(smtp::BodyChunk action) {
  message_->Append(action.octets);
  body_taken_ += action.octets.size();
  smtp_->OnBodyTaken(body_taken_, Now());
}

void InboundSession::Do(smtp::AbortBody action) {
  message_.reset();
  context_->metrics->Message(action.reply.code >= 500 ? MessageResult::kRefused
                                                      : MessageResult::kDeferred);
  log_.Info("message refused", {{"id", smtp_->transaction().id},
                                {"code", action.reply.code},
                                {"enhanced", action.reply.enhanced},
                                {"reason", action.reply.text}});
}

void InboundSession::Do(smtp::StartTls action) {
  connection_->Send(std::move(action.reply));
  connection_->StartTlsServer(context_->tls);
}

void InboundSession::Do(smtp::ReplyConfirmed action) {
  const auto found = std::find_if(answered_.begin(), answered_.end(), [&](const Answered& one) {
    return one.transaction_id == action.transaction_id;
  });
  if (found == answered_.end()) return;
  for (CopyKey& key : found->keys) {
    let_go_.push_back(key.key);
    if (let_go_.size() > kAwaitedKeys) let_go_.pop_front();
    context_->stores->ForgetKey(key.shard, key.account, std::move(key.key));
  }
  answered_.erase(found);
}

void InboundSession::Do(smtp::Close action) {
  end_reason_ = smtp::CloseReasonName(action.reason);
  log_.Info("session ended", {{"reason", smtp::CloseReasonName(action.reason)},
                              {"helo", smtp_->facts().hello_name}});
  if (let_go_.empty()) return connection_->Close();
  context_->stores->AwaitForgotten({let_go_.begin(), let_go_.end()},
                                   [self = shared_from_this(), loop = &connection_->loop()] {
                                     loop->Post([self] { self->SayFarewell(); });
                                   });
}

void InboundSession::SayFarewell() {
  if (connection_ == nullptr) return;
  if (!farewell_.empty()) connection_->Send(std::move(farewell_));
  connection_->Close();
}

// --- Questions.

void InboundSession::Find(smtp::QueryId id, const smtp::ConnectQuery&) {
  // Before the first greeting: the connection itself, which has its place already.
  if (!std::exchange(connection_judged_, true)) return Answer(id, smtp::Accept{});
  const smtp::SessionFacts& facts = smtp_->facts();
  log_.Info("client named by proxy",
            {{"client", facts.peer.ToString()},
             {"name", facts.peer_name_deferred ? "[TEMPUNAVAIL]" : facts.peer_name},
             {"helo", facts.hello_name},
             {"login", facts.login}});
  const Admittance admittance = TakePlaceOf(facts.peer.address);
  if (admittance == Admittance::kAdmitted) return Answer(id, smtp::Accept{});
  context_->metrics->Refused(admittance);
  Answer(id, smtp::Disconnect{RefusalOf(admittance, smtp_->config().hostname)});
}

// Of clients that are not known the proxy itself keeps the place.
Admittance InboundSession::TakePlaceOf(const net::IpAddress& client) {
  if (client == client_ || client.is_unspecified() || context_->client_limits == nullptr) {
    return Admittance::kAdmitted;
  }
  client_ = client;
  place_ = {};
  ClientLimits::Admission admission = context_->client_limits->Admit(
      client, smtp_->config().mode == smtp::Mode::kLmtp, context_->clock->Monotonic());
  place_ = std::move(admission.ticket);
  return admission.admittance;
}

void InboundSession::Find(smtp::QueryId id, const smtp::HelloQuery&) { Answer(id, smtp::Accept{}); }

void InboundSession::Find(smtp::QueryId id, const smtp::AuthQuery&) {
  // No listener of this role offers AUTH.
  Answer(id, smtp::Refuse{smtp::ReplyFor(absl::UnimplementedError("AUTH"))});
}

void InboundSession::Find(smtp::QueryId id, const smtp::MailQuery& query) {
  recipients_.clear();
  smtp::Accept accept;
  accept.transaction_id = NewId(*context_->random);
  log_.Info("transaction", {{"id", accept.transaction_id},
                            {"from", query.reverse_path.ToString()},
                            {"helo", smtp_->facts().hello_name},
                            {"tls", smtp_->facts().tls.has_value()}});
  Answer(id, accept);
}

void InboundSession::Find(smtp::QueryId id, const smtp::RcptQuery& query) {
  std::string address = "postmaster";
  if (!query.forward_path.is_bare_postmaster()) {
    absl::StatusOr<std::string> key = address::LookupKey(query.forward_path.mailbox());
    // A domain that IDNA forbids is nobody's.
    if (!key.ok()) return RefuseRecipient(id, RecipientResult::kNotLocal, RelayDenied());
    address = *std::move(key);
  }
  context_->auth->Resolve(
      std::move(address), [self = shared_from_this(), loop = &connection_->loop(),
                           id](absl::StatusOr<mx::Resolved> resolved) {
        loop->Post([self, id, resolved = std::move(resolved)] { self->Resolved(id, resolved); });
      });
}

void InboundSession::Resolved(smtp::QueryId id, const absl::StatusOr<mx::Resolved>& resolved) {
  if (connection_ == nullptr) return;
  if (!resolved.ok()) {
    log_.Warning("recipient cannot be looked up",
                 {{"id", smtp_->transaction().id}, {"status", resolved.status()}});
    return RefuseRecipient(id, RecipientResult::kLookUpFailed,
                           smtp::Refuse{smtp::ReplyFor(resolved.status())});
  }
  switch (resolved->result) {
    case ResolveResult::kNoSuchUser:
      return RefuseRecipient(id, RecipientResult::kNoSuchUser, NoSuchUser());
    case ResolveResult::kNotLocal:
      return RefuseRecipient(id, RecipientResult::kNotLocal, RelayDenied());
    case ResolveResult::kLoop:
      return RefuseRecipient(id, RecipientResult::kLoop, AliasLoop());
    case ResolveResult::kOk:
      break;
  }
  // There is no queue for addresses elsewhere yet; the directory takes no such alias.
  bool reachable = resolved->remote.empty();
  for (const LocalTarget& target : resolved->local) {
    reachable = reachable && context_->stores->CanDeliver(target.shard);
  }
  if (!reachable) return RefuseRecipient(id, RecipientResult::kUnreachable, MailboxUnavailable());
  FindRoom(id, std::make_shared<const mx::Resolved>(*resolved), 0);
}

// A recipient that leads to several mailboxes is refused only when all of them are full: one full
// member does not keep a message from the others, and what RCPT lets in is delivered.
void InboundSession::FindRoom(smtp::QueryId id, std::shared_ptr<const mx::Resolved> resolved,
                              size_t at) {
  if (connection_ == nullptr) return;
  if (at == resolved->local.size()) {
    return RefuseRecipient(id, RecipientResult::kOverQuota, OverQuota());
  }
  const LocalTarget& target = resolved->local[at];
  if (target.quota_octets == 0) return AcceptRecipient(id, *resolved);
  // Without SIZE: anything at all.
  const uint64_t octets = smtp_->transaction().parameters.size.value_or(1);
  context_->stores->CheckQuota(
      target, octets,
      [self = shared_from_this(), loop = &connection_->loop(), id, resolved, at](bool has_room) {
        loop->Post([self, id, resolved, at, has_room] {
          if (has_room) return self->AcceptRecipient(id, *resolved);
          self->FindRoom(id, resolved, at + 1);
        });
      });
}

void InboundSession::AcceptRecipient(smtp::QueryId id, const mx::Resolved& resolved) {
  if (connection_ == nullptr) return;
  context_->metrics->Recipient(RecipientResult::kAccepted);
  recipients_.push_back(resolved);
  Answer(id, smtp::Accept{});
}

void InboundSession::RefuseRecipient(smtp::QueryId id, RecipientResult result,
                                     const smtp::Refuse& refusal) {
  context_->metrics->Recipient(result);
  Answer(id, refusal);
}

void InboundSession::Find(smtp::QueryId id, const smtp::DataQuery&) {
  if (context_->budget->exhausted()) return Answer(id, NoRoom());
  Answer(id, smtp::Accept{});
}

void InboundSession::Find(smtp::QueryId id, const smtp::MessageQuery& query) {
  message_->Finish();
  if (!message_->status().ok()) {
    log_.Error("message cannot be kept",
               {{"id", smtp_->transaction().id}, {"status", message_->status()}});
    context_->metrics->Message(MessageResult::kDeferred);
    return Answer(id, smtp::Refuse{smtp::ReplyFor(message_->status())});
  }
  const smtp::Transaction& transaction = smtp_->transaction();
  const smtp::SessionFacts& facts = smtp_->facts();
  Envelope envelope;
  envelope.transaction = transaction.id;
  envelope.reverse_path = transaction.reverse_path;
  envelope.recipients = recipients_;
  envelope.received = context_->clock->Now();
  envelope.abandoned = abandoned_;
  envelope.received_field =
      smtp::FormatReceived({.hello_name = facts.hello_name,
                            .peer_name = facts.peer_name,
                            .peer = facts.peer.address,
                            .by = smtp_->config().hostname,
                            .protocol = smtp::ProtocolKeyword(
                                smtp_->config().mode, facts.extended, facts.tls.has_value(),
                                !facts.login.empty(), transaction.parameters.smtputf8),
                            .tls = facts.tls,
                            .id = transaction.id,
                            .smtputf8 = transaction.parameters.smtputf8,
                            .when = envelope.received},
                           transaction.recipients);
  log_.Info("message received", {{"id", transaction.id},
                                 {"octets", query.body.octets},
                                 {"recipients", transaction.recipients.size()}});
  const absl::Duration started = context_->clock->Monotonic();
  DeliverToAll(
      envelope, *message_, Now() + context_->commit_wait, *context_->stores,
      [self = shared_from_this(), loop = &connection_->loop(), id, started](DeliveryReport report) {
        loop->Post([self, id, started, report = std::move(report)]() mutable {
          const absl::Duration took = self->context_->clock->Monotonic() - started;
          self->Committed(id, report.by_recipient, std::move(report.keys), took);
        });
      });
}

void InboundSession::Committed(smtp::QueryId id, const std::vector<absl::Status>& by_recipient,
                               std::vector<CopyKey> keys, absl::Duration took) {
  message_.reset();
  context_->metrics->Committed(took);
  absl::Status all;
  for (const absl::Status& status : by_recipient) all.Update(status);
  context_->metrics->Message(all.ok() ? MessageResult::kAccepted : MessageResult::kDeferred);
  // The engine keeps the transaction while its question is open, also for a client that has gone.
  const std::string& transaction_id = smtp_->transaction().id;
  log_.Log(all.ok() ? log::Level::kInfo : log::Level::kWarning,
           all.ok() ? "message committed" : "message not committed",
           {{"id", transaction_id}, {"took", took}, {"status", all}});
  if (connection_ == nullptr) return;
  if (all.ok()) {
    answered_.push_back({transaction_id, std::move(keys)});
    if (answered_.size() > context_->unconfirmed_messages) answered_.pop_front();
  }
  if (smtp_->config().mode != smtp::Mode::kLmtp) {
    if (!all.ok()) return Answer(id, smtp::Refuse{smtp::ReplyFor(all)});
    return Answer(id, smtp::Accept{});
  }
  smtp::PerRecipient verdict;
  for (const absl::Status& status : by_recipient) {
    verdict.replies.push_back(
        status.ok() ? smtp::Reply{.code = 250,
                                  .enhanced = "2.0.0",
                                  .text = absl::StrCat("Ok: delivered as ", transaction_id)}
                    : smtp::ReplyFor(status));
  }
  Answer(id, verdict);
}

void InboundSession::Answer(smtp::QueryId id, const smtp::Verdict& verdict) {
  if (connection_ == nullptr) return;
  smtp_->Answer(id, verdict, Now());
  Run();
}

}  // namespace packetboat::mx
