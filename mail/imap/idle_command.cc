#include "mail/imap/commands.h"
#include "mail/imap/parser.h"

// IDLE (RFC 2177).

namespace packetboat::imap {
namespace {

void SetTimer(Context& context, absl::Duration delay) { context.timer = context.now + delay; }

// Tells what happened since the client was told last. False if the backend cannot say now: then it
// is asked again a little later; the client sees a pause, never a BYE (SEMANTICS s4), unless the
// mailbox is gone.
Task<bool> SendNews(Context& context) {
  context.woken = false;
  const absl::Status status = co_await context.Synchronize(Freshness::kBarrier);
  if (absl::IsNotFound(status)) {
    context.SendMailboxGone();
    co_return true;
  }
  if (!status.ok()) {
    SetTimer(context, context.options.limits.idle_retry);
    co_return false;
  }
  co_await context.SendUpdates(/*may_expunge=*/true, /*with_uid=*/false);
  SetTimer(context, context.options.limits.idle_keepalive);
  Selection& selection = *context.selection;
  selection.mailbox->WaitForChange(selection.view.synced(), context.MakeWake());
  co_return true;
}

// The client's line; kNeedInput when something else ended the wait.
Task<FragmentEvent> WaitForLineOrNews(Context& context) {
  const FragmentEvent event = context.ReadEvent();
  if (event.kind != FragmentEvent::Kind::kNeedInput) co_return event;
  context.waiting_for_client = true;
  const auto awake = [&context] {
    return !context.unread().empty() || context.woken || context.timer_due || context.shutting_down;
  };
  co_await context.gate.Until(awake);
  context.waiting_for_client = false;
  co_return context.ReadEvent();
}

Reply EndIdle(Context& context, const FragmentEvent& event) {
  context.timer = absl::InfiniteFuture();
  if (context.selection != nullptr) context.selection->mailbox->WaitForChange(ModSeq(), nullptr);
  if (event.kind == FragmentEvent::Kind::kDiscarded) return Bad(FragmentErrorText(event.error));
  return IsIdleDone(event.data) ? Ok("Idle completed") : Bad("Expected DONE");
}

}  // namespace

Task<Reply> Execute(Context& context, const Idle&) {
  context.fragmenter.ExpectLine();
  context.Send("+ idling\r\n");
  context.woken = context.selection != nullptr;
  SetTimer(context, context.options.limits.idle_keepalive);
  bool fresh = true;
  while (true) {
    if (context.woken) fresh = co_await SendNews(context);
    if (context.ending != Ending::kNone) co_return Ok("");
    context.timer_due = false;
    const FragmentEvent event = co_await WaitForLineOrNews(context);
    if (event.kind != FragmentEvent::Kind::kNeedInput) co_return EndIdle(context, event);
    if (context.shutting_down) context.SendBye("Server is shutting down");
    if (!context.timer_due) continue;
    if (fresh) context.SendUntagged("OK Still here");
    SetTimer(context, context.options.limits.idle_keepalive);
    context.woken = !fresh;
  }
}

}  // namespace packetboat::imap
