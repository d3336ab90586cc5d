#include "store/delivery/quota.h"

#include <memory>
#include <optional>

#include "base/status.h"
#include "store/model/reader.h"

namespace packetboat::store {

absl::StatusOr<bool> ExceedsQuota(const Shards& shards,
                                  const rpc::delivery::CheckQuotaRequest& request) {
  if (request.shard() >= shards.count()) return absl::InvalidArgumentError("no such shard");
  if (request.quota_octets() == 0) return false;
  const std::shared_ptr<const kv::Snapshot> snapshot = shards.Snapshot();
  const model::Reader reader(*snapshot, ShardId(request.shard()));
  ASSIGN_OR_RETURN(const std::optional<model::AccountTotals> totals,
                   reader.FindAccount(AccountId(request.account_id())));
  const uint64_t used = totals.has_value() ? totals->octets : 0;
  return request.octets() > request.quota_octets() ||
         used > request.quota_octets() - request.octets();
}

}  // namespace packetboat::store
