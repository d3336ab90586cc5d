#include "tests/sim/oracles/quorum.h"

#include <algorithm>

#include "base/check.h"
#include "proto/store/entry.pb.h"
#include "store/kv/bytes.h"
#include "store/kv/keyspace.h"
#include "store/raft/codec.h"
#include "store/raft/crc32c.h"

namespace packetboat::sim {

void QuorumOracle::OnLogWritten(const std::string& node, const kv::WriteBatch& batch, bool written,
                                bool durable) {
  for (const kv::WriteBatch::Op& op : batch.ops()) {
    if (op.keyspace == kv::kLogEntries && op.kind == kv::WriteBatch::Kind::kPut) {
      TakeEntry(node, op.key, op.value);
    }
  }
  if (!written || !durable) return;
  for (const Place& place : unsynced_[node]) durable_on_[place].insert(node);
  unsynced_[node].clear();
}

void QuorumOracle::TakeEntry(const std::string& node, const std::string& key,
                             const std::string& record) {
  kv::ByteReader reader(key);
  const uint32_t shard = reader.Integer<uint32_t>();
  const uint64_t index = reader.Integer<uint64_t>();
  const auto entry = raft::DecodeEntryRecord(key, record);
  CHECK_OK(entry.status());
  const Place place{shard, index, entry->term.value()};
  unsynced_[node].push_back(place);

  const uint64_t content = raft::ExtendCrc32c(static_cast<uint32_t>(entry->type), entry->payload);
  const auto [known, is_new] = content_.emplace(place, content);
  if (!is_new && known->second != content) {
    findings_.Add("raft: two entries at index ", index, " of term ", place.term, ", shard ", shard);
  }
  if (!is_new || entry->type != raft::EntryType::kCommand) return;
  entry::Entry command;
  if (!command.ParseFromString(entry->payload) || !command.has_deliver()) return;
  for (const entry::Recipient& recipient : command.deliver().recipients()) {
    entries_[{AccountId(recipient.account()), recipient.delivery_key()}].insert(place);
  }
}

void QuorumOracle::OnCrash(const std::string& node) { unsynced_[node].clear(); }

void QuorumOracle::OnAccepted(AccountId account, const std::string& key) {
  size_t most = 0;
  for (const Place& place : entries_[{account, key}]) {
    most = std::max(most, durable_on_[place].size());
  }
  if (most >= majority_) return;
  findings_.Add("quorum: 250 for account ", account.value(), " with the entry on ", most,
                " disks of ", majority_);
}

}  // namespace packetboat::sim
