#include "store/model/state.h"

#include <memory>

namespace packetboat::model {

std::optional<std::string> State::FindBytes(kv::Keyspace keyspace, const std::string& key) const {
  auto found = overlay_.Get(keyspace, key);
  CHECK_OK(found.status());
  return *std::move(found);
}

std::vector<State::Record> State::List(const kv::Range& range, size_t max) const {
  std::vector<Record> records;
  if (range.lower >= range.upper) return records;
  const std::unique_ptr<kv::Iterator> it = overlay_.NewIterator(kv::kRecords, range);
  for (it->SeekToFirst(); records.size() < max && it->Valid(); it->Next()) {
    records.push_back(Record{std::string(it->key()), std::string(it->value())});
  }
  CHECK_OK(it->status());
  return records;
}

}  // namespace packetboat::model
