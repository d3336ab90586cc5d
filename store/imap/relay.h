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

// The way from a store without replicas to one that has them. Thread-safe.
class Relays {
 public:
  virtual ~Relays() = default;

  // Whether there is a store to go to.
  virtual bool CanDial() const = 0;

  // As Network::Dial: OnOpen, or OnClosed if no such store can be reached. What is returned asks
  // the session at the other side to say BYE between two of its commands; from any thread, at any
  // time.
  virtual std::function<void()> Dial(net::EventLoop& loop, const RelayedLogin& login,
                                     std::shared_ptr<net::ConnectionHandler> handler) = 0;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_RELAY_H_
