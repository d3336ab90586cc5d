#include "store/replication/testing/counting_machine.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "store/kv/bytes.h"

namespace packetboat::replication::testing {
namespace {

// Number 0 is where the count is kept.
std::string KeyOf(ShardId shard, uint64_t number) {
  std::string key;
  kv::AppendInteger(key, shard.value());
  kv::AppendInteger(key, number);
  return key;
}

}  // namespace

std::string CountingMachine::Apply(const ApplyContext& context, absl::string_view command,
                                   kv::Overlay& state) {
  CHECK_EQ(context.shard, shard_);
  auto count = state.Get(kv::kRecords, KeyOf(shard_, 0));
  CHECK_OK(count.status());
  uint64_t number = 1;
  if (count->has_value()) number = kv::ByteReader(**count).Integer<uint64_t>() + 1;
  std::string encoded;
  kv::AppendInteger(encoded, number);
  state.Put(kv::kRecords, KeyOf(shard_, 0), encoded);
  state.Put(kv::kRecords, KeyOf(shard_, number), std::string(command));
  return absl::StrCat(number);
}

std::map<uint64_t, std::string> CountingMachine::Read(const kv::Reader& state, ShardId shard) {
  std::string prefix;
  kv::AppendInteger(prefix, shard.value());
  std::map<uint64_t, std::string> commands;
  auto it = state.NewIterator(kv::kRecords, kv::Range::Prefix(prefix));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    kv::ByteReader key(it->key());
    key.Integer<uint32_t>();
    const uint64_t number = key.Integer<uint64_t>();
    if (number != 0) commands.emplace(number, std::string(it->value()));
  }
  CHECK_OK(it->status());
  return commands;
}

}  // namespace packetboat::replication::testing
