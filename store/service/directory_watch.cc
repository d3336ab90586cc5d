#include "store/service/directory_watch.h"

#include <optional>
#include <utility>

#include "base/status.h"
#include "net/rpc/channel.h"

namespace packetboat::store {
namespace {

using rpc::directory::AccountRecord;
using rpc::directory::AliasRecord;
using rpc::directory::DirectoryUpdate;

// Changes that are read at a time.
constexpr size_t kChangesPerUpdate = 500;
// Records in one message go up to this; with one more alias of as many targets as there may be it
// is still below the bound of a message.
constexpr size_t kBytesPerUpdate = 256 * 1024;

AliasRecord ToRecord(const model::AliasEntry& alias) {
  AliasRecord record;
  record.set_address(alias.address.text);
  for (const model::Address& target : alias.targets) record.add_targets(target.text);
  return record;
}

}  // namespace

DirectoryWatch* DirectoryWatch::Start(Shards& shards, const rpc::directory::WatchRequest& request,
                                      bool with_hashes) {
  auto watch = std::shared_ptr<DirectoryWatch>(new DirectoryWatch(shards, request, with_hashes));
  watch->self_ = watch;
  if (!shards.HasReplica()) {
    watch->End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "no replica here"));
    return watch.get();
  }
  if (request.follow()) {
    watch->watch_ = shards.WatchDirectory([weak = watch->weak_from_this()] {
      if (const auto kept = weak.lock()) kept->Continue();
    });
  }
  watch->AwaitFreshness();
  return watch.get();
}

DirectoryWatch::DirectoryWatch(Shards& shards, const rpc::directory::WatchRequest& request,
                               bool with_hashes)
    : shards_(shards),
      follow_(request.follow()),
      with_hashes_(with_hashes),
      version_(request.from_version()) {}

void DirectoryWatch::AwaitFreshness() {
  const auto ready = [kept = shared_from_this()](const absl::Status& status) {
    if (!status.ok()) return kept->End(rpc::ToGrpc(status));
    {
      absl::MutexLock lock(&kept->mutex_);
      kept->ready_ = true;
    }
    kept->Continue();
  };
  uint64_t from_version;
  {
    absl::MutexLock lock(&mutex_);
    from_version = version_;
  }
  if (from_version == 0) return ready(absl::OkStatus());
  shards_.ReadBarrier(ShardId(0), ready);
}

void DirectoryWatch::OnWriteDone(bool ok) {
  if (!ok) return End(grpc::Status::CANCELLED);
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    updates_.pop_front();
  }
  Continue();
}

void DirectoryWatch::OnCancel() { End(grpc::Status::CANCELLED); }

void DirectoryWatch::OnDone() {
  if (watch_ != 0) shards_.Unwatch(watch_);
  const std::shared_ptr<DirectoryWatch> self = std::move(self_);
}

void DirectoryWatch::Continue() {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    if (!ready_ || ended_ || writing_) return;
    if (updates_.empty()) {
      filled_bytes_ = 0;
      status = ReadMore();
    }
    if (status.ok() && !updates_.empty()) {
      writing_ = true;
      StartWrite(&updates_.front());
      return;
    }
    if (status.ok() && follow_) return;
  }
  End(rpc::ToGrpc(status));
}

absl::Status DirectoryWatch::ReadMore() {
  if (!shards_.HasReplica()) return absl::UnavailableError("this store has no directory");
  const std::shared_ptr<const kv::Snapshot> snapshot = shards_.Snapshot();
  const model::DirectoryReader reader(*snapshot);
  ASSIGN_OR_RETURN(const uint64_t current, reader.Version());
  if (current == version_ && !first_) return absl::OkStatus();
  if (version_ > 0) {
    ASSIGN_OR_RETURN(const std::optional<model::DirectoryDelta> delta,
                     reader.ChangesAfter(version_, kChangesPerUpdate));
    if (delta.has_value()) {
      QueueDelta(*delta);
      return absl::OkStatus();
    }
  }
  RETURN_IF_ERROR(ReadWhole(reader));
  version_ = current;
  first_ = false;
  DirectoryUpdate& last = updates_.emplace_back();
  last.set_complete(true);
  last.set_version(current);
  return absl::OkStatus();
}

