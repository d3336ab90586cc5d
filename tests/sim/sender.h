#ifndef PACKETBOAT_TESTS_SIM_SENDER_H_
#define PACKETBOAT_TESTS_SIM_SENDER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/api/connection.h"
#include "tests/sim/oracles/oracles.h"
#include "tests/sim/users.h"
#include "tests/sim/world.h"

namespace packetboat::sim {

// Opens a connection to an MX that is running, or answers false.
using DialMx = std::function<bool(std::shared_ptr<net::ConnectionHandler>)>;

// A sending server: one message after the other; what was not answered 250 goes again, octet for
// octet, through whichever MX, until it was. Connections are cut at every point of the dialog. Some
// messages are followed by another one of the same octets, once the session of the first has ended
// in order.
class Sender {
 public:
  struct Pace {
    // Between a 250 and the next message; and before another try.
    absl::Duration pause = absl::Milliseconds(800);
    absl::Duration retry = absl::Seconds(2);
    // How long a reply may take; a real one waits ten minutes (RFC 5321 s4.5.3.2.6).
    absl::Duration patience = absl::Seconds(20);
    // Of messages that were sent in a clean session.
    double anew_percent = 20;
  };

  Sender(World& world, Oracles& oracles, const Users& users, DialMx dial, int number, Pace pace);
  ~Sender();

  void Start();
  // Composes nothing new; what it has it still sends.
  void Finish() { finishing_ = true; }
  bool idle() const { return finishing_ && message_ == 0; }
  // What it still has to send; zero: nothing.
  MessageId pending() const { return message_; }

 private:
  class Try;

  void Compose();
  void TryAgain();
  // How one connection ended.
  enum class End {
    kUnknown,
    kAccepted,  // there was a 250 for the message
    kClean,     // and an answer to QUIT behind it
  };
  void Ended(End end);
  void Later(absl::Duration delay, void (Sender::*what)());

  World& world_;
  Oracles& oracles_;
  const Users& users_;
  const DialMx dial_;
  const int number_;
  const Pace pace_;
  bool finishing_ = false;

  MessageId message_ = 0;
  std::string reverse_path_;
  std::vector<AccountId> accounts_;
  std::string octets_;
  uint64_t tries_ = 0;
  std::shared_ptr<Try> try_;
  // Of tasks that wait.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_SENDER_H_
