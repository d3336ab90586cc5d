#include "cli/cluster/status.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace packetboat::cli {
namespace {

using rpc::replication::MemberStatus;
using rpc::replication::StatusReply;
using Reported = rpc::replication::ShardStatus;

// A store's complaints of others are left out: those are seen here from all sides.
std::vector<std::string> OwnComplaints(const StatusReply& reply) {
  std::vector<std::string> own;
  for (const std::string& one : reply.complaints()) {
    if (!absl::StartsWith(one, "peers: ")) own.push_back(one);
  }
  return own;
}

std::string ShardList(const std::set<uint32_t>& shards) {
  std::vector<std::string> ranges;
  for (auto it = shards.begin(); it != shards.end();) {
    const uint32_t first = *it;
    uint32_t last = first;
    while (++it != shards.end() && *it == last + 1) last = *it;
    ranges.push_back(first == last ? absl::StrCat(first) : absl::StrCat(first, "-", last));
  }
  return absl::StrCat(shards.size() == 1 ? "shard " : "shards ", absl::StrJoin(ranges, ", "));
}

class Picture {
 public:
  explicit Picture(const std::vector<StoreAnswer>& answers) {
    for (const StoreAnswer& answer : answers) AddNode(answer);
    for (size_t i = 0; i < answers.size(); ++i) AddMembers(i);
    for (size_t i = 0; i < status_.nodes.size(); ++i) AddShards(i);
    for (auto& [number, shard] : shards_) AddReplicas(shard);
    WarnOfNodes();
    WarnOfShards();
    Conclude();
  }

  ClusterStatus Take() { return std::move(status_); }

 private:
  std::vector<NodeStatus>& nodes() { return status_.nodes; }

  void Warn(std::string text) { status_.warnings.push_back(std::move(text)); }

  void AddNode(const StoreAnswer& answer) {
    NodeStatus node;
    node.address = answer.address;
    if (answer.reply.ok()) {
      node.reply = *answer.reply;
      node.name = answer.reply->name();
      node.id = answer.reply->node_id();
      if (status_.name.empty()) status_.name = answer.reply->cluster();
    } else {
      node.name = answer.address;
      node.silence = std::string(answer.reply.status().message());
    }
    nodes().push_back(std::move(node));
  }

  // Names those that are silent, and finds those that were not asked.
  void AddMembers(size_t teller) {
    if (!nodes()[teller].reply.has_value()) return;
    const StatusReply reply = *nodes()[teller].reply;
    for (const MemberStatus& one : reply.members()) {
      const uint64_t id = one.member().node_id();
      if (FindId(id).has_value()) continue;
      NodeStatus* node = FindSilent(one);
      if (node == nullptr) {
        node = &nodes().emplace_back();
        node->address = one.address().empty() ? one.member().address() : one.address();
        node->silence = "cluster.stores does not name it, so it was not asked";
      }
      node->id = id;
      node->name = one.member().name();
    }
  }

  std::optional<size_t> FindId(uint64_t id) {
    for (size_t i = 0; i < nodes().size(); ++i) {
      if (nodes()[i].id == id) return i;
    }
    return std::nullopt;
  }

  NodeStatus* FindSilent(const MemberStatus& member) {
    for (NodeStatus& node : nodes()) {
      const bool same =
          node.address == member.address() || node.address == member.member().address();
      if (!node.id.has_value() && same) return &node;
    }
    return nullptr;
  }

  void AddShards(size_t node) {
    if (!nodes()[node].reply.has_value()) return;
    for (const Reported& one : nodes()[node].reply->shards()) {
      ShardStatus& shard = shards_[one.shard()];
      shard.shard = one.shard();
      if (one.role() == Reported::LEADER && one.term() >= leader_terms_[one.shard()]) {
        leader_terms_[one.shard()] = one.term();
        shard.leader = node;
      }
      shard.term = std::max(shard.term, one.term());
      shard.commit = std::max(shard.commit, one.commit());
      reported_[{one.shard(), node}] = one;
      const std::set<uint64_t> voters(one.voters().begin(), one.voters().end());
      // Of several opinions the one of the highest term.
      if (one.term() == shard.term) voters_[one.shard()] = voters;
    }
  }

  // Whether the leader does not know yet that its term is over: another leads since, or a majority
  // has gone on. One voter alone proves nothing: who cannot be heard campaigns in vain.
  bool IsReplaced(const ShardStatus& shard) {
    const uint64_t term = leader_terms_[shard.shard];
    size_t later = 0;
    for (size_t i = 0; i < nodes().size(); ++i) {
      const auto reported = reported_.find({shard.shard, i});
      if (reported == reported_.end() || reported->second.term() <= term) continue;
      if (reported->second.leader() != 0) return true;
      ++later;
    }
    return 2 * later > voters_[shard.shard].size();
  }

