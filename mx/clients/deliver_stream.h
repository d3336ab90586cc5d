#ifndef PACKETBOAT_MX_CLIENTS_DELIVER_STREAM_H_
#define PACKETBOAT_MX_CLIENTS_DELIVER_STREAM_H_

#include <grpcpp/client_context.h>

#include <deque>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "proto/delivery/service.grpc.pb.h"

namespace packetboat::mx {

// The long stream to one store: requests go out in the order of Send, one write at a time.
// Thread-safe. It keeps itself alive until gRPC is done with it; after `on_end` nothing is called
// any more.
class DeliverStream
    : public grpc::ClientBidiReactor<rpc::delivery::DeliverRequest, rpc::delivery::DeliverReply>,
      public std::enable_shared_from_this<DeliverStream> {
 public:
  struct Events {
    // From gRPC's threads, never two at once.
    std::function<void(rpc::delivery::DeliverReply)> on_reply;
    std::function<void(absl::Status)> on_end;
  };

  static std::shared_ptr<DeliverStream> Start(rpc::delivery::Delivery::Stub& stub, Events events);

  // Dropped when the stream has ended: on_end tells.
  void Send(rpc::delivery::DeliverRequest request);

  void Cancel();

 private:
  explicit DeliverStream(Events events) : events_(std::move(events)) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  Events events_;
  grpc::ClientContext context_;
  rpc::delivery::DeliverReply reply_;
  std::shared_ptr<DeliverStream> self_;  // until OnDone

  absl::Mutex mutex_;
  // The first is being written.
  std::deque<rpc::delivery::DeliverRequest> requests_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_DELIVER_STREAM_H_
