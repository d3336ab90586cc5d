#ifndef PACKETBOAT_MX_CLIENTS_REPLIES_H_
#define PACKETBOAT_MX_CLIENTS_REPLIES_H_

#include "absl/status/statusor.h"
#include "mx/clients/auth_client.h"
#include "mx/clients/store_client.h"
#include "proto/auth/auth.pb.h"
#include "proto/delivery/delivery.pb.h"

// What services answered, in the words of this MX. What it does not know, as of a newer service, is
// an error: neither a yes, which would be a 250, nor a no, which would be a 550.

namespace packetboat::mx {

absl::StatusOr<Resolved> FromProto(const rpc::auth::ResolveReply& reply);

absl::StatusOr<DeliveryOutcome> FromProto(rpc::delivery::RecipientResult::Outcome outcome);

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_REPLIES_H_
