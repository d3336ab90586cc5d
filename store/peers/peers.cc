#include "store/peers/peers.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "base/check.h"
#include "base/status.h"
#include "net/rpc/channel.h"
#include "net/rpc/credentials.h"
#include "proto/replication/replication.grpc.pb.h"
#include "store/peers/link.h"
#include "store/peers/proposals.h"
#include "store/peers/relay.h"
#include "store/peers/wire.h"

namespace packetboat::store {
namespace {

using rpc::replication::IdentifyReply;
using rpc::replication::IdentifyRequest;
using rpc::replication::Peer;

absl::StatusOr<Introduction> FromWire(const rpc::Identity& holder, const IdentifyReply& reply) {
  Introduction one;
  one.id = NodeId(reply.node_id());
  one.name = holder.node;
  one.cluster = reply.cluster();
  one.shards = reply.shards();
  one.stores = {reply.stores().begin(), reply.stores().end()};
  if (one.id == NodeId(0)) return absl::UnavailableError("it says nothing of itself");
  if (reply.has_members()) {
    ASSIGN_OR_RETURN(one.members, store::FromWire(reply.members()));
  }
  return one;
}

struct Connection {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Peer::Stub> stub;
  std::shared_ptr<Proposals> proposals;
};

}  // namespace

class Peers::Impl {
 public:
  Impl(PeersOptions options, net::EventLoop& loop) : options_(std::move(options)), loop_(loop) {
    const rpc::ConnectionTiming timing = {.keepalive_interval = options_.keepalive_interval,
                                          .keepalive_timeout = options_.keepalive_timeout,
                                          .connect_timeout = options_.connect_timeout,
                                          .reconnect_max = options_.reconnect_max};
    for (const std::string& address : options_.addresses) {
      Connection& connection = connections_.emplace_back();
      connection.address = address;
      connection.channel =
          rpc::OpenChannel(address, options_.tls, options_.cluster, rpc::Role::kStore, timing);
      connection.stub = Peer::NewStub(connection.channel);
      connection.proposals =
          std::make_shared<Proposals>(*connection.stub, loop_, options_.max_proposed_bytes);
    }
  }

  std::vector<Answer> Introduce(absl::Duration timeout) {
    struct Call {
      grpc::ClientContext context;
      IdentifyRequest request;
      IdentifyReply reply;
      absl::StatusOr<Introduction> result = absl::UnknownError("");
    };
    std::vector<Call> calls(connections_.size());
    absl::BlockingCounter answered(static_cast<int>(calls.size()));
    for (size_t i = 0; i < calls.size(); ++i) {
      Call& call = calls[i];
      call.context.set_wait_for_ready(true);
      rpc::SetTimeout(call.context, timeout);
      connections_[i].stub->async()->Identify(
          &call.context, &call.request, &call.reply, [&call, &answered](grpc::Status status) {
            call.result =
                status.ok() ? FromWire(rpc::PeerOf(call.context), call.reply) : NoAnswer(status);
            answered.DecrementCount();
          });
    }
    answered.Wait();
    std::vector<Answer> answers;
    for (size_t i = 0; i < calls.size(); ++i) {
      answers.push_back({connections_[i].address, std::move(calls[i].result)});
    }
    return answers;
  }

  void Begin(NodeId self, Members members) {
    CHECK(!begun_);
    self_ = self;
    members_ = std::move(members);
    for (const Connection& connection : connections_) {
      links_.push_back(std::make_shared<Link>(
          Link::Options{connection.address, self, options_.max_queued_bytes, options_.reopen_pause},
          *connection.stub, loop_, members_));
    }
    begun_.store(true, std::memory_order_release);
    for (const auto& link : links_) link->Start();
  }

  bool begun() const { return begun_.load(std::memory_order_acquire); }
  NodeId self() const { return self_; }
  const Members& members() const { return members_; }

  void Close() {
    SetReceiver(nullptr);
    for (const Connection& connection : connections_) connection.proposals->Close();
    relays_.Close();
    if (!begun()) return;
    for (const auto& link : links_) link->Stop();
  }

  Link* LinkTo(NodeId node) const {
    if (!begun()) return nullptr;
    for (const auto& link : links_) {
      if (link->peer() == node) return link.get();
    }
    return nullptr;
  }

  void Propose(NodeId to, ShardId shard, std::string command, RemoteProposals::Callback done) {
    const Connection* const connection = ConnectionTo(to);
    if (connection != nullptr) {
      return connection->proposals->Propose(shard, std::move(command), std::move(done));
    }
    loop_.Post([done = std::move(done)]() mutable {
      done(absl::UnavailableError("the leader is not connected"), std::nullopt);
    });
  }

  absl::StatusOr<PeerProgress> AskProgress(NodeId node, ShardId shard, absl::Duration timeout) {
    const Connection* const connection = ConnectionTo(node);
    if (connection == nullptr) return absl::UnavailableError("it is not connected");
    grpc::ClientContext context;
    rpc::SetTimeout(context, timeout);
    const rpc::replication::StatusRequest request;
    rpc::replication::StatusReply reply;
    absl::Notification answered;
    absl::Status status;
    connection->stub->async()->Status(&context, &request, &reply, [&](const grpc::Status& result) {
      status = rpc::FromGrpc(result);
      answered.Notify();
    });
    answered.WaitForNotification();
    RETURN_IF_ERROR(status);
    if (!reply.failure().empty()) return absl::UnavailableError(reply.failure());
    for (const rpc::replication::ShardStatus& one : reply.shards()) {
      if (one.shard() == shard.value()) {
        return PeerProgress{RaftIndex(one.applied()), reply.disk().free_bytes()};
      }
    }
    return absl::UnavailableError("it has no replica");
  }

