#include "mx/clients/replies.h"

#include "absl/status/status.h"
#include "base/status.h"

namespace packetboat::mx {
namespace {

using rpc::auth::ResolveReply;
using rpc::delivery::RecipientResult;

absl::StatusOr<ResolveResult> ToResult(ResolveReply::Result result) {
  switch (result) {
    case ResolveReply::OK:
      return ResolveResult::kOk;
    case ResolveReply::NO_SUCH_USER:
      return ResolveResult::kNoSuchUser;
    case ResolveReply::NOT_LOCAL:
      return ResolveResult::kNotLocal;
    case ResolveReply::LOOP:
      return ResolveResult::kLoop;
    default:
      return absl::InternalError("auth gave a result that is not known here");
  }
}

}  // namespace

absl::StatusOr<Resolved> FromProto(const ResolveReply& reply) {
  Resolved resolved;
  ASSIGN_OR_RETURN(resolved.result, ToResult(reply.result()));
  for (const rpc::auth::Target& target : reply.targets()) {
    if (target.has_remote()) {
      resolved.remote.push_back(target.remote());
      continue;
    }
    if (!target.has_local())
      return absl::InternalError("auth gave a target that is not known here");
    const rpc::auth::Account& account = target.local().account();
    resolved.local.push_back({AccountId(account.account_id()), ShardId(account.shard()),
                              account.address(), target.local().detail(), account.quota_octets()});
  }
  if (resolved.result == ResolveResult::kOk && resolved.local.empty() && resolved.remote.empty()) {
    return absl::InternalError("auth said yes and named nobody");
  }
  return resolved;
}

absl::StatusOr<DeliveryOutcome> FromProto(RecipientResult::Outcome outcome) {
  switch (outcome) {
    case RecipientResult::DELIVERED:
      return DeliveryOutcome::kDelivered;
    case RecipientResult::DUPLICATE:
      return DeliveryOutcome::kDuplicate;
    case RecipientResult::NO_SUCH_ACCOUNT:
      return DeliveryOutcome::kNoSuchAccount;
    default:
      return absl::InternalError("the store gave an outcome that is not known here");
  }
}

}  // namespace packetboat::mx
