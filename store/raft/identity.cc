#include "store/raft/identity.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "store/kv/bytes.h"
#include "store/raft/codec.h"
#include "store/raft/types.h"

namespace packetboat::raft {
namespace {

constexpr char kKey[] = "identity";

std::string Encode(const Identity& identity) {
  std::string content;
  kv::AppendBytes(content, identity.cluster);
  kv::AppendInteger(content, identity.node.value());
  kv::AppendInteger(content, identity.shards);
  kv::AppendInteger(content, identity.starts);
  return SealRecord(kKey, content);
}

absl::StatusOr<std::optional<Identity>> Read(const kv::Reader& database, kv::Keyspace keyspace) {
  ASSIGN_OR_RETURN(const std::optional<std::string> record, database.Get(keyspace, kKey));
  if (!record.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string content, OpenRecord(kKey, *record));
  kv::ByteReader in(content);
  Identity identity;
  identity.cluster = std::string(in.Bytes());
  identity.node = NodeId(in.Integer<uint64_t>());
  identity.shards = in.Integer<uint32_t>();
  identity.starts = in.Integer<uint64_t>();
  if (!in.done()) return absl::DataLossError("damaged identity of the data folder");
  return identity;
}

absl::Status Write(kv::Database& database, kv::Keyspace keyspace, const Identity& identity) {
  kv::WriteBatch batch;
  batch.Put(keyspace, kKey, Encode(identity));
  return database.Write(batch, kv::Durability::kSynced);
}

}  // namespace

absl::StatusOr<std::optional<Identity>> ReadIdentity(const kv::Reader& log) {
  return Read(log, kv::kLogMeta);
}

absl::StatusOr<Identity> EnsureIdentity(kv::Database& log, absl::string_view cluster,
                                        Random& random) {
  ASSIGN_OR_RETURN(std::optional<Identity> identity, ReadIdentity(log));
  if (identity.has_value()) {
    if (identity->cluster == cluster) return *std::move(identity);
    return absl::FailedPreconditionError(absl::StrCat(
        "the data folder belongs to cluster \"", identity->cluster, "\", not \"", cluster, "\""));
  }
  Identity made;
  made.cluster = std::string(cluster);
  made.node = NodeId(random.Below(UINT64_MAX) + 1);
  RETURN_IF_ERROR(Write(log, kv::kLogMeta, made));
  return made;
}

absl::Status Bootstrap(kv::Database& log, uint32_t shards, const std::vector<NodeId>& voters) {
  ASSIGN_OR_RETURN(std::optional<Identity> identity, ReadIdentity(log));
  if (!identity.has_value())
    return absl::FailedPreconditionError("the data folder has no identity");
  if (identity->shards != 0) {
    return absl::FailedPreconditionError("the data folder is bootstrapped already");
  }
  if (shards == 0) return absl::InvalidArgumentError("a cluster has at least one shard");
  Configuration configuration;
  for (NodeId voter : voters) configuration.servers.push_back({voter, ServerRole::kVoter});
  if (!configuration.Valid() || configuration.Find(identity->node) == nullptr) {
    return absl::InvalidArgumentError("not a list of distinct voters with this node among them");
  }

  const Entry first{Term(1), EntryType::kConfiguration, absl::UnixEpoch(),
                    EncodeConfiguration(configuration)};
  kv::WriteBatch batch;
  for (uint32_t i = 0; i < shards; ++i) {
    const ShardId shard(i);
    const std::string entry_key = EntryKey(shard, RaftIndex(1));
    batch.Put(kv::kLogEntries, entry_key, EncodeEntryRecord(entry_key, first));
    const std::string state_key = HardStateKey(shard);
    batch.Put(kv::kLogMeta, state_key,
              EncodeHardStateRecord(state_key, HardState{Term(1), NodeId(0)}));
  }
  identity->shards = shards;
  batch.Put(kv::kLogMeta, kKey, Encode(*identity));
  return log.Write(batch, kv::Durability::kSynced);
}

absl::StatusOr<Identity> BeginLife(kv::Database& log, kv::Database& state) {
  ASSIGN_OR_RETURN(std::optional<Identity> identity, ReadIdentity(log));
  if (!identity.has_value() || identity->shards == 0) {
    return absl::FailedPreconditionError("the data folder is not bootstrapped");
  }
  ASSIGN_OR_RETURN(const std::optional<Identity> copy, Read(state, kv::kApplied));
  if (!copy.has_value()) {
    RETURN_IF_ERROR(Write(state, kv::kApplied, *identity));
  } else if (copy->node != identity->node || copy->cluster != identity->cluster) {
    return absl::FailedPreconditionError(
        "the log and the state in the data folder belong to different nodes");
  }
  ++identity->starts;
  RETURN_IF_ERROR(Write(log, kv::kLogMeta, *identity));
  return *std::move(identity);
}

}  // namespace packetboat::raft
