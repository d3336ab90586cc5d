#ifndef PACKETBOAT_STORE_DELIVERY_QUOTA_H_
#define PACKETBOAT_STORE_DELIVERY_QUOTA_H_

#include "absl/status/statusor.h"
#include "proto/delivery/delivery.pb.h"
#include "store/shards/shards.h"

namespace packetboat::store {

// Whether so many octets more are beyond the account's quota, by the state at hand (SEMANTICS.md
// s6): apply lets in what is on its way already. kInvalidArgument for a shard that is not there;
// kDataLoss.
absl::StatusOr<bool> ExceedsQuota(const Shards& shards,
                                  const rpc::delivery::CheckQuotaRequest& request);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_DELIVERY_QUOTA_H_
