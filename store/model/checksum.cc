#include "store/model/checksum.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "store/model/keys.h"

namespace packetboat::model {
namespace {

// The finaliser of SplitMix64: every bit of the input moves every bit of the result.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t Word(absl::string_view bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    word |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return word;
}

uint64_t Absorb(uint64_t state, absl::string_view bytes) {
  state = Mix(state + bytes.size());
  while (bytes.size() >= sizeof(uint64_t)) {
    state = Mix(state ^ Word(bytes.substr(0, sizeof(uint64_t)))) + 0x9e3779b97f4a7c15u;
    bytes.remove_prefix(sizeof(uint64_t));
  }
  return Mix(state ^ Word(bytes));
}

uint64_t HashRecord(uint64_t seed, kv::Keyspace keyspace, absl::string_view key,
                    absl::string_view value) {
  return Absorb(Absorb(Mix(seed + keyspace.value()), key), value);
}

constexpr uint64_t kLowSeed = 0x243f6a8885a308d3u;
constexpr uint64_t kHighSeed = 0x13198a2e03707344u;

}  // namespace

void Checksum::Add(kv::Keyspace keyspace, absl::string_view key, absl::string_view value) {
  ++records_;
  low_ += HashRecord(kLowSeed, keyspace, key, value);
  high_ += HashRecord(kHighSeed, keyspace, key, value);
}

void Checksum::Subtract(kv::Keyspace keyspace, absl::string_view key, absl::string_view value) {
  --records_;
  low_ -= HashRecord(kLowSeed, keyspace, key, value);
  high_ -= HashRecord(kHighSeed, keyspace, key, value);
}

std::string Checksum::ToString() const {
  return absl::StrCat(records_, "-", absl::Hex(high_, absl::kZeroPad16),
                      absl::Hex(low_, absl::kZeroPad16));
}

absl::StatusOr<Checksum> ChecksumOf(const kv::Reader& state, ShardId shard) {
  Checksum checksum;
  for (const kv::Keyspace keyspace : {kv::kRecords, kv::kBodies}) {
    const std::unique_ptr<kv::Iterator> it = state.NewIterator(keyspace, Keys(shard).All());
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      checksum.Add(keyspace, it->key(), it->value());
    }
    if (!it->status().ok()) return it->status();
  }
  return checksum;
}

}  // namespace packetboat::model
