#ifndef PACKETBOAT_MAIL_IMAP_SESSION_H_
#define PACKETBOAT_MAIL_IMAP_SESSION_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mail/imap/backend.h"
#include "mail/imap/limits.h"

namespace packetboat::imap {

// How a session behaves; the same for all of a listener.
struct SessionOptions {
  // Said in the greeting, after "IMAP4rev1 ready".
  std::string server_name;
  // ID (RFC 2971): name and value.
  std::vector<std::pair<std::string, std::string>> id = {{"name", "Packetboat"}};

  // LOGIN and AUTHENTICATE without TLS; for tests and trusted networks only (RFC 3501 s11.1).
  bool allow_plaintext_login = false;
  // Whether STARTTLS is offered.
  bool starttls = true;
  // LITERAL- in place of LITERAL+: large literals wait for the server (RFC 7888 s5).
  bool literal_minus = false;

  SyntaxLimits syntax;
  // Until the client has logged in: what a stranger can make a process hold.
  SyntaxLimits login_syntax = LoginSyntaxLimits();
  SessionLimits limits;
};

// What the shell shall do, in this order.
struct SessionAction {
  enum class Kind {
    kSend,      // bytes, to the client
    kStartTls,  // start a TLS handshake once what was sent is out; then OnTlsEstablished()
    kRelay,     // hand the connection over to another node once what was sent is out
    kClose,     // close once what was sent is out; nothing follows
  };

  Kind kind = Kind::kSend;
  std::string bytes;  // kSend; kRelay: what the client sent after its login
  // kRelay: where to, who has logged in, and the tag that the other engine answers
  // (StartAuthenticated).
  std::string node;
  std::string user;
  std::string tag;
};

// One IMAP4rev1 server session (RFC 3501 and the extensions that CAPABILITY lists) over a mailbox
// interface.
//
// Octets in, octets out; owns no socket, clock or thread. Owns its login, its selected mailbox and
// its view of it. Thread-compatible, and serialised with the callbacks of `backend`, which outlives
// it.
//
// The shell calls Feed, OnWritten, OnTimer as things happen, and after each takes the actions. When
// a callback of the backend may have made new actions or changed wants_input(), `on_actions` says
// so; it must not call back into the session, only cause that both are looked at soon.
//
// Flow control, both ways. Output: at most SessionLimits::max_output_octets (and one response item)
// are between the session and the client; more is made when OnWritten says that octets have left.
// Input: while wants_input() is false the shell should not read; what it feeds all the same is
// kept.
//
// Commands run one after the other, in the order in which they came (RFC 3501 s5.5).
class ServerSession {
 public:
  // `tls`: the connection is under TLS from its start (RFC 8314). `peer`: the client's address, for
  // the backend.
  ServerSession(Backend* backend, SessionOptions options, absl::string_view peer, bool tls,
                absl::Time now, std::function<void()> on_actions = nullptr);
  ~ServerSession();

  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  // Greets. Exactly one of the two, first of all.
  void Start();
  // For a relayed session: `user` has logged in elsewhere with the command `tag`, which is answered
  // instead of a greeting.
  void StartAuthenticated(std::unique_ptr<Account> account, absl::string_view user,
                          absl::string_view tag);

  void Feed(absl::string_view bytes, absl::Time now);
  // The client will send nothing more, but may still read: what it has sent is carried out and
  // answered, then the session closes, without a BYE.
  void OnEndOfInput(absl::Time now);
  void OnTlsEstablished(absl::Time now);
  // So many octets of kSend have left for the client.
  void OnWritten(size_t octets, absl::Time now);
  // Harmless before next_deadline().
  void OnTimer(absl::Time now);

  std::vector<SessionAction> TakeActions();

  bool wants_input() const;
  // When to call OnTimer at the latest.
  absl::Time next_deadline() const;
  // Closed, or about to; what is fed is dropped.
  bool closed() const;

  // The server is going down: BYE at the next moment between two commands (promise P8), at once
  // while idle.
  void Shutdown();

  // Who has logged in; empty before. For logs.
  const std::string& user() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_SESSION_H_
