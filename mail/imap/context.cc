#include "mail/imap/context.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mail/imap/condstore.h"
#include "mail/imap/qresync.h"
#include "mail/imap/responses.h"

namespace packetboat::imap {
namespace {

// Before login, and after it; STARTTLS, LOGINDISABLED and AUTH= come and go
// (Context::Capabilities).
constexpr absl::string_view kCapabilitiesAnyState = "IMAP4rev1 LITERAL";
constexpr absl::string_view kCapabilitiesBehindLiteral = " SASL-IR ID ENABLE";
constexpr absl::string_view kCapabilitiesUser =
    "IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN LIST-EXTENDED LIST-STATUS SPECIAL-USE "
    "CREATE-SPECIAL-USE STATUS=SIZE ESEARCH WITHIN SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT "
    "THREAD=REFERENCES BINARY CONDSTORE QRESYNC OBJECTID APPENDLIMIT=";

}  // namespace

Context::Context(Backend* backend, SessionOptions options, absl::string_view peer, bool tls,
                 std::function<void()> on_actions)
    : fragmenter(options.login_syntax,
                 options.literal_minus ? LiteralPolicy::kMinus : LiteralPolicy::kPlus),
      backend(backend),
      options(std::move(options)),
      peer(peer),
      tls(tls),
      on_actions_(std::move(on_actions)),
      self_(std::make_shared<Context*>(this)) {}

Context::~Context() = default;

void Context::Resume(const Token& token) {
  const std::shared_ptr<Context*> alive = token.lock();
  if (alive == nullptr) return;
  Context* const context = *alive;
  if (!context->gate.Poke()) return;
  // Also without actions: input may have been used up, and be wanted again.
  if (context->on_actions_) context->on_actions_();
}

absl::AnyInvocable<void()> Context::MakeWake() {
  return [token = Self()] {
    if (const auto alive = token.lock(); alive != nullptr) (*alive)->woken = true;
    Resume(token);
  };
}

Task<> Context::WaitForRoom() {
  const auto has_room = [this] { return HasRoom(); };
  co_await gate.Until(has_room);
}

void Context::SendUntagged(absl::string_view text) { absl::StrAppend(&output, "* ", text, "\r\n"); }

void Context::SendTagged(absl::string_view tag, const Reply& reply) {
  absl::StrAppend(&output, tag, " ", ToString(reply), "\r\n");
}

void Context::SendBye(absl::string_view text) {
  SendUntagged(absl::StrCat("BYE ", text));
  ending = Ending::kAbort;
}

FragmentEvent Context::ReadEvent() {
  absl::string_view rest = unread();
  const FragmentEvent event = fragmenter.Next(&rest);
  input_taken = input.size() - rest.size();
  return event;
}

Task<FragmentEvent> Context::NextEvent() {
  while (true) {
    const FragmentEvent event = ReadEvent();
    if (event.kind != FragmentEvent::Kind::kNeedInput) co_return event;
    waiting_for_client = true;
    const auto has_input = [this] { return input_taken < input.size(); };
    co_await gate.Until(has_input);
    waiting_for_client = false;
  }
}

SessionState Context::state() const {
  if (account == nullptr) return SessionState::kNotAuthenticated;
  return selection == nullptr ? SessionState::kAuthenticated : SessionState::kSelected;
}

const SyntaxLimits& Context::syntax_limits() const {
  return account == nullptr ? options.login_syntax : options.syntax;
}

std::string Context::Capabilities() const {
  const std::string always = absl::StrCat(kCapabilitiesAnyState, options.literal_minus ? "-" : "+",
                                          kCapabilitiesBehindLiteral);
  if (account != nullptr)
    return absl::StrCat(always, " ", kCapabilitiesUser, options.syntax.max_message_octets);
  const bool may_login = tls || options.allow_plaintext_login;
  return absl::StrCat(always, !tls && options.starttls ? " STARTTLS" : "",
                      may_login ? " AUTH=PLAIN" : " LOGINDISABLED");
}

void Context::Enter(std::unique_ptr<Account> logged_in, absl::string_view name) {
  account = std::move(logged_in);
  user = std::string(name);
  fragmenter.SetLimits(options.syntax);
}

Task<absl::Status> Context::Synchronize(Freshness freshness) {
  Mailbox& mailbox = *selection->mailbox;
  View& view = selection->view;
  SyncRequest request;
  request.since = view.synced();
  request.freshness = freshness;
  ModSeq synced;
  bool complete = true;
  bool more = true;
  while (more) {
    const bool first = request.after.value() == 0;
    const auto page = co_await Ask<SyncResult>(
        [&](Callback<SyncResult> done) { mailbox.Sync(request, std::move(done)); });
    if (!page.ok()) co_return page.status();
    view.Apply(*page);
    if (first) {
      synced = page->highest_modseq;
      selection->uid_next = page->uid_next;
      complete = page->expunged_complete;
    }
    more = page->more && !page->changed.empty();
    if (more) request.after = page->changed.back().uid;
    request.freshness = Freshness::kLocal;
  }
  if (!complete) {
    const absl::Status status = co_await Reconcile();
    if (!status.ok()) co_return status;
  }
  view.set_synced(synced);
  co_return absl::OkStatus();
}

Task<absl::Status> Context::Reconcile() {
  Mailbox& mailbox = *selection->mailbox;
  SyncRequest request;
  UidSet present;
  bool more = true;
  while (more) {
    const auto page = co_await Ask<SyncResult>(
        [&](Callback<SyncResult> done) { mailbox.Sync(request, std::move(done)); });
    if (!page.ok()) co_return page.status();
    selection->view.Apply(*page);
    for (const MessageState& state : page->changed) present.Add(state.uid.value());
    more = page->more && !page->changed.empty();
    if (more) request.after = page->changed.back().uid;
  }
  selection->view.ExpungeAllBut(present);
  co_return absl::OkStatus();
}

Task<bool> Context::SendUpdates(bool may_expunge, bool with_uid) {
  View& view = selection->view;
  const View::Updates updates = view.TakeUpdates(may_expunge);
  if (updates.keywords) {
    Send(FlagsResponse(view.keywords()));
    Send(PermanentFlagsResponse(view.keywords(), selection->read_only,
                                options.limits.max_mailbox_keywords));
  }
  if (qresync) {
    co_await SendVanished(*this, updates.vanished, /*earlier=*/false);
  } else {
    co_await SendExpunged(updates.expunged);
  }
  if (updates.exists.has_value()) SendUntagged(absl::StrCat(*updates.exists, " EXISTS"));
  if (updates.recent.has_value()) SendUntagged(absl::StrCat(*updates.recent, " RECENT"));
  for (const SeqNum number : updates.flags) {
    SendChange(number, /*with_flags=*/true, with_uid);
    if (!HasRoom()) co_await WaitForRoom();
  }
  for (const SeqNum number : updates.modseqs) {
    SendChange(number, /*with_flags=*/false, with_uid);
    if (!HasRoom()) co_await WaitForRoom();
  }
  co_return !updates.expunged.empty();
}

Task<> Context::SendExpunged(const std::vector<SeqNum>& numbers) {
  for (const SeqNum number : numbers) {
    SendUntagged(absl::StrCat(number.value(), " EXPUNGE"));
    if (!HasRoom()) co_await WaitForRoom();
  }
}

void Context::SendChange(SeqNum number, bool with_flags, bool with_uid) {
  const View& view = selection->view;
  std::vector<std::string> items;
  if (with_uid || qresync) items.push_back(absl::StrCat("UID ", view.UidOf(number).value()));
  if (with_flags) items.push_back(FlagsItem(view, number));
  if (condstore) items.push_back(ModSeqItem(view.ModSeqOf(number)));
  SendUntagged(absl::StrCat(number.value(), " FETCH (", absl::StrJoin(items, " "), ")"));
}

}  // namespace packetboat::imap
