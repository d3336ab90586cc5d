#ifndef PACKETBOAT_MX_CLIENTS_STORE_TRANSPORT_H_
#define PACKETBOAT_MX_CLIENTS_STORE_TRANSPORT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/delivery/delivery.pb.h"

namespace packetboat::mx {

// The calls of proto/delivery/service.proto to each store, for a user that lives on one loop: every
// method is called there, and every callback comes there, never from inside a method. Stores are
// numbers from 0, in the order of the configuration.
//
// An exchange that is destroyed is over: none of its callbacks comes after that. It may be
// destroyed from within them.
class StoreTransport {
 public:
  // A Deliver stream. Requests go out in the order of Send, as fast as the store takes them.
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual void Send(rpc::delivery::DeliverRequest request) = 0;
  };
  struct StreamEvents {
    std::function<void(const rpc::delivery::DeliverReply&)> on_reply;
    // Last of all; what was sent may or may not have arrived.
    std::function<void(const absl::Status&)> on_end;
  };

  // A WatchShards call.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  struct WatchEvents {
    std::function<void(const rpc::delivery::ShardsReply&)> on_news;
    std::function<void(const absl::Status&)> on_end;
  };

  using ShardsCallback = absl::AnyInvocable<void(absl::StatusOr<rpc::delivery::ShardsReply>)>;

  using QuotaCallback = absl::AnyInvocable<void(absl::StatusOr<rpc::delivery::CheckQuotaReply>)>;

  virtual ~StoreTransport() = default;

  virtual size_t stores() const = 0;
  // `host:port`, as leader hints name them.
  virtual const std::string& address(size_t store) const = 0;

  virtual std::unique_ptr<Stream> OpenDeliver(size_t store, StreamEvents events) = 0;
  virtual std::unique_ptr<Watch> WatchShards(size_t store, WatchEvents events) = 0;
  // The Shards call.
  virtual void AskShards(size_t store, absl::Duration timeout, ShardsCallback done) = 0;
  // A transport that has no such call says so at once, from inside: then every quota has room.
  virtual void CheckQuota(size_t /*store*/, absl::Duration /*timeout*/,
                          rpc::delivery::CheckQuotaRequest /*request*/, QuotaCallback done) {
    done(absl::UnimplementedError("no question about quota over this transport"));
  }
  // kFailedPrecondition: nothing was let go. Other errors: not known. Sent once.
  using ForgetCallback = absl::AnyInvocable<void(absl::Status)>;
  virtual void ForgetKeys(size_t store, absl::Duration timeout,
                          rpc::delivery::ForgetKeysRequest request, ForgetCallback done) = 0;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_STORE_TRANSPORT_H_
