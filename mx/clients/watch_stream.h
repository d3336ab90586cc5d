#ifndef PACKETBOAT_MX_CLIENTS_WATCH_STREAM_H_
#define PACKETBOAT_MX_CLIENTS_WATCH_STREAM_H_

#include <grpcpp/client_context.h>

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "proto/delivery/service.grpc.pb.h"

namespace packetboat::mx {

// News of one store's leaderships. Keeps itself alive until gRPC is done with it; after `on_end`
// nothing is called any more.
class WatchStream : public grpc::ClientReadReactor<rpc::delivery::ShardsReply> {
 public:
  struct Events {
    // From gRPC's threads, never two at once.
    std::function<void(rpc::delivery::ShardsReply)> on_news;
    std::function<void(absl::Status)> on_end;
  };

  static std::shared_ptr<WatchStream> Start(rpc::delivery::Delivery::Stub& stub, Events events);

  // From any thread.
  void Cancel() { context_.TryCancel(); }

 private:
  explicit WatchStream(Events events) : events_(std::move(events)) {}

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  Events events_;
  grpc::ClientContext context_;
  rpc::delivery::ShardsRequest request_;
  rpc::delivery::ShardsReply news_;
  std::shared_ptr<WatchStream> self_;  // until OnDone
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_WATCH_STREAM_H_
