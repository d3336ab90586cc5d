#ifndef PACKETBOAT_MAIL_SMTP_DIALOG_ENGINE_H_
#define PACKETBOAT_MAIL_SMTP_DIALOG_ENGINE_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "mail/smtp/server_session.h"
#include "mail/testing/dialog.h"

// Dialog files (mail/testing/dialog.h) against ServerSession. This is also the smallest complete
// shell.
//
// Settings: `mode mx|submission|submissions|lmtp`; `bare_newline reject|normalize`; `auth PLAIN
// LOGIN`; `xclient_from 192.0.2.0/24` (the client is 192.0.2.25); `implicit_tls`, `starttls`,
// `require_auth`, `chunking`, `forbid_early_pipelining`, `ask_connect`, `ask_hello`, `ask_data`:
// on|off; any limit by its name: `max_errors 3`; `flights whole`: the
// dialog is about what stands in one flight, and is not cut.
//
// Directives:
//   answer KIND VERDICT   for the next query of KIND (connect hello auth mail rcpt data message);
//                         without one: accepted, but AUTH refused
//   release KIND VERDICT  the answer to a query whose verdict was `hold`
//   wait 301s             time passes
//   tls                   the handshake that STARTTLS or the mode asked for is done
//   drain                 the server is told to stop
//   hangup                the client closes the connection
//   expect EVENT          an event, behind the one expected last; `*` as in S lines
//   never EVENT           no such event so far
//
// VERDICT: `ok`, `ok id=T7`, `ok 251 2.1.5 text`, `550 5.1.1 text`, `drop 421 4.7.0 text`,
// `challenge TEXT`, `login NAME`, `each 250 2.1.5 text | 452 4.2.2 text`, `hold`.
// EVENT: `ask KIND ...` (`ask connect 192.0.2.1:4711 name=NAME login=LOGIN`), `begin-body`,
// `abort-body CODE`, `starttls`, `confirmed ID`, `close REASON`.

namespace packetboat::smtp {

// The settings of a dialog as a configuration.
absl::StatusOr<ServerConfig> DialogConfig(const mail_testing::Dialog& dialog);

class DialogEngine : public mail_testing::DialogTarget {
 public:
  // How to cut the octets of a flight before they are fed.
  using Cut = std::function<std::vector<std::string>(absl::string_view)>;

  explicit DialogEngine(const ServerConfig& config, Cut cut = nullptr);

  absl::Status Send(absl::string_view octets) override;
  absl::StatusOr<std::string> ReadLine() override;
  absl::Status ExpectClosed() override;
  absl::Status ExpectMessage(absl::string_view octets) override;
  absl::Status Direct(absl::string_view word, absl::string_view text) override;

  // Everything that the session did, one action per line, alike for every cut.
  std::string Trace() const;

 private:
  void Connect();
  void CarryOut();
  void Perform(const smtp::Send& send);
  void Perform(const Ask& ask);
  void Perform(const BeginBody& begin);
  void Perform(const BodyChunk& chunk);
  void Perform(const AbortBody& abort);
  void Perform(const StartTls& start);
  void Perform(const ReplyConfirmed& confirmed);
  void Perform(const Close& close);
  void EndFlight();
  void Note(std::string event);
  void NoteBody();
  absl::Status Release(absl::string_view kind, absl::string_view verdict);
  absl::Status ExpectEvent(absl::string_view pattern);
  absl::Status NeverEvent(absl::string_view pattern) const;

  Cut cut_;
  ServerSession session_;
  absl::Time now_;
  std::map<std::string, std::deque<std::string>> verdicts_;
  std::map<std::string, QueryId> held_;
  std::optional<StartTls> start_tls_;
  std::string output_;  // not yet read
  uint64_t sent_ = 0;
  std::string body_;     // of the message that is arriving
  std::string message_;  // the last one that was asked about
  uint64_t body_octets_ = 0;
  std::vector<std::string> events_;
  size_t next_event_ = 0;
  std::string trace_;
  bool connected_ = false;
  bool closed_ = false;
};

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_DIALOG_ENGINE_H_
