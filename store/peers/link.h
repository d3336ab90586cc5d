#ifndef PACKETBOAT_STORE_PEERS_LINK_H_
#define PACKETBOAT_STORE_PEERS_LINK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "net/api/event_loop.h"
#include "net/rpc/access.h"
#include "proto/replication/replication.grpc.pb.h"
#include "store/peers/client_stream.h"
#include "store/peers/members.h"

namespace packetboat::store {

// No frame between two nodes is larger, nor are all of one message together.
inline constexpr size_t kMaxFrameBytes = size_t{1} << 20;

// The way to one address of `cluster.stores`: a stream of frames that is opened again whenever it
// ends. Who answers there is learned each time and held against the list of members, so that an
// address that has come to mean another store leads to that one. Thread-safe.
//
// Frames wait in a queue that is bounded in bytes; what goes beyond is dropped, as are all that
// wait when the stream ends: Raft repeats what matters.
class Link : public std::enable_shared_from_this<Link> {
 public:
  using Stub = rpc::replication::Peer::Stub;

  struct Options {
    std::string address;
    NodeId self;
    size_t max_queued_bytes;
    // After a stream has ended. How often a connection is tried is the channel's own matter.
    absl::Duration reopen_pause;
  };

  // `stub`, `loop` and `members` outlive the link; the loop is for the pauses between two tries.
  Link(Options options, Stub& stub, net::EventLoop& loop, const Members& members);

  void Start();
  // When it returns nothing is under way any more. For good.
  void Stop();

  // Drops it unless connected.
  void Send(std::string frame);

  const std::string& address() const { return options_.address; }
  // Who answers; zero while nobody does, or if it is this store itself.
  NodeId peer() const { return NodeId(peer_.load(std::memory_order_acquire)); }
  size_t queued_bytes() const;
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  // Why the last stream ended; OK while there is one.
  absl::Status status() const;

 private:
  using Stream = ClientStream<rpc::replication::ExchangeRequest, rpc::replication::ExchangeReply>;

  void Open();
  std::optional<rpc::replication::ExchangeRequest> Next();
  void Greeted(Stream& stream, const rpc::replication::ExchangeReply& reply);
  // The store at the other end, or why it is none.
  absl::StatusOr<NodeId> Judge(const rpc::Identity& holder, NodeId claimed) const;
  void Ended(absl::Status why);

  const Options options_;
  Stub& stub_;
  net::EventLoop& loop_;
  const Members& members_;
  std::atomic<uint64_t> peer_{0};
  std::atomic<uint64_t> dropped_{0};

  mutable absl::Mutex mutex_;
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = false;  // until gRPC is done with the stream
  bool hello_sent_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_self_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::string> frames_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_) = absl::UnavailableError("not connected yet");
  // Of a peer that was refused, or refused us.
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_LINK_H_
