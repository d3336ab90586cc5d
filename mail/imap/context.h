#ifndef PACKETBOAT_MAIL_IMAP_CONTEXT_H_
#define PACKETBOAT_MAIL_IMAP_CONTEXT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mail/imap/backend.h"
#include "mail/imap/command_table.h"
#include "mail/imap/fragmenter.h"
#include "mail/imap/reply.h"
#include "mail/imap/session.h"
#include "mail/imap/task.h"
#include "mail/imap/view.h"

namespace packetboat::imap {

// The mailbox that a session has selected.
struct Selection {
  std::unique_ptr<Mailbox> mailbox;
  View view;
  bool read_only = false;
  Uid uid_next;
};

// How the session ends or leaves plain IMAP.
enum class Ending {
  kNone,
  kStartTls,
  kRelay,  // the login is answered by another node
  kClose,  // after the command's tagged response
  kAbort,  // at once
};

// What the commands of one session share: its octets in and out, its state, and how to wait.
// Internal to the engine; the commands run inside one chain of tasks (task.h), so that nothing here
// is ever used by two at a time.
class Context {
 public:
  Context(Backend* backend, SessionOptions options, absl::string_view peer, bool tls,
          std::function<void()> on_actions);
  ~Context();

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // --- Waiting ---

  // Calls the backend and waits for its answer:
  //   co_await context.Ask<SyncResult>([&](auto done) { mailbox.Sync(request, std::move(done)); })
  template <typename T, typename Start>
  Task<absl::StatusOr<T>> Ask(Start start) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<T>>>();
    start(Callback<T>([answer, self = Self()](absl::StatusOr<T> result) {
      answer->emplace(std::move(result));
      Resume(self);
    }));
    const auto answered = [state = answer.get()] { return state->has_value(); };
    co_await gate.Until(answered);
    co_return std::move(**answer);
  }

  // The same for a call that gives no value.
  template <typename Start>
  Task<absl::Status> AskDone(Start start) {
    auto answer = std::make_shared<std::optional<absl::Status>>();
    start(DoneCallback([answer, self = Self()](absl::Status status) {
      answer->emplace(std::move(status));
      Resume(self);
    }));
    const auto answered = [state = answer.get()] { return state->has_value(); };
    co_await gate.Until(answered);
    co_return std::move(**answer);
  }

  // Waits until the client has taken enough of what was sent.
  Task<> WaitForRoom();

  Gate gate;

  // --- Output ---

  // Octets as they are.
  void Send(absl::string_view bytes) { output.append(bytes.data(), bytes.size()); }
  // `* text` and a line end.
  void SendUntagged(absl::string_view text);
  void SendTagged(absl::string_view tag, const Reply& reply);
  // BYE, and the session ends without a tagged response.
  void SendBye(absl::string_view text);
  // The BYE for a selected mailbox that has been deleted (SEMANTICS s6).
  void SendMailboxGone() { SendBye("Selected mailbox was deleted"); }
  bool HasRoom() const { return output.size() + in_flight < options.limits.max_output_octets; }

  std::string output;    // not taken yet
  size_t in_flight = 0;  // taken, but not said to be written

  // --- Input ---

  // The next thing that the client says, waiting for it; with `input` in hand nothing is waited
  // for.
  Task<FragmentEvent> NextEvent();
  // What the fragmenter has not seen yet.
  absl::string_view unread() const { return absl::string_view(input).substr(input_taken); }
  FragmentEvent ReadEvent();

  std::string input;
  size_t input_taken = 0;  // front of `input` that is used up
  Fragmenter fragmenter;
  // What a command has read but not dealt with: the session looks at it next.
  std::optional<FragmentEvent> held_event;
  // Nothing to do but wait for the client: the time in which autologout counts.
  bool waiting_for_client = false;
  // The client does something that is no command (a message on its way in, SASL): autologout starts
  // anew.
  bool client_active = false;

  // --- Time ---

  absl::Time now;
  // When a waiting command wants to be poked; `timer_due` says that it is time.
  absl::Time timer = absl::InfiniteFuture();
  bool timer_due = false;
  // When the client's octets of a message are overdue.
  absl::Time upload_deadline = absl::InfiniteFuture();
  // Set by what MakeWake() made.
  bool woken = false;
  // A callback that sets `woken` if the session still lives.
  absl::AnyInvocable<void()> MakeWake();

  // --- State ---

  SessionState state() const;
  const SyntaxLimits& syntax_limits() const;
  // What CAPABILITY says in this state: only what works.
  std::string Capabilities() const;
  // From here on the session is that user's.
  void Enter(std::unique_ptr<Account> logged_in, absl::string_view name);
  // Brings the view up to date with the mailbox. kNonExistent: the mailbox is gone.
  Task<absl::Status> Synchronize(Freshness freshness);
  // The same where the mailbox has forgotten what was expunged: what it no longer has is gone.
  Task<absl::Status> Reconcile();
  // Says what the view owes the client. True: expunges were among it.
  Task<bool> SendUpdates(bool may_expunge, bool with_uid);
  // `* 3 FETCH (UID 7 FLAGS (\Seen) MODSEQ (12))`, which the client did not ask for.
  void SendChange(SeqNum number, bool with_flags, bool with_uid);
  Task<> SendExpunged(const std::vector<SeqNum>& numbers);

  Backend* const backend;
  const SessionOptions options;
  const std::string peer;
  bool tls;
  std::string user;
  std::unique_ptr<Account> account;
  std::unique_ptr<Selection> selection;
  // The client knows mod-sequences: by ENABLE, or because it used them (EnableCondstore).
  bool condstore = false;
  // By ENABLE alone, and with it CONDSTORE (RFC 7162 s3.2.3).
  bool qresync = false;
  size_t failed_logins = 0;
  bool shutting_down = false;

  Ending ending = Ending::kNone;
  SessionAction relay;

 private:
  using Token = std::weak_ptr<Context*>;
  Token Self() const { return self_; }
  // A callback has come; its session may be gone.
  static void Resume(const Token& token);

  std::function<void()> on_actions_;
  std::shared_ptr<Context*> self_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_CONTEXT_H_
