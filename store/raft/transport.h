#ifndef PACKETBOAT_STORE_RAFT_TRANSPORT_H_
#define PACKETBOAT_STORE_RAFT_TRANSPORT_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ids.h"

namespace packetboat::raft {

// Carries frames between the nodes of a cluster. May lose, delay, repeat or reorder them; must not
// alter them, and vouches for the sender (mutual TLS). Raft repeats what matters. Thread-safe.
class Transport {
 public:
  // Called from a thread of the transport; must not block.
  using Receiver = std::function<void(NodeId from, absl::string_view frame)>;

  virtual ~Transport() = default;

  // Where frames to this node go; before the first Send(). After Stop() has returned the receiver
  // is not called any more.
  virtual void Start(NodeId self, Receiver receiver) = 0;
  virtual void Stop() = 0;

  // Queues a frame of at most 1 MiB, or drops it, if `to` is unknown or its queue is full. Does not
  // block: the caller is the thread that all groups run on.
  virtual void Send(NodeId to, std::string frame) = 0;
};

// For a cluster of one: drops everything.
class NullTransport : public Transport {
 public:
  void Start(NodeId, Receiver) override {}
  void Stop() override {}
  void Send(NodeId, std::string) override {}
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_TRANSPORT_H_
