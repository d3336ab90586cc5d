#include "store/delivery/leadership.h"

#include <utility>

#include "proto/store/entry.pb.h"
#include "store/model/limits.h"

namespace packetboat::store {
namespace {

rpc::delivery::ShardsReply::Shard Describe(Shards& shards, const replication::GroupStatus& status) {
  rpc::delivery::ShardsReply::Shard shard;
  shard.set_shard(status.shard.value());
  shard.set_leads(Leads(status));
  shard.set_leader_hint(shards.LeaderAddress(status.shard));
  shard.set_term(status.term.value());
  return shard;
}

// What is certain not to have been proposed is told apart from what may have been.
absl::Status ForgetStatus(const absl::Status& status) {
  if (!absl::IsUnavailable(status) && !absl::IsResourceExhausted(status)) return status;
  return absl::FailedPreconditionError(status.message());
}

}  // namespace

bool Leads(const replication::GroupStatus& status) {
  return status.role == replication::Role::kLeader && status.health.ok();
}

rpc::delivery::ShardsReply DescribeShards(Shards& shards) {
  rpc::delivery::ShardsReply reply;
  for (uint32_t i = 0; i < shards.count(); ++i) {
    *reply.add_shards() = Describe(shards, shards.group(ShardId(i)).status());
  }
  return reply;
}

LeadershipWatch::LeadershipWatch(Shards& shards, std::function<void()> news)
    : shards_(shards), news_(std::move(news)) {
  for (uint32_t i = 0; i < shards_.count(); ++i) {
    observers_.push_back(
        shards_.group(ShardId(i)).AddObserver([this](const replication::GroupStatus& status) {
          Changed(status);
        }));
  }
}

LeadershipWatch::~LeadershipWatch() {
  for (uint32_t i = 0; i < observers_.size(); ++i) {
    shards_.group(ShardId(i)).RemoveObserver(observers_[i]);
  }
}

void LeadershipWatch::Changed(const replication::GroupStatus& status) {
  {
    absl::MutexLock lock(&mutex_);
    changed_[status.shard] = Describe(shards_, status);
  }
  news_();
}

std::optional<rpc::delivery::ShardsReply> LeadershipWatch::Take() {
  absl::MutexLock lock(&mutex_);
  if (changed_.empty()) return std::nullopt;
  rpc::delivery::ShardsReply reply;
  for (auto& [shard, description] : changed_) *reply.add_shards() = std::move(description);
  changed_.clear();
  return reply;
}

void ForgetKeys(Shards& shards, const rpc::delivery::ForgetKeysRequest& request,
                absl::AnyInvocable<void(absl::Status)> done) {
  entry::Entry entry;
  entry.set_version(model::kEntryVersion);
  for (const auto& key : request.keys()) {
    entry::ForgetKeys::Key& out = *entry.mutable_forget_keys()->add_keys();
    out.set_account(key.account_id());
    out.set_delivery_key(key.delivery_key());
  }
  shards.Propose(ShardId(request.shard()), entry,
                 [done = std::move(done)](absl::StatusOr<entry::Result> result) mutable {
                   done(ForgetStatus(result.status()));
                 });
}

}  // namespace packetboat::store