  void AddReplicas(ShardStatus& shard) {
    if (shard.leader.has_value() && IsReplaced(shard)) shard.leader.reset();
    if (shard.leader.has_value()) {
      ++nodes()[*shard.leader].shards_led;
      shard.commit = reported_[{shard.shard, *shard.leader}].commit();
      shard.term = leader_terms_[shard.shard];
    }
    for (size_t i = 0; i < nodes().size(); ++i) {
      const auto reported = reported_.find({shard.shard, i});
      const std::optional<uint64_t>& id = nodes()[i].id;
      const bool votes = id.has_value() && voters_[shard.shard].count(*id) != 0;
      if (!votes && reported == reported_.end()) continue;
      ReplicaStatus replica;
      replica.node = i;
      if (reported != reported_.end()) {
        replica.applied = reported->second.applied();
        if (shard.leader.has_value()) {
          replica.lag = shard.commit - std::min(shard.commit, *replica.applied);
        }
      }
      shard.replicas.push_back(replica);
    }
    status_.shards.push_back(shard);
  }

  void WarnOfNodes() {
    for (const NodeStatus& node : nodes()) {
      if (!node.reply.has_value()) {
        Warn(absl::StrCat(node.name, " does not answer: ", node.silence));
        continue;
      }
      WarnOfReply(node, *node.reply);
    }
  }

  void WarnOfReply(const NodeStatus& node, const StatusReply& reply) {
    if (reply.cluster() != status_.name) {
      Warn(absl::StrCat(node.name, " belongs to another cluster, '", reply.cluster(), "'"));
    }
    const std::vector<std::string> complaints = OwnComplaints(reply);
    if (!reply.failure().empty()) {
      Warn(absl::StrCat(node.name, " can only be read until it is restarted: ", reply.failure()));
    } else if (!reply.ready()) {
      Warn(absl::StrCat(node.name, " is not ready", complaints.empty() ? "" : ": ",
                        absl::StrJoin(complaints, "; ")));
    } else {
      for (const std::string& one : complaints) Warn(absl::StrCat(node.name, ": ", one));
    }
    const rpc::replication::Disk& disk = reply.disk();
    if (disk.total_bytes() != 0 &&
        disk.free_bytes() < disk.total_bytes() / 100 * kFreeDiskWarningPercent) {
      Warn(absl::StrCat(node.name, ": its disk is nearly full, ",
                        disk.free_bytes() / (disk.total_bytes() / 100 + 1), " % are free"));
    }
    for (const MemberStatus& one : reply.members()) WarnOfLink(node, one);
  }

  // Only between stores that both answer: of the others enough is said.
  void WarnOfLink(const NodeStatus& node, const MemberStatus& member) {
    const std::optional<size_t> other = FindId(member.member().node_id());
    if (member.connected() || !other.has_value() || !nodes()[*other].reply.has_value()) return;
    Warn(absl::StrCat(node.name, " has no connection to ", nodes()[*other].name));
  }

  void WarnOfShards() {
    std::set<uint32_t> leaderless;
    std::map<size_t, std::pair<uint64_t, std::set<uint32_t>>> late;  // by node
    for (const ShardStatus& shard : status_.shards) {
      if (!shard.leader.has_value()) leaderless.insert(shard.shard);
      for (const ReplicaStatus& replica : shard.replicas) {
        if (replica.lag.value_or(0) <= kLagWarningEntries) continue;
        auto& [most, shards] = late[replica.node];
        most = std::max(most, *replica.lag);
        shards.insert(shard.shard);
      }
    }
    if (!leaderless.empty()) Warn(absl::StrCat("no store leads ", ShardList(leaderless)));
    for (const auto& [node, lag] : late) {
      Warn(absl::StrCat(nodes()[node].name, " is up to ", lag.first, " entries behind in ",
                        ShardList(lag.second)));
    }
  }

  void Conclude() {
    const bool any = std::any_of(nodes().begin(), nodes().end(),
                                 [](const NodeStatus& node) { return node.reply.has_value(); });
    status_.health = !any                       ? ClusterHealth::kUnreachable
                     : status_.warnings.empty() ? ClusterHealth::kHealthy
                                                : ClusterHealth::kDegraded;
  }

  ClusterStatus status_;
  std::map<uint32_t, ShardStatus> shards_;
  std::map<uint32_t, uint64_t> leader_terms_;
  std::map<uint32_t, std::set<uint64_t>> voters_;
  std::map<std::pair<uint32_t, size_t>, Reported> reported_;  // by shard and node
};

}  // namespace

ClusterStatus MakeClusterStatus(const std::vector<StoreAnswer>& answers) {
  return Picture(answers).Take();
}

const char* HealthName(ClusterHealth health) {
  switch (health) {
    case ClusterHealth::kHealthy:
      return "healthy";
    case ClusterHealth::kDegraded:
      return "degraded";
    case ClusterHealth::kUnreachable:
      return "unreachable";
  }
  return "";
}

}  // namespace packetboat::cli
