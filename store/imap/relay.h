#ifndef PACKETBOAT_STORE_IMAP_RELAY_H_
#define PACKETBOAT_STORE_IMAP_RELAY_H_

#include <functional>
#include <memory>
#include <string>

#include "net/api/connection.h"
#include "store/imap/authenticator.h"

namespace packetboat::store {

// What a relayed session begins with, at the store that has the account (DESIGN.md s3, "Reads").
struct RelayedLogin {
  LoggedIn user;
  // Of the command that logged in; the other store answers it.
  std::string tag;
  net::Endpoint peer;
};

// The handler of a relayed session's connection, and how to ask its session for an orderly end.
struct RelayedHandler {
  std::shared_ptr<net::ConnectionHandler> handler;
  std::function<void()> shut_down;  // on the connection's loop
};

// What the store that has the client tells the other one beside octets. Either may be called at any
// time, also when the relay has ended.
struct RelayControl {
  // The session shall say BYE between two of its commands. From any thread.
  std::function<void()> ask_to_end;
  // The client sends nothing more, but may still be reading: behind what was sent so far. On the
  // connection's loop.
  std::function<void()> end_input;
};

// The way from a store that has no replicas, and gets none, to one that has them. Thread-safe.
class Relays {
 public:
  virtual ~Relays() = default;

  // Whether this store is one that relays, and there is a store to go to. A store with replicas
  // never relays, also while they are not running yet: its sessions would stay at another store for
  // good, and end with that one.
  virtual bool CanDial() const = 0;

  // As Network::Dial: OnOpen, or OnClosed if no such store can be reached.
  virtual RelayControl Dial(net::EventLoop& loop, const RelayedLogin& login,
                            std::shared_ptr<net::ConnectionHandler> handler) = 0;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_RELAY_H_
