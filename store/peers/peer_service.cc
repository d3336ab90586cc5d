#include "store/peers/peer_service.h"

#include <grpcpp/server_context.h>

#include <optional>
#include <utility>

#include "base/status.h"
#include "net/rpc/channel.h"
#include "net/rpc/credentials.h"
#include "proto/replication/replication.grpc.pb.h"
#include "store/peers/link.h"
#include "store/peers/server_stream.h"
#include "store/peers/wire.h"

namespace packetboat::store {
namespace {

using rpc::replication::ExchangeReply;
using rpc::replication::ExchangeRequest;
using rpc::replication::ProposeReply;
using rpc::replication::ProposeRequest;
using rpc::replication::StatusReply;

// The frames of one peer.
class ExchangeStream : public ServerStream<ExchangeRequest, ExchangeReply> {
 public:
  ExchangeStream(Peers& peers, std::string caller) : peers_(peers), caller_(std::move(caller)) {}

 private:
  grpc::Status Take(ExchangeRequest request) override {
    if (from_ == NodeId(0)) return Greet(NodeId(request.hello().node_id()));
    for (const std::string& frame : request.frames()) {
      if (frame.size() > kMaxFrameBytes) {
        return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "a frame is too large");
      }
      peers_.Deliver(from_, frame);
    }
    return grpc::Status::OK;
  }

  // The certificate says who is speaking; the hello must say the same.
  grpc::Status Greet(NodeId claimed) {
    const Members* const members = peers_.members();
    if (members == nullptr) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "this store has no cluster yet");
    }
    const absl::Status judged = CheckSpeaker(*members, caller_, claimed);
    if (!judged.ok()) return rpc::ToGrpc(judged);
    from_ = claimed;
    ExchangeReply reply;
    reply.mutable_hello()->set_node_id(peers_.self().value());
    Send(std::move(reply));
    return grpc::Status::OK;
  }

  Peers& peers_;
  const std::string caller_;
  NodeId from_;
};

rpc::replication::Refused::Reason ReasonOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return rpc::replication::Refused::NOT_LEADER;
    case absl::StatusCode::kResourceExhausted:
      return rpc::replication::Refused::NO_SPACE;
    case absl::StatusCode::kInvalidArgument:
      return rpc::replication::Refused::MALFORMED;
    default:
      return rpc::replication::Refused::UNKNOWN;
  }
}

// What a peer proposes in the shards that this store leads.
class ProposeStream : public ServerStream<ProposeRequest, ProposeReply> {
 public:
  explicit ProposeStream(Shards& shards) : shards_(shards) {}

 private:
  grpc::Status Take(ProposeRequest request) override {
    const ShardId shard(request.shard());
    shards_.Propose(
        shard, std::move(*request.mutable_command()),
        [self = this->shared_from_this(), this, id = request.id(),
         shard](const absl::StatusOr<replication::ApplyResult>& applied) {
          Send(applied.ok() ? Answer(id, *applied) : Refuse(id, shard, applied.status()));
        },
        Route::kHere);
    return grpc::Status::OK;
  }

  static ProposeReply Answer(uint64_t id, const replication::ApplyResult& applied) {
    ProposeReply reply;
    reply.set_id(id);
    reply.mutable_applied()->set_index(applied.index.value());
    reply.mutable_applied()->set_log_time_us(absl::ToUnixMicros(applied.log_time));
    reply.mutable_applied()->set_result(applied.result);
    return reply;
  }

  ProposeReply Refuse(uint64_t id, ShardId shard, const absl::Status& status) const {
    ProposeReply reply;
    reply.set_id(id);
    rpc::replication::Refused& refused = *reply.mutable_refused();
    refused.set_reason(ReasonOf(status));
    refused.set_text(std::string(status.message()));
    if (refused.reason() != rpc::replication::Refused::NOT_LEADER) return reply;
    const std::optional<NodeId> leader = shards_.group(shard).status().leader;
    if (leader.has_value()) refused.set_leader(leader->value());
    return reply;
  }

  Shards& shards_;
};

rpc::replication::ShardStatus::Role ToWire(replication::Role role) {
  switch (role) {
    case replication::Role::kLeader:
      return rpc::replication::ShardStatus::LEADER;
    case replication::Role::kCandidate:
      return rpc::replication::ShardStatus::CANDIDATE;
    default:
      return rpc::replication::ShardStatus::FOLLOWER;
  }
}

