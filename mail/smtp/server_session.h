#ifndef PACKETBOAT_MAIL_SMTP_SERVER_SESSION_H_
#define PACKETBOAT_MAIL_SMTP_SERVER_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mail/address/path.h"
#include "mail/smtp/command.h"
#include "mail/smtp/command_table.h"
#include "mail/smtp/data_reader.h"
#include "mail/smtp/reply.h"
#include "mail/smtp/server_actions.h"
#include "mail/smtp/server_config.h"
#include "net/api/address.h"
#include "net/api/tls.h"

namespace packetboat::smtp {

// What is known of the peer. After TLS all of it that the peer said before is forgotten.
struct SessionFacts {
  std::string session_id;
  // XCLIENT replaces these. The unspecified address and port 0: not known.
  net::Endpoint peer;
  net::Endpoint local;
  std::string peer_name;            // as XCLIENT said; empty: not known
  bool peer_name_deferred = false;  // looking it up failed for now

  std::string hello_name;
  bool extended = false;  // EHLO or LHLO
  std::optional<net::TlsInfo> tls;
  std::string login;           // empty: not authenticated
  std::string auth_mechanism;  // of that login
  bool talked_early = false;   // sent something before the greeting
};

// One mail transaction, RFC 5321 s3.3.
struct Transaction {
  std::string id;
  address::ReversePath reverse_path;
  MailParameters parameters;
  std::vector<address::ForwardPath> recipients;  // accepted ones
  uint32_t refused_recipients = 0;
};

// One SMTP or LMTP server session: RFC 5321 with PIPELINING (2920), SIZE (1870), 8BITMIME (6152),
// SMTPUTF8 (6531), ENHANCEDSTATUSCODES (2034), STARTTLS (3207), AUTH (4954), CHUNKING (3030), and
// LIMITS (9422) and Postfix's XCLIENT; LMTP as of RFC 2033.
//
// Octets and verdicts go in, actions come out; whoever runs it (the shell) owns socket, clock and
// timers. Everything slow is an Ask. Commands are carried out one at a time, in order; while an Ask
// is open or the peer does not read, what arrives is kept, up to a bound. The actions do not depend
// on how the input is cut, with one exception that lies in the protocol: whether octets stand
// behind a command that has to be the last of its group (ServerConfig::forbid_early_pipelining).
//
// The shell: after every call it takes the actions and carries them out in order; it stops reading
// while wants_input() is false, and calls OnTimer at next_deadline(). Every call carries the time,
// on one clock that does not run backwards.
//
// Thread-compatible; no global state. Memory: the limits' max_buffered_input_bytes and one read,
// max_unwritten_bytes and one reply, max_untaken_body_bytes, and the transaction.
// No call fails. After Close was taken every call does nothing.
class ServerSession {
 public:
  // `session_id`: for logs and for ids of transactions; letters, digits, '-', '.'.
  ServerSession(std::shared_ptr<const ServerConfig> config, std::string session_id,
                const net::Endpoint& peer, const net::Endpoint& local);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  // The connection is there. With implicit TLS the greeting comes once that is up.
  void Start(absl::Time now);

  // What the peer sent. All of it is taken, also when it was not wanted.
  void Feed(absl::string_view octets, absl::Time now);

  // Resolves an Ask. An id that is not the open one (the session ended meanwhile) is ignored.
  void Answer(QueryId id, const Verdict& verdict, absl::Time now);

  void OnTlsEstablished(const net::TlsInfo& info, absl::Time now);

  // So many octets of Send and StartTls, counted from the beginning of the session, have been
  // written. What the peer had sent before that must have been fed before: only input that comes
  // later proves that the peer has seen a reply.
  void OnWritten(uint64_t total_octets, absl::Time now);

  // So many octets of BodyChunk, counted from the beginning of the session, are in their place.
  void OnBodyTaken(uint64_t total_octets, absl::Time now);

  // Harmless when early.
  void OnTimer(absl::Time now);

  // The peer is gone; nothing can be sent any more. An Ask that is open stays without an answer; a
  // message that is being committed may be committed.
  void OnPeerClosed();

  // Ends the session with 421 4.3.2: at once when no transaction is under way, else behind it.
  void Drain(absl::Time now);

  // The same with 421 4.7.0: this peer's sessions together have had too many commands refused.
  void EndForErrors(absl::Time now);

  std::vector<Action> TakeActions();

  bool wants_input() const;
  absl::Time next_deadline() const;

  State state() const { return state_; }
  bool closed() const { return state_ == State::kClosed; }
  const ServerConfig& config() const { return *config_; }
  const SessionFacts& facts() const { return facts_; }
  // Commands and messages that were refused for good so far.
  uint64_t total_errors() const { return total_errors_; }
  // Of the transaction under way; while a MessageQuery is open, of that message.
  const Transaction& transaction() const { return transaction_; }

 private:
  // A 250 after a message, from its formatting until something shows that it was read.
  struct UnconfirmedReply {
    std::string transaction_id;
    uint64_t end_in_output;  // the reply's last octet, as OnWritten counts
    // The session had stopped wanting input: what comes next may have been sent long before.
    bool backlogged;
    std::optional<uint64_t> input_at_writing;  // octets fed when it was written
  };

