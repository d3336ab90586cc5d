#ifndef PACKETBOAT_MAIL_SMTP_SESSION_DRIVER_H_
#define PACKETBOAT_MAIL_SMTP_SESSION_DRIVER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "mail/smtp/server_session.h"

namespace packetboat::smtp {

// A session and what it did, for tests that look at the seam itself: nothing is answered, written
// or taken unless the test says so.
class SessionDriver {
 public:
  explicit SessionDriver(const ServerConfig& config)
      : session(std::make_shared<const ServerConfig>(config), "S1",
                {net::IpAddress::LoopbackV4(), 40000}, {net::IpAddress::LoopbackV4(), 25}) {
    session.Start(now);
    Take();
  }

  // Feeds `octets`; everything asked is accepted, everything said is written and taken, until the
  // session has nothing more to do.
  void Play(absl::string_view octets) {
    session.Feed(octets, now);
    Settle();
  }

  void Settle() {
    Take();
    while (open_query.value() != 0 || written != sent || taken != given) {
      written = sent;
      taken = given;
      session.OnWritten(written, now);
      session.OnBodyTaken(taken, now);
      if (open_query.value() != 0)
        session.Answer(std::exchange(open_query, QueryId()), Accept{}, now);
      Take();
    }
  }

  void Feed(absl::string_view octets) {
    session.Feed(octets, now);
    Take();
  }

  void Answer(const Verdict& verdict) {
    session.Answer(std::exchange(open_query, QueryId()), verdict, now);
    Take();
  }

  // Carries out what the session wants done, as far as that needs nobody else.
  void Take() {
    for (Action& action : session.TakeActions()) {
      if (auto* send = std::get_if<Send>(&action)) {
        output += send->octets;
        sent += send->octets.size();
      } else if (auto* start = std::get_if<StartTls>(&action)) {
        sent += start->reply.size();
        ++handshakes;
      } else if (auto* ask = std::get_if<Ask>(&action)) {
        open_query = ask->id;
      } else if (auto* chunk = std::get_if<BodyChunk>(&action)) {
        body += chunk->octets;
        given += chunk->octets.size();
      } else if (std::holds_alternative<AbortBody>(action)) {
        ++aborted;
        taken = given;
      } else if (auto* confirmation = std::get_if<ReplyConfirmed>(&action)) {
        confirmed.push_back(confirmation->transaction_id);
      } else if (std::holds_alternative<Close>(action)) {
        closed = true;
      }
    }
  }

  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  ServerSession session;
  std::string output;
  std::string body;
  std::vector<std::string> confirmed;
  QueryId open_query;
  uint64_t sent = 0;
  uint64_t written = 0;
  uint64_t given = 0;
  uint64_t taken = 0;
  int handshakes = 0;
  int aborted = 0;
  bool closed = false;
};

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_SESSION_DRIVER_H_
