#include "tests/sim/oracles/replicas.h"

#include "absl/strings/str_cat.h"
#include "store/model/audit.h"
#include "store/model/checksum.h"
#include "store/raft/crc32c.h"
#include "store/replication/applier.h"

namespace packetboat::sim {

bool ReplicasOracle::OnApplied(const std::string& node, const replication::ApplyContext& context,
                               absl::string_view command, absl::string_view result) {
  uint32_t sum = raft::ExtendCrc32c(static_cast<uint32_t>(context.term.value()), command);
  sum = raft::ExtendCrc32c(sum, result);
  sum = raft::ExtendCrc32c(sum, absl::StrCat(absl::ToUnixMicros(context.log_time)));
  const auto [known, is_new] =
      applied_.try_emplace({context.shard, context.index}, Outcome{node, sum});
  if (!is_new && known->second.sum != sum) {
    findings_.Add("replicas: index ", context.index.value(), " of shard ", context.shard.value(),
                  " was one thing on ", known->second.node, " and is another on ", node);
  }
  return is_new;
}

void ReplicasOracle::OnLeader(const std::string& node, ShardId shard, Term term) {
  const auto [known, is_new] = leaders_.try_emplace({shard, term}, node);
  if (!is_new && known->second != node) {
    findings_.Add("raft: ", known->second, " and ", node, " lead shard ", shard.value(),
                  " in term ", term.value());
  }
}

void ReplicasOracle::CheckState(const std::string& node, ShardId shard, const kv::Database& state) {
  const auto snapshot = state.NewSnapshot();
  const auto mark = replication::Applier::ReadMark(*snapshot, shard);
  const auto sum = model::ChecksumOf(*snapshot, shard);
  const auto faults = model::Audit(*snapshot, shard);
  if (!mark.ok() || !sum.ok() || !faults.ok()) {
    return findings_.Add("replicas: ", node, " cannot be read: ", sum.status().ToString());
  }
  for (const std::string& fault : *faults) {
    findings_.Add("audit of shard ", shard.value(), " on ", node, ": ", fault);
  }
  if (!mark->has_value()) return;
  const auto [known, is_new] =
      sums_.try_emplace({shard, (*mark)->index}, std::pair(node, sum->ToString()));
  if (!is_new && known->second.second != sum->ToString()) {
    findings_.Add("replicas: ", known->second.first, " and ", node, " differ at index ",
                  (*mark)->index.value(), " of shard ", shard.value());
  }
}

}  // namespace packetboat::sim