absl::Status DirectoryWatch::ReadWhole(const model::DirectoryReader& reader) {
  updates_.emplace_back().set_reset(true);
  RETURN_IF_ERROR(reader.ForEachDomain([&](const model::DomainEntry& domain) {
    Room(domain.domain.size()).add_domains()->set_domain(domain.domain);
    return true;
  }));
  RETURN_IF_ERROR(reader.ForEachAccount([&](const model::AccountEntry& account) {
    Queue(ToRecord(account));
    return true;
  }));
  return reader.ForEachAlias([&](const model::AliasEntry& alias) {
    Queue(store::ToRecord(alias));
    return true;
  });
}

// The message that is being filled, or the next if that has no room for `bytes` more.
DirectoryUpdate& DirectoryWatch::Room(size_t bytes) {
  // Tag and length of a record, and of what is in it.
  constexpr size_t kBytesAroundRecord = 16;
  filled_bytes_ += bytes + kBytesAroundRecord;
  if (filled_bytes_ > kBytesPerUpdate) {
    filled_bytes_ = bytes + kBytesAroundRecord;
    updates_.emplace_back();
  }
  return updates_.back();
}

void DirectoryWatch::Queue(AccountRecord record) {
  *Room(record.ByteSizeLong()).add_accounts() = std::move(record);
}

void DirectoryWatch::Queue(AliasRecord record) {
  *Room(record.ByteSizeLong()).add_aliases() = std::move(record);
}

void DirectoryWatch::QueueDelta(const model::DirectoryDelta& delta) {
  updates_.emplace_back();
  QueueRemoved(delta);
  for (const model::DomainEntry& domain : delta.domains) {
    Room(domain.domain.size()).add_domains()->set_domain(domain.domain);
  }
  for (const model::AccountEntry& account : delta.accounts) Queue(ToRecord(account));
  for (const model::AliasEntry& alias : delta.aliases) Queue(store::ToRecord(alias));
  version_ = delta.version;
  first_ = first_ && !delta.complete;
  if (!delta.complete) return;
  updates_.back().set_complete(true);
  updates_.back().set_version(delta.version);
}

void DirectoryWatch::QueueRemoved(const model::DirectoryDelta& delta) {
  for (const std::string& domain : delta.removed_domains) {
    rpc::directory::DomainRecord& record = *Room(domain.size()).add_domains();
    record.set_domain(domain);
    record.set_removed(true);
  }
  for (const model::AccountEntry& account : delta.removed_accounts) {
    AccountRecord record;
    record.set_account_id(account.id.value());
    record.set_address(account.address.text);
    record.set_removed(true);
    Queue(std::move(record));
  }
  for (const model::Address& alias : delta.removed_aliases) {
    AliasRecord record;
    record.set_address(alias.text);
    record.set_removed(true);
    Queue(std::move(record));
  }
}

void DirectoryWatch::End(const grpc::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    ended_ = true;
  }
  Finish(status);
}

AccountRecord DirectoryWatch::ToRecord(const model::AccountEntry& account) const {
  AccountRecord record;
  record.set_account_id(account.id.value());
  record.set_address(account.address.text);
  record.set_shard(account.shard.value());
  record.set_source(account.source == model::AccountSource::kPasswdFile ? AccountRecord::PASSWD_FILE
                                                                        : AccountRecord::DIRECTORY);
  if (with_hashes_ && !account.password_hashes.empty()) {
    record.set_password_hash(account.password_hashes.front());
  }
  record.set_quota_octets(account.quota_octets);
  return record;
}

}  // namespace packetboat::store
