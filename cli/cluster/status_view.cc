#include "cli/cluster/status_view.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "cli/listing.h"

namespace packetboat::cli {
namespace {

// Longer names of stores are cut at their front: they differ at the end.
constexpr size_t kNameWidth = 20;

std::string Short(const std::string& name) {
  if (name.size() <= kNameWidth) return name;
  return absl::StrCat("..", name.substr(name.size() - (kNameWidth - 2)));
}

std::string Size(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return absl::StrFormat(unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
}

std::string FreeText(const rpc::replication::Disk& disk) {
  if (disk.total_bytes() == 0) return "-";
  return absl::StrFormat("%s (%d%%)", Size(disk.free_bytes()),
                         static_cast<int>(100.0 * static_cast<double>(disk.free_bytes()) /
                                          static_cast<double>(disk.total_bytes())));
}

const char* StateName(const NodeStatus& node) {
  if (!node.reply.has_value()) return "down";
  if (!node.reply->failure().empty()) return "failed";
  return node.reply->ready() ? "up" : "not ready";
}

// At most five characters: of a large number only the order matters.
std::string LagText(const std::optional<uint64_t>& lag) {
  if (!lag.has_value()) return "-";
  uint64_t value = *lag;
  const char* unit = "";
  for (const char* larger : {"k", "M", "G", "T"}) {
    if (value < 10'000) break;
    value /= 1000;
    unit = larger;
  }
  return absl::StrCat(value, unit);
}

void PrintNodes(const ClusterStatus& status, std::ostream& out) {
  Listing listing({"#", "store", "address", "state", "leads", "disk free", "log", "state"});
  for (size_t i = 0; i < status.nodes.size(); ++i) {
    const NodeStatus& node = status.nodes[i];
    const bool up = node.reply.has_value();
    const rpc::replication::Disk disk = up ? node.reply->disk() : rpc::replication::Disk();
    listing.Add({absl::StrCat(i + 1), Short(node.name), node.address, std::string(StateName(node)),
                 up ? absl::StrCat(node.shards_led) : "-", up ? FreeText(disk) : "-",
                 up ? Size(disk.log_bytes()) : "-", up ? Size(disk.state_bytes()) : "-"});
  }
  listing.PrintText(out);
}

// How far each store is behind stands below its number in the table of stores.
void PrintShards(const ClusterStatus& status, std::ostream& out) {
  std::vector<std::string> columns = {"shard", "leader", "term", "voters", "commit"};
  for (size_t i = 0; i < status.nodes.size(); ++i) {
    columns.push_back(absl::StrCat(i == 0 ? "lag #" : "#", i + 1));
  }
  Listing listing(columns);
  for (const ShardStatus& shard : status.shards) {
    std::vector<Listing::Cell> row = {
        absl::StrCat(shard.shard),
        shard.leader.has_value() ? Short(status.nodes[*shard.leader].name) : "none",
        absl::StrCat(shard.term), absl::StrCat(shard.replicas.size()), absl::StrCat(shard.commit)};
    row.resize(columns.size(), std::string(""));
    for (const ReplicaStatus& replica : shard.replicas) {
      row[columns.size() - status.nodes.size() + replica.node] = LagText(replica.lag);
    }
    listing.Add(std::move(row));
  }
  listing.PrintText(out);
}

// A JSON object whose members come one after the other.
class JsonObject {
 public:
  JsonObject& Text(const char* key, absl::string_view value) {
    std::string quoted;
    AppendJsonString(value, &quoted);
    return Raw(key, quoted);
  }
  JsonObject& Number(const char* key, const std::optional<uint64_t>& value) {
    return Raw(key, value.has_value() ? absl::StrCat(*value) : "null");
  }
  JsonObject& Bool(const char* key, bool value) { return Raw(key, value ? "true" : "false"); }
  JsonObject& Raw(const char* key, absl::string_view json) {
    absl::StrAppend(&text_, text_.empty() ? "" : ",", "\"", key, "\":", json);
    return *this;
  }
  std::string Take() const { return absl::StrCat("{", text_, "}"); }

 private:
  std::string text_;
};

std::string Array(const std::vector<std::string>& elements) {
  return absl::StrCat("[", absl::StrJoin(elements, ","), "]");
}

template <typename Texts>
std::string TextArray(const Texts& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) AppendJsonString(text, &quoted.emplace_back());
  return Array(quoted);
}

std::string NodeJson(const NodeStatus& node) {
  JsonObject json;
  json.Text("name", node.name).Text("address", node.address).Text("state", StateName(node));
  // As text: a program that reads numbers as floating point would spoil it.
  if (node.id.has_value()) json.Text("id", absl::StrFormat("%016x", *node.id));
  if (!node.reply.has_value()) return json.Text("silence", node.silence).Take();
  const rpc::replication::StatusReply& reply = *node.reply;
  return json.Text("version", reply.version())
      .Bool("ready", reply.ready())
      .Text("failure", reply.failure())
      .Raw("complaints", TextArray(reply.complaints()))
      .Number("shards_led", node.shards_led)
      .Number("disk_total_bytes", reply.disk().total_bytes())
      .Number("disk_free_bytes", reply.disk().free_bytes())
      .Number("log_bytes", reply.disk().log_bytes())
      .Number("state_bytes", reply.disk().state_bytes())
      .Take();
}

std::string ShardJson(const ClusterStatus& status, const ShardStatus& shard) {
  JsonObject json;
  json.Number("shard", shard.shard);
  if (shard.leader.has_value()) {
    json.Text("leader", status.nodes[*shard.leader].name);
  } else {
    json.Raw("leader", "null");
  }
  json.Number("term", shard.term).Number("commit", shard.commit);
  std::vector<std::string> replicas;
  for (const ReplicaStatus& replica : shard.replicas) {
    replicas.push_back(JsonObject()
                           .Text("store", status.nodes[replica.node].name)
                           .Number("applied", replica.applied)
                           .Number("lag", replica.lag)
                           .Take());
  }
  return json.Raw("replicas", Array(replicas)).Take();
}

}  // namespace

void PrintStatusText(const ClusterStatus& status, std::ostream& out) {
  const auto up = std::count_if(status.nodes.begin(), status.nodes.end(),
                                [](const NodeStatus& node) { return node.reply.has_value(); });
  out << "cluster " << (status.name.empty() ? "(unknown)" : status.name) << ": "
      << HealthName(status.health) << ", " << up << " of " << status.nodes.size()
      << " stores answer, " << status.shards.size() << " shards\n\n";
  PrintNodes(status, out);
  if (!status.shards.empty()) {
    out << "\n";
    PrintShards(status, out);
  }
  if (!status.warnings.empty()) out << "\n";
  for (const std::string& warning : status.warnings) out << "warning: " << warning << "\n";
}

void PrintStatusJson(const ClusterStatus& status, std::ostream& out) {
  std::vector<std::string> nodes, shards;
  for (const NodeStatus& node : status.nodes) nodes.push_back(NodeJson(node));
  for (const ShardStatus& shard : status.shards) shards.push_back(ShardJson(status, shard));
  out << JsonObject()
             .Text("cluster", status.name)
             .Text("health", HealthName(status.health))
             .Raw("stores", Array(nodes))
             .Raw("shards", Array(shards))
             .Raw("warnings", TextArray(status.warnings))
             .Take()
      << "\n";
}

}  // namespace packetboat::cli