  RelayControl Dial(net::EventLoop& loop, const RelayedLogin& login, NodeId to,
                    std::shared_ptr<net::ConnectionHandler> handler) {
    if (const Connection* const connection = ConnectionTo(to); connection != nullptr) {
      return relays_.Dial(*connection->stub, loop, login, std::move(handler));
    }
    loop.Post([handler = std::move(handler)] {
      handler->OnClosed(absl::UnavailableError("no store with replicas can be reached"));
    });
    return {[] {}, [] {}};
  }

  std::string AddressOf(NodeId node) const {
    if (const Link* const link = LinkTo(node); link != nullptr) return link->address();
    if (!begun()) return "";
    const Member* const member = members_.Find(node);
    return member == nullptr ? "" : member->address;
  }

  std::vector<PeerState> States() const {
    std::vector<PeerState> states;
    if (!begun()) return states;
    for (const Member& member : members_.all) {
      if (member.id == self_) continue;
      PeerState& state = states.emplace_back(PeerState{.member = member});
      state.address = AddressOf(member.id);
      const Link* const link = LinkTo(member.id);
      if (link == nullptr) continue;
      state.connected = true;
      state.queued_bytes = link->queued_bytes();
      state.dropped_frames = link->dropped();
    }
    return states;
  }

  void SetReceiver(Receiver receiver) {
    absl::MutexLock lock(&receiver_mutex_);
    receiver_ = std::move(receiver);
  }

  void Deliver(NodeId from, absl::string_view frame) {
    absl::ReaderMutexLock lock(&receiver_mutex_);
    if (receiver_) receiver_(from, frame);
  }

 private:
  // While it is connected.
  const Connection* ConnectionTo(NodeId node) const {
    if (!begun()) return nullptr;
    for (size_t i = 0; i < links_.size(); ++i) {
      if (links_[i]->peer() == node) return &connections_[i];
    }
    return nullptr;
  }

  static absl::Status NoAnswer(const grpc::Status& status) {
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      return absl::UnavailableError("it does not answer");
    }
    return rpc::FromGrpc(status);
  }

  const PeersOptions options_;
  net::EventLoop& loop_;
  std::vector<Connection> connections_;
  RelayDialers relays_;

  // Set before begun_, unchanged from then on.
  NodeId self_;
  Members members_;
  std::vector<std::shared_ptr<Link>> links_;
  std::atomic<bool> begun_{false};

  absl::Mutex receiver_mutex_;
  Receiver receiver_ ABSL_GUARDED_BY(receiver_mutex_);
};

Peers::Peers(PeersOptions options, net::EventLoop& loop)
    : impl_(std::make_unique<Impl>(std::move(options), loop)) {}

Peers::~Peers() { Close(); }

std::vector<Answer> Peers::Introduce(absl::Duration timeout) { return impl_->Introduce(timeout); }

void Peers::Begin(NodeId self, Members members) { impl_->Begin(self, std::move(members)); }

const Members* Peers::members() const { return impl_->begun() ? &impl_->members() : nullptr; }

NodeId Peers::self() const { return impl_->self(); }

void Peers::Close() { impl_->Close(); }

absl::StatusOr<PeerProgress> Peers::AskProgress(NodeId node, ShardId shard,
                                                absl::Duration timeout) {
  return impl_->AskProgress(node, shard, timeout);
}

std::string Peers::AddressOf(NodeId node) const { return impl_->AddressOf(node); }

std::vector<PeerState> Peers::States() const { return impl_->States(); }

void Peers::Propose(NodeId to, ShardId shard, std::string command, RemoteProposals::Callback done) {
  impl_->Propose(to, shard, std::move(command), std::move(done));
}

std::vector<NodeId> Peers::ReachableVoters() const {
  std::vector<NodeId> voters;
  for (const PeerState& state : States()) {
    if (state.member.voter && state.connected) voters.push_back(state.member.id);
  }
  return voters;
}

bool Peers::CanDial() const {
  const Members* const all = members();
  return all != nullptr && !all->Find(self())->voter && !ReachableVoters().empty();
}

RelayControl Peers::Dial(net::EventLoop& loop, const RelayedLogin& login,
                         std::shared_ptr<net::ConnectionHandler> handler) {
  const std::vector<NodeId> voters = ReachableVoters();
  // Accounts spread over the voters; one account's sessions share the cache of one.
  const NodeId to = voters.empty() ? NodeId(0) : voters[login.user.account.value() % voters.size()];
  return impl_->Dial(loop, login, to, std::move(handler));
}

void Peers::Start(NodeId, Receiver receiver) { impl_->SetReceiver(std::move(receiver)); }

void Peers::Stop() { impl_->SetReceiver(nullptr); }

void Peers::Send(NodeId to, std::string frame) {
  if (Link* const link = impl_->LinkTo(to); link != nullptr) link->Send(std::move(frame));
}

void Peers::Deliver(NodeId from, absl::string_view frame) { impl_->Deliver(from, frame); }

}  // namespace packetboat::store
