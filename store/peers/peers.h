#ifndef PACKETBOAT_STORE_PEERS_PEERS_H_
#define PACKETBOAT_STORE_PEERS_PEERS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "net/api/event_loop.h"
#include "net/rpc/tls_files.h"
#include "store/imap/relay.h"
#include "store/peers/formation.h"
#include "store/peers/leader_spread.h"
#include "store/peers/members.h"
#include "store/raft/transport.h"
#include "store/shards/remote_proposals.h"

namespace packetboat::store {

struct PeersOptions {
  std::vector<std::string> addresses;  // cluster.stores
  rpc::TlsFiles tls;
  std::string cluster;
  // Frames that wait for one peer; more are dropped.
  size_t max_queued_bytes = size_t{32} << 20;
  // Commands that were proposed at one peer and have no answer yet; more are refused.
  size_t max_proposed_bytes = size_t{32} << 20;
  // A store that was cut off is heard again soon after it is back: its shards wait for it.
  absl::Duration keepalive_interval = absl::Seconds(1);
  absl::Duration keepalive_timeout = absl::Seconds(2);
  absl::Duration connect_timeout = absl::Seconds(1);
  absl::Duration reconnect_max = absl::Milliseconds(300);
  // Before a stream that has ended is opened again.
  absl::Duration reopen_pause = absl::Milliseconds(50);
};

// What is known of another store at this moment.
struct PeerState {
  Member member;
  bool connected = false;
  std::string address;  // where it answers, or did when the cluster was formed
  uint64_t queued_bytes = 0;
  uint64_t dropped_frames = 0;
};

// The other stores of the cluster: the connections to them, and the frames of Raft on those.
// Thread-safe.
//
//   peers.Introduce(...)   while the cluster is formed
//   peers.Begin(...)       once it is known who makes it up
//   raft::Node on it       which starts and stops the flow of frames
//   Forwarder on it        for proposals of this node at others that lead
class Peers : public raft::Transport, public RemoteProposals, public Relays {
 public:
  // `loop` outlives this; it is for timers.
  Peers(PeersOptions options, net::EventLoop& loop);
  // Stops everything.
  ~Peers() override;

  // Asks every address who answers there; blocks, for about `timeout` at most. In the order of the
  // addresses.
  std::vector<Answer> Introduce(absl::Duration timeout);

  // Opens the streams to all others. Once.
  void Begin(NodeId self, Members members);
  // Nothing before Begin().
  const Members* members() const;
  NodeId self() const;

  // Ends everything that is under way; blocks.
  void Close();

  // `host:port` at which the store is configured; empty if that is not known.
  std::string AddressOf(NodeId node) const;
  // All members but this store, in their order.
  std::vector<PeerState> States() const;

  // Asks a peer that can be reached how far it is with a shard; blocks, for about `timeout` at
  // most.
  absl::StatusOr<PeerProgress> AskProgress(NodeId node, ShardId shard, absl::Duration timeout);

  // --- RemoteProposals

  void Propose(NodeId to, ShardId shard, std::string command,
               RemoteProposals::Callback done) override;
  std::vector<NodeId> ReachableVoters() const override;

  // --- Relays: from a store that is no voter, to a voter that can be reached

  bool CanDial() const override;
  RelayControl Dial(net::EventLoop& loop, const RelayedLogin& login,
                    std::shared_ptr<net::ConnectionHandler> handler) override;

  // --- raft::Transport

  void Start(NodeId self, Receiver receiver) override;
  void Stop() override;
  void Send(NodeId to, std::string frame) override;

  // A frame has come in, from a sender that was judged. Dropped while no node runs.
  void Deliver(NodeId from, absl::string_view frame);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_PEERS_H_
