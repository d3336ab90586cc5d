#ifndef PACKETBOAT_STORE_PEERS_PROPOSALS_H_
#define PACKETBOAT_STORE_PEERS_PROPOSALS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "net/api/event_loop.h"
#include "proto/replication/replication.grpc.pb.h"
#include "store/peers/client_stream.h"
#include "store/shards/remote_proposals.h"

namespace packetboat::store {

// Proposals on their way to one other store, on one stream that is opened when there is something
// to propose. What the stream has not taken when it breaks was definitely not proposed; the outcome
// of the rest is unknown. Thread-safe.
class Proposals : public std::enable_shared_from_this<Proposals> {
 public:
  using Stub = rpc::replication::Peer::Stub;

  // `stub` outlives this. `max_bytes`: of commands without an answer. `loop`, for refusals,
  // outlives what was proposed.
  Proposals(Stub& stub, net::EventLoop& loop, size_t max_bytes)
      : stub_(stub), loop_(loop), max_bytes_(max_bytes) {}

  // kResourceExhausted beyond max_bytes; else as RemoteProposals::Propose.
  void Propose(ShardId shard, std::string command, RemoteProposals::Callback done);

  // When it returns every callback has been made; takes nothing more.
  void Close();

 private:
  using Stream = ClientStream<rpc::replication::ProposeRequest, rpc::replication::ProposeReply>;

  struct Pending {
    size_t bytes;
    bool sent = false;
    RemoteProposals::Callback done;
  };

  void Open();
  std::optional<rpc::replication::ProposeRequest> Next();
  void Answered(const rpc::replication::ProposeReply& reply);
  void Ended();
  void FailPending();

  Stub& stub_;
  net::EventLoop& loop_;
  const size_t max_bytes_;

  absl::Mutex mutex_;
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = false;  // until gRPC is done with the stream
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<rpc::replication::ProposeRequest> queue_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Pending> pending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_PROPOSALS_H_
