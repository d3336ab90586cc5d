#ifndef PACKETBOAT_TESTS_SIM_IMAP_CLIENT_H_
#define PACKETBOAT_TESTS_SIM_IMAP_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/api/connection.h"
#include "tests/sim/oracles/oracles.h"
#include "tests/sim/users.h"
#include "tests/sim/world.h"

namespace packetboat::sim {

// Opens a connection to the IMAP port of a store that is running, or answers false.
using DialImap = std::function<bool(std::shared_ptr<net::ConnectionHandler>)>;

// A mail program: logs in at some store, selects a mailbox, and does what people do, a command at a
// time; then leaves, and comes back through another store. Everything that it is told goes to the
// oracles.
class ImapClient {
 public:
  ImapClient(World& world, Oracles& oracles, DialImap dial, int number, AccountId account);
  ~ImapClient();

  void Start();
  // Begins nothing new.
  void Finish() { finishing_ = true; }
  bool idle() const { return finishing_ && session_ == nullptr; }
  uint64_t commands() const { return commands_; }

 private:
  class Session;

  void Connect();
  void Ended();

  World& world_;
  Oracles& oracles_;
  const DialImap dial_;
  const int number_;
  const AccountId account_;
  bool finishing_ = false;
  uint64_t commands_ = 0;
  uint64_t appended_ = 0;
  std::shared_ptr<Session> session_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_IMAP_CLIENT_H_
