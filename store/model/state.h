#ifndef PACKETBOAT_STORE_MODEL_STATE_H_
#define PACKETBOAT_STORE_MODEL_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/check.h"
#include "base/ids.h"
#include "google/protobuf/message.h"
#include "store/kv/overlay.h"
#include "store/model/changes.h"
#include "store/model/keys.h"
#include "store/model/planted_bugs.h"
#include "store/model/records.h"
#include "store/replication/state_machine.h"

namespace packetboat::model {

// The shard as one entry sees and changes it. Lives for that entry. A state that cannot be read
// ends the process: going on would make this replica another one. Internal to store/model.
class State {
 public:
  // All but `context` must outlive it.
  State(const replication::ApplyContext& context, kv::Overlay& overlay, Changes& changes,
        PlantedBugs& bugs)
      : keys_(context.shard),
        shard_(context.shard),
        index_(context.index),
        now_us_(absl::ToUnixMicros(context.log_time)),
        overlay_(overlay),
        changes_(changes),
        bugs_(bugs) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const Keys& keys() const { return keys_; }
  ShardId shard() const { return shard_; }
  // Of the entry.
  RaftIndex index() const { return index_; }
  int64_t now_us() const { return now_us_; }
  const kv::Reader& reader() const { return overlay_; }
  Changes& changes() { return changes_; }
  PlantedBugs& bugs() { return bugs_; }

  template <typename Record>
  std::optional<Record> Find(const std::string& key) const {
    auto found = ReadRecord<Record>(overlay_, key);
    CHECK_OK(found.status());
    return *std::move(found);
  }

  // The record has to be there.
  template <typename Record>
  Record Get(const std::string& key) const {
    std::optional<Record> found = Find<Record>(key);
    CHECK(found.has_value()) << "no record under " << absl::BytesToHexString(key);
    return *std::move(found);
  }

  bool Has(const std::string& key) const { return FindBytes(kv::kRecords, key).has_value(); }
  std::optional<std::string> FindBytes(kv::Keyspace keyspace, const std::string& key) const;

  void Put(const std::string& key, const google::protobuf::Message& record) {
    overlay_.Put(kv::kRecords, key, record.SerializeAsString());
  }
  void PutBytes(kv::Keyspace keyspace, const std::string& key, std::string value) {
    overlay_.Put(keyspace, key, std::move(value));
  }
  // A record that says no more than its key.
  void PutMark(const std::string& key) { overlay_.Put(kv::kRecords, key, std::string()); }
  void Delete(const std::string& key) { overlay_.Delete(kv::kRecords, key); }
  void DeleteBytes(kv::Keyspace keyspace, const std::string& key) {
    overlay_.Delete(keyspace, key);
  }
  void DeleteRange(const kv::Range& range) {
    overlay_.DeleteRange(kv::kRecords, range.lower, range.upper);
  }

  struct Record {
    std::string key;
    std::string value;
  };
  // At most `max` records, in order.
  std::vector<Record> List(const kv::Range& range, size_t max) const;
  bool Empty(const kv::Range& range) const { return List(range, 1).empty(); }

 private:
  const Keys keys_;
  const ShardId shard_;
  const RaftIndex index_;
  const int64_t now_us_;
  kv::Overlay& overlay_;
  Changes& changes_;
  PlantedBugs& bugs_;
};

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_STATE_H_
