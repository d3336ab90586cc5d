#ifndef PACKETBOAT_STORE_PEERS_RELAY_H_
#define PACKETBOAT_STORE_PEERS_RELAY_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "net/api/network.h"
#include "proto/replication/replication.grpc.pb.h"
#include "store/imap/relay.h"

namespace packetboat::store {

class RelayDialer;

// The calling side of relayed sessions. Thread-safe.
class RelayDialers {
 public:
  // Close().
  ~RelayDialers() { Close(); }

  // Opens the stream of one session at the store behind `stub`, as Relays::Dial. `stub` and `loop`
  // outlive it.
  RelayControl Dial(rpc::replication::Peer::Stub& stub, net::EventLoop& loop,
                    const RelayedLogin& login, std::shared_ptr<net::ConnectionHandler> handler);

  // Ends all streams, also those that still come; when it returns none is left.
  void Close();

 private:
  friend class RelayDialer;

  void Remove(RelayDialer* dialer);

  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<RelayDialer*> open_ ABSL_GUARDED_BY(mutex_);
};

// Makes the handler of a session that comes in.
using RelayedSessions = std::function<RelayedHandler(const RelayedLogin& login)>;

// The sessions that were accepted, and how many may be open at once.
struct RelayCount {
  explicit RelayCount(size_t max) : max(max) {}
  const size_t max;
  std::atomic<size_t> open{0};
};

// The answering side of such a stream, which is refused if there are too many. `sessions`, `count`
// and `loop` outlive it.
grpc::ServerBidiReactor<rpc::replication::RelayRequest, rpc::replication::RelayReply>* AcceptRelay(
    const RelayedSessions& sessions, RelayCount& count, net::EventLoop& loop);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_RELAY_H_
