#ifndef PACKETBOAT_MX_INBOUND_SESSION_H_
#define PACKETBOAT_MX_INBOUND_SESSION_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "mail/smtp/server_session.h"
#include "mx/clients/auth_client.h"
#include "mx/clients/store_client.h"
#include "mx/inbound/body_buffer.h"
#include "mx/inbound/client_limits.h"
#include "mx/inbound/message.h"
#include "mx/inbound/metrics.h"
#include "net/api/connection.h"
#include "net/api/open_sessions.h"
#include "net/api/tls.h"

namespace packetboat::mx {

// What all sessions of one listener share; outlives them.
struct InboundContext {
  std::shared_ptr<const smtp::ServerConfig> smtp;
  std::shared_ptr<net::TlsServerContext> tls;  // nullptr: no STARTTLS
  AuthClient* auth = nullptr;
  StoreClient* stores = nullptr;
  BodyBudget* budget = nullptr;
  BodyBuffer::Options buffer;
  absl::Duration commit_wait = absl::Seconds(60);
  Clock* clock = nullptr;
  Random* random = nullptr;

  // Whom this listener serves; empty: everybody.
  std::vector<net::IpNetwork> allow_from;
  // One for all listeners; nullptr: none.
  std::shared_ptr<ClientLimits> client_limits;

  // Messages of one session whose 250 the client has not been seen to have read; of older ones the
  // keys live out their window.
  size_t unconfirmed_messages = 64;
  std::shared_ptr<InboundMetrics> metrics;
};

// The sessions of a server: those that shall end in order, and those that shall end at once.
struct InboundSessions {
  std::shared_ptr<net::OpenSessions> draining = std::make_shared<net::OpenSessions>();
  std::shared_ptr<net::OpenSessions> dropping = std::make_shared<net::OpenSessions>();
};

// What a client is told that is not served, as a greeting.
smtp::Reply RefusalOf(Admittance admittance, const std::string& hostname);

// One SMTP or LMTP connection: carries octets between the socket and the engine, and answers the
// engine's questions out of auth and the stores. Lives on its connection's loop; nothing is called
// from other threads.
class InboundSession : public net::ConnectionHandler,
                       public std::enable_shared_from_this<InboundSession> {
 public:
  // `place`: the connection's, among those of its address.
  InboundSession(std::shared_ptr<const InboundContext> context, InboundSessions sessions,
                 ClientLimits::Ticket place);

  void OnOpen(net::Connection& connection) override;
  void OnData(absl::string_view octets) override;
  void OnWritten(uint64_t total) override;
  void OnTlsEstablished(const net::TlsInfo& info) override;
  void OnTimer() override;
  // A client may say all that it has to say and end its side: it still gets every reply.
  bool OnEndOfStream() override;
  void OnClosed(const absl::Status& why) override;

 private:
  // A message that was answered 250, whose keys may go once the client has shown that it saw that.
  struct Answered {
    std::string transaction_id;
    std::vector<CopyKey> keys;
  };

  // Messages of one session whose keys the end of the session waits for; older ones went long ago.
  static constexpr size_t kAwaitedKeys = 1000;

  // Ends the session once its transaction is over.
  void Drain();
  // Ends it at once.
  void Drop();
  void Run();
  void DoActions();
  void CountErrors();
  bool HasAnsweredAll() const;
  void Do(smtp::Send action);
  void Do(smtp::Ask action);
  void Do(smtp::BeginBody action);
  void Do(smtp::BodyChunk action);
  void Do(smtp::AbortBody action);
  void Do(smtp::StartTls action);
  void Do(smtp::ReplyConfirmed action);
  void Do(smtp::Close action);
  // What was still to be said before the connection is closed.
  void SayFarewell();

  void Find(smtp::QueryId id, const smtp::ConnectQuery& query);
  void Find(smtp::QueryId id, const smtp::HelloQuery& query);
  void Find(smtp::QueryId id, const smtp::AuthQuery& query);
  void Find(smtp::QueryId id, const smtp::MailQuery& query);
  void Find(smtp::QueryId id, const smtp::RcptQuery& query);
  void Find(smtp::QueryId id, const smtp::DataQuery& query);
  void Find(smtp::QueryId id, const smtp::MessageQuery& query);

  void Resolved(smtp::QueryId id, const absl::StatusOr<mx::Resolved>& resolved);
  // Asks whether there is room at one of the recipient's targets, from `target` on.
  void FindRoom(smtp::QueryId id, std::shared_ptr<const mx::Resolved> resolved, size_t target);
  // The client that XCLIENT names takes the place of the proxy.
  Admittance TakePlaceOf(const net::IpAddress& client);
  void AcceptRecipient(smtp::QueryId id, const mx::Resolved& resolved);
  void RefuseRecipient(smtp::QueryId id, RecipientResult result, const smtp::Refuse& refusal);
  void Committed(smtp::QueryId id, const std::vector<absl::Status>& by_recipient,
                 std::vector<CopyKey> keys, absl::Duration took);
  void Answer(smtp::QueryId id, const smtp::Verdict& verdict);
  absl::Time Now() const;

  const std::shared_ptr<const InboundContext> context_;
  const InboundSessions sessions_;
  ClientLimits::Ticket place_;
  net::OpenSessions::Ticket draining_;
  net::OpenSessions::Ticket dropping_;
  net::Connection* connection_ = nullptr;  // until OnClosed
  std::optional<smtp::ServerSession> smtp_;
  log::Logger log_;
  net::IpAddress client_;  // whose place it is
  bool connection_judged_ = false;
  uint64_t errors_ = 0;  // that were counted for its address
  bool running_ = false;
  bool input_ended_ = false;
  absl::string_view end_reason_ = "connection lost";
  uint64_t body_taken_ = 0;

  // Of the transaction under way: what its accepted recipients lead to, and its message.
  std::vector<mx::Resolved> recipients_;
  std::unique_ptr<InboundMessage> message_;
  std::deque<Answered> answered_;
  // Set once the client of the message under way has gone.
  std::shared_ptr<std::atomic<bool>> abandoned_ = std::make_shared<std::atomic<bool>>(false);

  // Keys that were let go, and what is said when they have gone: who has read the answer to QUIT
  // may send the same octets anew, through any MX.
  std::deque<std::string> let_go_;
  std::string farewell_;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_INBOUND_SESSION_H_
