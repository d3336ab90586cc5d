#ifndef PACKETBOAT_MAIL_IMAP_DIALOG_TARGET_H_
#define PACKETBOAT_MAIL_IMAP_DIALOG_TARGET_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mail/imap/memory_backend.h"
#include "mail/imap/session.h"
#include "mail/testing/dialog.h"

namespace packetboat::imap {

// Makes a dialog of a file (mail/testing/dialog.h). In IMAP a line of the server often begins with
// an asterisk: one in the first place of an S line stands for itself.
absl::StatusOr<mail_testing::Dialog> ParseImapDialog(absl::string_view name,
                                                     absl::string_view text);

// An engine over a MemoryBackend as the target of dialog files. The account is alice, password
// "secret".
//
// Settings:
//   login no            the client is not logged in when the dialog starts, and sees the greeting
//   tls no              no TLS yet
//   limit NAME N        a member of SessionLimits or SyntaxLimits, by name; with login_ in front,
//                       of the syntax before login
//   literals minus      LITERAL- is offered, not LITERAL+
//   quota N             octets that the account may hold
//
// Directives:
//   session NAME        the following steps are another connection's, opened and logged in if it is
//                       new; the first is 1
//   deliver BOX FILE    a message of testdata/messages arrives
//   forget BOX          the mailbox forgets which messages were expunged so far
//   tls                 the handshake after STARTTLS succeeds; fails if none is due
//   advance DURATION    time passes, timers fire
//   fail CODE [TEXT]    the next call of the backend fails so (UNAVAILABLE, OVERQUOTA, ...)
//   deferred on|off     whether calls of the backend wait
//   complete [N]        the N-th waiting call (default 0) completes; `complete all`
//   relay NODE          alice's mailboxes are on that node
//   relayed NODE TAG    the connection has been handed over so
//   shutdown            the server goes down
//   silent              the server has nothing to say
//   end                 the client sends nothing more, and goes on reading
class DialogTarget : public mail_testing::DialogTarget {
 public:
  // `read_message` gives the message of a name.
  using ReadMessage = std::function<std::string(absl::string_view name)>;

  DialogTarget(const mail_testing::Dialog& dialog, ReadMessage read_message);

  absl::Status Send(absl::string_view octets) override;
  absl::StatusOr<std::string> ReadLine() override;
  absl::Status ExpectClosed() override;
  absl::Status ExpectMessage(absl::string_view octets) override;
  absl::Status Direct(absl::string_view word, absl::string_view text) override;

  // All that the current session has said and not been asked for, and how it ended; for
  // cut-invariance tests.
  std::string TakeTrace();

 private:
  struct Connection {
    std::unique_ptr<ServerSession> session;
    std::string output;
    bool tls_due = false;
    bool closed = false;
    SessionAction relay;
  };

  absl::Status Connect(absl::string_view name);
  void TakeActions(Connection* connection);
  void TakeAllActions();
  absl::Status SetOption(absl::string_view name, absl::string_view value);
  absl::Status SetLimit(absl::string_view text);
  absl::Status Deliver(absl::string_view text);
  absl::Status Fail(absl::string_view text);
  absl::Status Complete(absl::string_view text);
  absl::Status Advance(absl::string_view text);
  absl::Status EstablishTls();
  absl::Status ExpectRelay(absl::string_view text);
  absl::Status ExpectSilence();

  const ReadMessage read_message_;
  MemoryBackend backend_;
  SessionOptions options_;
  bool login_ = true;
  bool tls_ = true;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::map<std::string, Connection, std::less<>> connections_;
  Connection* current_ = nullptr;
  absl::Status setup_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_DIALOG_TARGET_H_
