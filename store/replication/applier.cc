#include "store/replication/applier.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "store/kv/bytes.h"
#include "store/kv/overlay.h"

namespace packetboat::replication {
namespace {

constexpr uint8_t kVersion = 1;

std::string MarkKey(ShardId shard) {
  std::string key;
  kv::AppendInteger(key, shard.value());
  return key;
}

std::string EncodeMark(const AppliedMark& mark) {
  std::string value;
  kv::AppendInteger(value, kVersion);
  kv::AppendInteger(value, mark.index.value());
  kv::AppendInteger(value, mark.term.value());
  kv::AppendInteger(value, absl::ToUnixMicros(mark.log_time));
  return value;
}

absl::StatusOr<std::optional<AppliedMark>> DecodeMark(
    absl::StatusOr<std::optional<std::string>> value, ShardId shard) {
  RETURN_IF_ERROR(value);
  if (!value->has_value()) return std::nullopt;
  kv::ByteReader reader(**value);
  const uint8_t version = reader.Integer<uint8_t>();
  AppliedMark mark;
  mark.index = RaftIndex(reader.Integer<uint64_t>());
  mark.term = Term(reader.Integer<uint64_t>());
  mark.log_time = absl::FromUnixMicros(reader.Integer<int64_t>());
  if (version != kVersion || !reader.done()) {
    return absl::DataLossError(
        absl::StrCat("applied mark of shard ", shard.value(), " is damaged"));
  }
  return mark;
}

}  // namespace

absl::StatusOr<std::optional<AppliedMark>> Applier::ReadMark(const kv::Reader& state,
                                                             ShardId shard) {
  return DecodeMark(state.Get(kv::kApplied, MarkKey(shard)), shard);
}

absl::StatusOr<std::optional<AppliedMark>> Applier::ReadFlushedMark(const kv::Database& state,
                                                                    ShardId shard) {
  return DecodeMark(state.GetFlushed(kv::kApplied, MarkKey(shard)), shard);
}

absl::Status Applier::Apply(absl::Span<const CommittedEntry> entries,
                            std::vector<std::string>* results) {
  results->clear();
  AppliedMark mark = mark_;
  kv::Overlay overlay(state_);
  for (const CommittedEntry& entry : entries) {
    CHECK_EQ(entry.index.value(), mark.index.value() + 1) << "shard " << shard_;
    mark.index = entry.index;
    mark.term = entry.term;
    if (!entry.is_command) {
      results->emplace_back();
      continue;
    }
    mark.log_time = entry.log_time;
    results->push_back(machine_.Apply(ApplyContext{shard_, entry.index, entry.term, entry.log_time},
                                      entry.command, overlay));
  }
  if (entries.empty()) return absl::OkStatus();
  kv::WriteBatch batch = overlay.TakeBatch();
  batch.Put(kv::kApplied, MarkKey(shard_), EncodeMark(mark));
  RETURN_IF_ERROR(state_.Write(batch, kv::Durability::kLazy));
  mark_ = mark;
  machine_.OnApplied(mark.index);
  return absl::OkStatus();
}

}  // namespace packetboat::replication
