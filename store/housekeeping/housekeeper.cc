#include "store/housekeeping/housekeeper.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "base/log.h"
#include "proto/store/entry.pb.h"
#include "store/model/directory_reader.h"
#include "store/model/limits.h"
#include "store/model/reader.h"

namespace packetboat::store {
namespace {

// Removals that one round carries out.
constexpr size_t kRemovalsPerRound = 100;

int64_t Micros(absl::Time time) { return absl::ToUnixMicros(time); }

}  // namespace

class Housekeeper::Impl {
 public:
  Impl(Options options, Shards& shards, const Clock& clock)
      : options_(options), shards_(shards), clock_(clock) {
    thread_ = std::thread([this] { Run(); });
  }

  ~Impl() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    thread_.join();
  }

 private:
  void Run() {
    while (!Stopping(options_.interval)) {
      for (uint32_t i = 0; i < shards_.count() && !Stopping(absl::ZeroDuration()); ++i) {
        while (Leads(ShardId(i)) && Sweep(ShardId(i)) && !Stopping(absl::ZeroDuration())) {
        }
      }
      if (Leads(ShardId(0))) FinishRemovals();
    }
  }

  bool Stopping(absl::Duration wait) {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait);
  }

  bool Leads(ShardId shard) {
    return shards_.group(shard).status().role == replication::Role::kLeader;
  }

  // One entry of each kind that is due. True if there is more to do.
  bool Sweep(ShardId shard) {
    const std::shared_ptr<const kv::Snapshot> snapshot = shards_.Snapshot();
    const absl::StatusOr<model::Housekeeping> due =
        model::Reader(*snapshot, shard).ReadHousekeeping();
    if (!due.ok()) {
      log::Error("housekeeping cannot read", {{"shard", shard}, {"status", due.status()}});
      return false;
    }
    // Windows count log time (SEMANTICS.md s3). That of an idle shard stands still; what is
    // proposed now gets the leader's clock, or a little less.
    const absl::Time now = std::max(shards_.group(shard).status().log_time, clock_.Now());
    bool more = false;
    for (const entry::Entry& entry : Entries(*due, now)) {
      const absl::StatusOr<entry::Result> result = ProposeAndWait(shard, entry);
      if (!result.ok()) return false;
      more = more || result->sweep().more();
    }
    return more;
  }

  std::vector<entry::Entry> Entries(const model::Housekeeping& due, absl::Time now) const {
    std::vector<entry::Entry> entries;
    if (IsBefore(due.oldest_delivery_key, now - options_.dedup_window)) {
      entry::ExpireKeys& expire = *entries.emplace_back().mutable_expire_keys();
      expire.set_before_us(Micros(now - options_.dedup_window));
      expire.set_max(model::kMaxSweptPerEntry);
    }
    if (IsBefore(due.oldest_tombstone, now - options_.tombstone_window)) {
      entry::ExpireTombstones& expire = *entries.emplace_back().mutable_expire_tombstones();
      expire.set_before_us(Micros(now - options_.tombstone_window));
      expire.set_max(model::kMaxSweptPerEntry);
    }
    if (IsBefore(due.oldest_idle_body, now - options_.body_grace) ||
        IsBefore(due.oldest_idle_chunk, now - options_.upload_grace)) {
      entry::CollectBodies& collect = *entries.emplace_back().mutable_collect_bodies();
      collect.set_unreferenced_before_us(Micros(now - options_.body_grace));
      collect.set_chunks_before_us(Micros(now - options_.upload_grace));
      collect.set_max(model::kMaxSweptPerEntry);
    }
    const absl::Time idle = now - absl::Microseconds(model::kStageIdleUs);
    if (IsBefore(due.oldest_open_stage, idle)) {
      entries.emplace_back().mutable_drop_stage()->set_idle_since_us(Micros(idle));
    }
    if (due.purge) {
      entries.emplace_back().mutable_purge()->set_max_messages(model::kMaxMessagesPerEntry);
    }
    if (due.unfold) {
      entries.emplace_back().mutable_unfold()->set_max_messages(model::kMaxMessagesPerEntry);
    }
    for (entry::Entry& entry : entries) entry.set_version(model::kEntryVersion);
    return entries;
  }

  static bool IsBefore(const std::optional<absl::Time>& time, absl::Time limit) {
    return time.has_value() && *time < limit;
  }

  // Accounts that the directory has removed: their shard forgets them, then the directory hears of
  // it. Both are idempotent.
  void FinishRemovals() {
    const std::shared_ptr<const kv::Snapshot> snapshot = shards_.Snapshot();
    const absl::StatusOr<std::vector<model::PendingRemoval>> removals =
        model::DirectoryReader(*snapshot).PendingRemovals(kRemovalsPerRound);
    if (!removals.ok()) return;
    for (const model::PendingRemoval& removal : *removals) {
      entry::Entry remove;
      remove.set_version(model::kEntryVersion);
      remove.mutable_delete_account()->set_account(removal.account.value());
      if (!ProposeAndWait(removal.shard, remove).ok()) return;
      entry::Entry confirm;
      confirm.set_version(model::kEntryVersion);
      confirm.mutable_confirm_removal()->set_account(removal.account.value());
      if (!ProposeAndWait(ShardId(0), confirm).ok()) return;
    }
  }

  absl::StatusOr<entry::Result> ProposeAndWait(ShardId shard, const entry::Entry& entry) {
    auto outcome = std::make_shared<Outcome>();
    shards_.Propose(shard, entry, [outcome](absl::StatusOr<entry::Result> result) {
      outcome->result = std::move(result);
      outcome->known.Notify();
    });
    outcome->known.WaitForNotification();
    return std::move(outcome->result);
  }

  struct Outcome {
    absl::Notification known;
    absl::StatusOr<entry::Result> result = absl::UnknownError("no outcome");
  };

  const Options options_;
  Shards& shards_;
  const Clock& clock_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

Housekeeper::Housekeeper(Options options, Shards& shards, const Clock& clock)
    : impl_(std::make_unique<Impl>(options, shards, clock)) {}
Housekeeper::~Housekeeper() = default;

}  // namespace packetboat::store