  struct OpenQuery {
    QueryId id;
    Query query;
  };

  // The chunk of a BDAT that is being read.
  struct Chunk {
    uint64_t remaining;
    uint64_t octets;
    bool last;
    State resume;  // where the session stood before a refused one
    // The command was refused: the octets are read all the same (RFC 3030 s2), then this is said.
    std::optional<Reply> refusal;
  };

  // Input: server_session.cc.
  void Pump();
  void EndBetweenTransactions(Reply reply, CloseReason reason);
  bool CanProceed() const;
  bool ReadLine();
  bool SkipOverlongLine();
  void ConsumeLine(absl::string_view line);
  void CloseForBareLf();
  bool ReadContent();
  bool ReadChunk();
  size_t ConsumeContent(absl::string_view octets);
  void GiveBody(std::string content);
  void CountProgress(size_t octets);
  absl::string_view Unread() const;
  void Discard(size_t octets);
  void NoteProof(uint64_t input_offset);
  bool InputIsFull() const;
  bool BetweenTransactions() const;
  bool WaitsForShell() const;
  uint64_t MaxContentOctets() const;
  size_t LineLimit(absl::string_view line) const;

  // Commands: server_commands.cc.
  void Dispatch(const CommandLine& line);
  std::optional<Reply> CheckSequence(const CommandRule& rule) const;
  bool ViolatesSynchronization(const CommandRule& rule) const;
  bool IsOffered(const CommandRule& rule) const;
  bool NeedsLogin() const;
  void Proceed(Verb verb, absl::string_view arguments);
  void HandleHello(Verb verb, absl::string_view arguments);
  void HandleStartTls();
  void HandleXclient(absl::string_view arguments);
  void HandleAuth(absl::string_view arguments);
  void HandleAuthResponse(absl::string_view line);
  void HandleMail(absl::string_view arguments);
  void HandleRcpt(absl::string_view arguments);
  void HandleBdat(const CommandRule& rule, absl::string_view arguments);
  void HandleVrfy(absl::string_view arguments);
  void HandleHelp();

  // Verdicts: server_commands.cc.
  void Resolve(const ConnectQuery& query, const Verdict& verdict);
  void Resolve(const HelloQuery& query, const Verdict& verdict);
  void Resolve(const AuthQuery& query, const Verdict& verdict);
  void Resolve(const MailQuery& query, const Verdict& verdict);
  void Resolve(const RcptQuery& query, const Verdict& verdict);
  void Resolve(const DataQuery& query, const Verdict& verdict);
  void Resolve(const MessageQuery& query, const Verdict& verdict);

  void Greet();
  void EnterSession(const HelloQuery& hello);
  std::string EhloText() const;
  bool OffersAuth() const;
  void AskForRoom();
  void BeginContent(Framing framing);
  void EndChunk();
  void EndMessage();
  void FailMessage(const Reply& reply);
  std::vector<Reply> MessageReplies(const Verdict& verdict) const;
  void ResetTransaction();

  // Output: server_session.cc.
  Reply Unavailable(absl::string_view enhanced, absl::string_view why) const;
  void AskFor(Query query);
  void SendReply(const Reply& reply);
  void SendOctets(std::string octets);
  // A 4xx or 5xx to what the client did; too many of the latter end the session.
  void RefuseCommand(const Reply& reply);
  bool TooManyErrors();
  void CloseWith(const Reply& reply, CloseReason reason);
  void CloseNow(CloseReason reason);
  void AbandonBody();
  void AbortOpenBody(const Reply& reply);

  const std::shared_ptr<const ServerConfig> config_;
  const Limits& limits_;
  const bool may_xclient_;
  SessionFacts facts_;
  Transaction transaction_;
  State state_ = State::kConnecting;
  bool greeted_ = false;
  // Set: said, and the session closed, once no transaction is under way.
  std::optional<std::pair<Reply, CloseReason>> ending_;

  std::optional<OpenQuery> open_query_;
  uint64_t last_query_id_ = 0;
  uint64_t last_transaction_ = 0;
  std::string auth_mechanism_;  // of the exchange in state kAuth

  // Input that was fed: `input_` from `input_pos_` on is unread. `consumed_` octets came before
  // that.
  std::string input_;
  size_t input_pos_ = 0;
  uint64_t consumed_ = 0;
  size_t searched_ = 0;  // of the unread input, known to hold no LF
  bool skipping_line_ = false;

  std::optional<DataReader> reader_;
  std::optional<Chunk> chunk_;
  bool body_open_ = false;
  uint64_t content_octets_ = 0;  // of this message, as they came
  size_t block_octets_ = 0;

  std::vector<Action> actions_;
  uint64_t sent_ = 0;
  uint64_t written_ = 0;
  uint64_t body_given_ = 0;
  uint64_t body_taken_ = 0;
  std::deque<UnconfirmedReply> unconfirmed_;
  bool backlogged_ = false;  // when the last answer came

  uint32_t errors_ = 0;
  uint64_t total_errors_ = 0;
  uint32_t transactions_ = 0;
  uint32_t junk_commands_ = 0;
  uint32_t auth_failures_ = 0;

  absl::Time now_ = absl::InfinitePast();
  absl::Time waiting_since_ = absl::InfiniteFuture();
};

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_SERVER_SESSION_H_