void ToWire(const replication::GroupStatus& group, rpc::replication::ShardStatus& out) {
  out.set_shard(group.shard.value());
  out.set_role(ToWire(group.role));
  out.set_term(group.term.value());
  if (group.leader.has_value()) out.set_leader(group.leader->value());
  out.set_commit(group.commit.value());
  out.set_applied(group.applied.value());
  out.set_log_time_us(absl::ToUnixMicros(group.log_time));
  for (const NodeId voter : group.voters) out.add_voters(voter.value());
}

void ToWire(const Member& member, rpc::replication::Member& out) {
  out.set_node_id(member.id.value());
  out.set_name(member.name);
  out.set_address(member.address);
  out.set_voter(member.voter);
}

void FillMembers(const StoreStatus& status, StatusReply& reply) {
  if (!status.self.members.has_value()) return;
  for (const Member& member : status.self.members->all) {
    rpc::replication::MemberStatus& out = *reply.add_members();
    ToWire(member, *out.mutable_member());
    out.set_address(member.address);
    out.set_connected(member.id == status.self.id);
    for (const PeerState& peer : status.peers) {
      if (peer.member.id != member.id) continue;
      out.set_address(peer.address);
      out.set_connected(peer.connected);
      out.set_queued_bytes(peer.queued_bytes);
      out.set_dropped_frames(peer.dropped_frames);
    }
  }
}

void ToWire(const StoreStatus& status, StatusReply& reply) {
  reply.set_node_id(status.self.id.value());
  reply.set_name(status.self.name);
  reply.set_cluster(status.self.cluster);
  reply.set_version(status.version);
  reply.set_ready(status.ready);
  for (const std::string& complaint : status.complaints) reply.add_complaints(complaint);
  if (!status.health.ok()) reply.set_failure(std::string(status.health.message()));
  reply.mutable_disk()->set_total_bytes(status.disk.total_bytes);
  reply.mutable_disk()->set_free_bytes(status.disk.free_bytes);
  reply.mutable_disk()->set_log_bytes(status.log_bytes);
  reply.mutable_disk()->set_state_bytes(status.state_bytes);
  FillMembers(status, reply);
  for (const replication::GroupStatus& group : status.groups) ToWire(group, *reply.add_shards());
}

class Service : public rpc::replication::Peer::CallbackService {
 public:
  explicit Service(PeerServiceParts parts)
      : parts_(std::move(parts)), relays_(parts_.max_relayed_sessions) {}

  grpc::ServerUnaryReactor* Identify(grpc::CallbackServerContext* context,
                                     const rpc::replication::IdentifyRequest*,
                                     rpc::replication::IdentifyReply* reply) override {
    const Introduction self = parts_.introduce();
    reply->set_node_id(self.id.value());
    reply->set_name(self.name);
    reply->set_cluster(self.cluster);
    reply->set_shards(self.shards);
    for (const std::string& address : self.stores) reply->add_stores(address);
    if (self.members.has_value()) store::ToWire(*self.members, *reply->mutable_members());
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerBidiReactor<ExchangeRequest, ExchangeReply>* Exchange(
      grpc::CallbackServerContext* context) override {
    auto stream = std::make_shared<ExchangeStream>(*parts_.peers, rpc::CallerOf(*context).node);
    stream->Begin();
    return stream.get();
  }

  grpc::ServerBidiReactor<ProposeRequest, ProposeReply>* Propose(
      grpc::CallbackServerContext*) override {
    auto stream = std::make_shared<ProposeStream>(*parts_.shards);
    stream->Begin();
    return stream.get();
  }

  grpc::ServerBidiReactor<rpc::replication::RelayRequest, rpc::replication::RelayReply>* Relay(
      grpc::CallbackServerContext*) override {
    return AcceptRelay(parts_.sessions, relays_, parts_.network->NextLoop());
  }

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const rpc::replication::StatusRequest*,
                                   StatusReply* reply) override {
    ToWire(parts_.status(), *reply);
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const PeerServiceParts parts_;
  RelayCount relays_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePeerService(PeerServiceParts parts) {
  return std::make_unique<Service>(std::move(parts));
}

}  // namespace packetboat::store
