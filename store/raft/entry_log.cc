#include "store/raft/entry_log.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "store/raft/codec.h"

namespace packetboat::raft {

absl::Status EntryLog::Recover() {
  const std::string start_key = LogStartKey(shard_);
  ASSIGN_OR_RETURN(const std::optional<std::string> start, database_.Get(kv::kLogMeta, start_key));
  if (start.has_value()) {
    ASSIGN_OR_RETURN(start_, DecodeLogStartRecord(start_key, *start));
    configurations_.emplace(start_.configuration_index, start_.configuration);
    max_log_time_ = start_.log_time;
  }
  auto it = database_.NewIterator(kv::kLogEntries,
                                  kv::Range{EntryKey(shard_, RaftIndex(0)),
                                            EntryKey(ShardId(shard_.value() + 1), RaftIndex(0))});
  for (it->Seek(EntryKey(shard_, first())); it->Valid(); it->Next()) {
    const RaftIndex index = Next(last());
    if (it->key() != EntryKey(shard_, index)) {
      return absl::DataLossError(
          absl::StrCat("entry ", index.value(), " of shard ", shard_.value(), " is missing"));
    }
    absl::StatusOr<Entry> entry = DecodeEntryRecord(it->key(), it->value());
    if (!entry.ok()) {
      return Annotate(entry.status(),
                      absl::StrCat("entry ", index.value(), " of shard ", shard_.value()));
    }
    if (entry->term < last_term() || entry->term == Term(0)) {
      return absl::DataLossError(
          absl::StrCat("term of entry ", index.value(), " of shard ", shard_.value(), " falls"));
    }
    Append(index, {std::make_shared<const Entry>(*std::move(entry))});
    Release(index);
  }
  return it->status();
}

std::optional<Term> EntryLog::TermAt(RaftIndex index) const {
  if (index == start_.index) return start_.term;
  if (index < start_.index || index > last()) return std::nullopt;
  return std::prev(terms_.upper_bound(index))->second;
}

void EntryLog::Append(RaftIndex first, const std::vector<EntryPtr>& entries) {
  CHECK(first > start_.index && first <= Next(last())) << "shard " << shard_ << " at " << first;
  if (first <= last()) Truncate(first);
  for (const EntryPtr& entry : entries) {
    const Term before = last_term();
    CHECK(entry->term >= before);
    if (entry->term != before || terms_.empty()) terms_.emplace(Next(last()), entry->term);
    const size_t bytes = EncodedBytes(*entry);
    sizes_.push_back(static_cast<uint32_t>(bytes));
    bytes_ += bytes;
    max_log_time_ = std::max(max_log_time_, entry->log_time);
    cache_.push_back(entry);
    cached_bytes_ += bytes;
    if (entry->type == EntryType::kConfiguration) {
      absl::StatusOr<Configuration> configuration = DecodeConfiguration(entry->payload);
      CHECK_OK(configuration.status());
      configurations_.insert_or_assign(last(), *std::move(configuration));
    }
  }
}

void EntryLog::Truncate(RaftIndex from) {
  while (last() >= from) {
    bytes_ -= sizes_.back();
    if (!cache_.empty()) {
      cached_bytes_ -= sizes_.back();
      cache_.pop_back();
    }
    sizes_.pop_back();
  }
  terms_.erase(terms_.lower_bound(from), terms_.end());
  configurations_.erase(configurations_.lower_bound(from), configurations_.end());
  released_ = std::min(released_, last());
}

absl::StatusOr<std::vector<EntryPtr>> EntryLog::Read(RaftIndex first, size_t count,
                                                     size_t max_bytes) const {
  CHECK(first > start_.index && first <= last()) << "shard " << shard_ << " at " << first;
  const RaftIndex cached(last().value() - cache_.size() + 1);
  if (first < cached) {
    return ReadBack(first, std::min<size_t>(count, cached.value() - first.value()), max_bytes);
  }
  std::vector<EntryPtr> entries;
  size_t bytes = 0;
  for (size_t i = first.value() - cached.value(); i < cache_.size() && entries.size() < count;
       ++i) {
    bytes += EncodedBytes(*cache_[i]);
    if (bytes > max_bytes && !entries.empty()) break;
    entries.push_back(cache_[i]);
  }
  return entries;
}

absl::StatusOr<std::vector<EntryPtr>> EntryLog::ReadBack(RaftIndex first, size_t count,
                                                         size_t max_bytes) const {
  std::vector<EntryPtr> entries;
  size_t bytes = 0;
  for (RaftIndex index = first; entries.size() < count; index = Next(index)) {
    const std::string key = EntryKey(shard_, index);
    ASSIGN_OR_RETURN(const std::optional<std::string> record, database_.Get(kv::kLogEntries, key));
    if (!record.has_value()) {
      return absl::DataLossError(
          absl::StrCat("entry ", index.value(), " of shard ", shard_.value(), " is missing"));
    }
    ASSIGN_OR_RETURN(Entry entry, DecodeEntryRecord(key, *record));
    bytes += EncodedBytes(entry);
    if (bytes > max_bytes && !entries.empty()) break;
    entries.push_back(std::make_shared<const Entry>(std::move(entry)));
  }
  return entries;
}

const Configuration& EntryLog::ConfigurationAt(RaftIndex index, RaftIndex* at) const {
  static const Configuration* const kNone = new Configuration();
  auto it = configurations_.upper_bound(index);
  if (it == configurations_.begin()) {
    *at = RaftIndex(0);
    return *kNone;
  }
  --it;
  *at = it->first;
  return it->second;
}

LogStart EntryLog::StartAt(RaftIndex index, absl::Time log_time) const {
  LogStart start;
  start.index = index;
  start.term = *TermAt(index);
  start.log_time = log_time;
  start.configuration = ConfigurationAt(index, &start.configuration_index);
  return start;
}

void EntryLog::Cut(const LogStart& start) {
  CHECK(start.index > start_.index && start.index <= last());
  // The run that goes on behind the cut begins there.
  if (start.index < last()) {
    const Term next = *TermAt(Next(start.index));
    terms_.insert_or_assign(Next(start.index), next);
  }
  terms_.erase(terms_.begin(), terms_.upper_bound(start.index));
  const uint64_t cut = start.index.value() - start_.index.value();
  for (uint64_t i = 0; i < cut; ++i) {
    bytes_ -= sizes_.front();
    // An entry that is cut is the cache's front only if the cache reaches back that far.
    if (cache_.size() == sizes_.size()) {
      cached_bytes_ -= sizes_.front();
      cache_.pop_front();
    }
    sizes_.pop_front();
  }
  configurations_.erase(configurations_.begin(), configurations_.upper_bound(start.index));
  configurations_.insert_or_assign(start.configuration_index, start.configuration);
  start_ = start;
}

void EntryLog::Release(RaftIndex index) {
  released_ = std::max(released_, std::min(index, last()));
  Evict();
}

void EntryLog::Evict() {
  while (cached_bytes_ > cache_limit_bytes_ && !cache_.empty() &&
         last().value() - cache_.size() + 1 <= released_.value()) {
    cached_bytes_ -= EncodedBytes(*cache_.front());
    cache_.pop_front();
  }
}

}  // namespace packetboat::raft
