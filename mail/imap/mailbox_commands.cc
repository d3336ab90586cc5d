#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/mailbox_name.h"
#include "mail/imap/object_id.h"
#include "mail/imap/qresync.h"
#include "mail/imap/responses.h"
#include "mail/imap/status_response.h"

namespace packetboat::imap {
namespace {

Reply BadName() { return No("CANNOT", "Not a mailbox name"); }

Reply Done(const absl::Status& status, absl::string_view text) {
  return status.ok() ? Ok(text) : NoBecause(status);
}

// What SELECT and EXAMINE tell (RFC 3501 s6.3.1, RFC 7162 s3.1.2.1, RFC 8474 s4.2).
void SendSelected(Context& context) {
  const Selection& selection = *context.selection;
  const View& view = selection.view;
  context.Send(FlagsResponse(view.keywords()));
  context.Send(PermanentFlagsResponse(view.keywords(), selection.read_only,
                                      context.options.limits.max_mailbox_keywords));
  context.SendUntagged(absl::StrCat(view.size(), " EXISTS"));
  context.SendUntagged(absl::StrCat(view.recent(), " RECENT"));
  if (const auto unseen = view.FirstUnseen(); unseen.has_value()) {
    context.SendUntagged(absl::StrCat("OK [UNSEEN ", unseen->value(), "] First unseen"));
  }
  const UidValidity validity = selection.mailbox->info().uid_validity;
  context.SendUntagged(absl::StrCat("OK [UIDVALIDITY ", validity.value(), "] UIDs valid"));
  context.SendUntagged(
      absl::StrCat("OK [UIDNEXT ", selection.uid_next.value(), "] Predicted next UID"));
  context.SendUntagged(ToString(Ok(HighestModSeqCode(view.told()), "Highest mod-sequence")));
  context.SendUntagged(ToString(Ok(MailboxIdCode(selection.mailbox->info().id), "Mailbox id")));
}

// One use at most, and none that is a view of other mailboxes: there are no virtual ones (RFC 6154
// s2).
bool CanHaveUses(const Create& command) {
  if (command.unknown_use || command.special_use.size() > 1) return false;
  if (command.special_use.empty()) return true;
  const SpecialUse use = command.special_use.front();
  return use != SpecialUse::kAll && use != SpecialUse::kFlagged;
}

// Opens `name` and reads what is in it; the mailbox is selected if that goes well.
Task<absl::Status> Open(Context& context, absl::string_view name, bool read_only) {
  auto mailbox =
      co_await context.Ask<std::unique_ptr<Mailbox>>([&](Callback<std::unique_ptr<Mailbox>> done) {
        context.account->Open(name, read_only, std::move(done));
      });
  if (!mailbox.ok()) co_return mailbox.status();
  context.selection = std::make_unique<Selection>();
  Selection& selection = *context.selection;
  selection.mailbox = *std::move(mailbox);
  selection.read_only = read_only || selection.mailbox->info().read_only;
  for (const std::string& keyword : selection.mailbox->info().keywords) {
    selection.view.AddKeyword(keyword);
  }
  if (context.condstore) selection.view.TellModSeqs();
  const absl::Status status = co_await context.Synchronize(Freshness::kLocal);
  if (!status.ok()) context.selection = nullptr;
  co_return status;
}

}  // namespace

// The mailbox selected before is left, whether or not this one can be selected (RFC 3501 s6.3.1);
// CLOSED says from where on responses are about the other one (RFC 7162 s3.2.11).
Task<Reply> Execute(Context& context, const Select& command) {
  if (command.qresync.has_value() && !context.qresync) co_return Bad("QRESYNC is not enabled");
  if (context.selection != nullptr) context.SendUntagged("OK [CLOSED] Previous mailbox closed");
  context.selection = nullptr;
  if (command.condstore) EnableCondstore(context);
  const std::optional<std::string> name = CanonicalMailboxName(command.mailbox);
  if (!name.has_value()) co_return BadName();
  const absl::Status status = co_await Open(context, *name, command.read_only);
  if (!status.ok()) co_return NoBecause(status);
  context.selection->view.TakeUpdates(/*may_expunge=*/true);
  SendSelected(context);
  if (command.qresync.has_value()) {
    const absl::Status told = co_await Resynchronize(context, *command.qresync);
    if (!told.ok()) context.selection = nullptr;
    if (!told.ok()) co_return NoBecause(told);
  }
  const bool read_only = context.selection->read_only;
  co_return Ok(read_only ? "READ-ONLY" : "READ-WRITE",
               command.read_only ? "Examine completed" : "Select completed");
}

Task<Reply> Execute(Context& context, const Create& command) {
  absl::string_view wanted = command.mailbox;
  if (absl::EndsWith(wanted, "/")) wanted.remove_suffix(1);  // RFC 3501 s6.3.3
  const std::optional<std::string> name = CanonicalMailboxName(wanted);
  if (!name.has_value()) co_return BadName();
  if (*name == kInbox) co_return No("ALREADYEXISTS", "INBOX exists");
  if (!CanHaveUses(command)) co_return No("USEATTR", "No mailbox here can have this use");
  std::optional<SpecialUse> special_use;
  if (!command.special_use.empty()) special_use = command.special_use.front();
  const auto id = co_await context.Ask<MailboxId>([&](Callback<MailboxId> done) {
    context.account->Create(*name, special_use, std::move(done));
  });
  if (!id.ok()) co_return NoBecause(id.status());
  co_return Ok(MailboxIdCode(*id), "Create completed");
}

Task<Reply> Execute(Context& context, const Delete& command) {
  const std::optional<std::string> name = CanonicalMailboxName(command.mailbox);
  if (!name.has_value()) co_return BadName();
  if (*name == kInbox) co_return No("CANNOT", "INBOX cannot be deleted");
  const absl::Status status = co_await context.AskDone(
      [&](DoneCallback done) { context.account->Delete(*name, std::move(done)); });
  co_return Done(status, "Delete completed");
}

Task<Reply> Execute(Context& context, const Rename& command) {
  absl::string_view wanted = command.to;
  if (absl::EndsWith(wanted, "/")) wanted.remove_suffix(1);
  const std::optional<std::string> from = CanonicalMailboxName(command.from);
  const std::optional<std::string> to = CanonicalMailboxName(wanted);
  if (!from.has_value() || !to.has_value()) co_return BadName();
  if (*to == kInbox) co_return No("ALREADYEXISTS", "INBOX exists");
  const absl::Status status = co_await context.AskDone(
      [&](DoneCallback done) { context.account->Rename(*from, *to, std::move(done)); });
  co_return Done(status, "Rename completed");
}

Task<Reply> Execute(Context& context, const Subscribe& command) {
  const std::optional<std::string> name = CanonicalMailboxName(command.mailbox);
  if (!name.has_value()) co_return BadName();
  const absl::Status status = co_await context.AskDone(
      [&](DoneCallback done) { context.account->Subscribe(*name, std::move(done)); });
  co_return Done(status, "Subscribe completed");
}

Task<Reply> Execute(Context& context, const Unsubscribe& command) {
  const std::optional<std::string> name = CanonicalMailboxName(command.mailbox);
  if (!name.has_value()) co_return BadName();
  const absl::Status status = co_await context.AskDone(
      [&](DoneCallback done) { context.account->Unsubscribe(*name, std::move(done)); });
  co_return Done(status, "Unsubscribe completed");
}

Task<Reply> Execute(Context& context, const Status& command) {
  const std::optional<std::string> name = CanonicalMailboxName(command.mailbox);
  if (!name.has_value()) co_return BadName();
  const auto status = co_await context.Ask<MailboxStatus>(
      [&](Callback<MailboxStatus> done) { context.account->Status(*name, std::move(done)); });
  if (!status.ok()) co_return NoBecause(status.status());
  if (AsksForModSeq(command.items)) EnableCondstore(context);
  context.SendUntagged(
      StatusResponse(*name, command.items, *status, context.options.syntax.max_message_octets));
  co_return Ok("Status completed");
}

}  // namespace packetboat::imap
