#include "mx/clients/grpc_store_transport.h"

#include <grpcpp/client_context.h>

#include <utility>

#include "mx/clients/deliver_stream.h"
#include "mx/clients/watch_stream.h"
#include "net/rpc/channel.h"
#include "proto/delivery/service.grpc.pb.h"

namespace packetboat::mx {
namespace {

using rpc::delivery::DeliverReply;
using rpc::delivery::ShardsReply;

// The user's end of an exchange, on the loop: what gRPC's threads post there comes to nothing once
// the user is not interested any more.
template <typename Events>
struct Receiver {
  explicit Receiver(Events events) : events(std::move(events)) {}
  Events events;
  bool live = true;
};

class LoopStream : public StoreTransport::Stream {
 public:
  using EventsReceiver = Receiver<StoreTransport::StreamEvents>;

  LoopStream(std::shared_ptr<DeliverStream> stream, std::shared_ptr<EventsReceiver> receiver)
      : stream_(std::move(stream)), receiver_(std::move(receiver)) {}
  ~LoopStream() override {
    receiver_->live = false;
    stream_->Cancel();
  }

  void Send(rpc::delivery::DeliverRequest request) override { stream_->Send(std::move(request)); }

 private:
  const std::shared_ptr<DeliverStream> stream_;
  const std::shared_ptr<EventsReceiver> receiver_;
};

class LoopWatch : public StoreTransport::Watch {
 public:
  using EventsReceiver = Receiver<StoreTransport::WatchEvents>;

  LoopWatch(std::shared_ptr<WatchStream> stream, std::shared_ptr<EventsReceiver> receiver)
      : stream_(std::move(stream)), receiver_(std::move(receiver)) {}
  ~LoopWatch() override {
    receiver_->live = false;
    stream_->Cancel();
  }

 private:
  const std::shared_ptr<WatchStream> stream_;
  const std::shared_ptr<EventsReceiver> receiver_;
};

}  // namespace

struct GrpcStoreTransport::Store {
  std::string address;
  std::unique_ptr<rpc::delivery::Delivery::Stub> stub;
};

GrpcStoreTransport::GrpcStoreTransport(Options options, net::EventLoop& loop) : loop_(loop) {
  for (const std::string& address : options.addresses) {
    stores_.push_back({address, rpc::delivery::Delivery::NewStub(rpc::OpenChannel(
                                    address, options.tls, options.cluster, rpc::Role::kStore))});
  }
}

GrpcStoreTransport::~GrpcStoreTransport() = default;

size_t GrpcStoreTransport::stores() const { return stores_.size(); }

const std::string& GrpcStoreTransport::address(size_t store) const {
  return stores_[store].address;
}

void GrpcStoreTransport::Began(grpc::ClientContext* context) {
  absl::MutexLock lock(&mutex_);
  ++calls_;
  if (context == nullptr) return;
  contexts_.insert(context);
  if (closed_) context->TryCancel();
}

void GrpcStoreTransport::Ended(grpc::ClientContext* context) {
  absl::MutexLock lock(&mutex_);
  contexts_.erase(context);
  --calls_;
}

void GrpcStoreTransport::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
  mutex_.Await(absl::Condition(
      +[](int* calls) { return *calls == 0; }, &calls_));
}

std::unique_ptr<StoreTransport::Stream> GrpcStoreTransport::OpenDeliver(size_t store,
                                                                        StreamEvents events) {
  auto receiver = std::make_shared<LoopStream::EventsReceiver>(std::move(events));
  Began(nullptr);
  auto stream = DeliverStream::Start(*stores_[store].stub,
                                     {.on_reply =
                                          [this, receiver](DeliverReply reply) {
                                            loop_.Post([receiver, reply = std::move(reply)] {
                                              if (receiver->live) receiver->events.on_reply(reply);
                                            });
                                          },
                                      .on_end =
                                          [this, receiver](absl::Status why) {
                                            loop_.Post([receiver, why = std::move(why)] {
                                              if (receiver->live) receiver->events.on_end(why);
                                            });
                                            Ended(nullptr);
                                          }});
  return std::make_unique<LoopStream>(std::move(stream), std::move(receiver));
}

std::unique_ptr<StoreTransport::Watch> GrpcStoreTransport::WatchShards(size_t store,
                                                                       WatchEvents events) {
  auto receiver = std::make_shared<LoopWatch::EventsReceiver>(std::move(events));
  Began(nullptr);
  auto stream = WatchStream::Start(*stores_[store].stub,
                                   {.on_news =
                                        [this, receiver](ShardsReply news) {
                                          loop_.Post([receiver, news = std::move(news)] {
                                            if (receiver->live) receiver->events.on_news(news);
                                          });
                                        },
                                    .on_end =
                                        [this, receiver](absl::Status why) {
                                          loop_.Post([receiver, why = std::move(why)] {
                                            if (receiver->live) receiver->events.on_end(why);
                                          });
                                          Ended(nullptr);
                                        }});
  return std::make_unique<LoopWatch>(std::move(stream), std::move(receiver));
}

void GrpcStoreTransport::AskShards(size_t store, absl::Duration timeout, ShardsCallback done) {
  struct Call {
    grpc::ClientContext context;
    rpc::delivery::ShardsRequest request;
    ShardsReply reply;
    ShardsCallback done;
  };
  auto call = std::make_shared<Call>();
  call->done = std::move(done);
  rpc::SetTimeout(call->context, timeout);
  Began(&call->context);
  stores_[store].stub->async()->Shards(&call->context, &call->request, &call->reply,
                                       [this, call](const grpc::Status& status) {
                                         loop_.Post([call, status = rpc::FromGrpc(status)] {
                                           if (status.ok())
                                             return call->done(std::move(call->reply));
                                           call->done(status);
                                         });
                                         Ended(&call->context);
                                       });
}

void GrpcStoreTransport::CheckQuota(size_t store, absl::Duration timeout,
                                    rpc::delivery::CheckQuotaRequest request, QuotaCallback done) {
  struct Call {
    grpc::ClientContext context;
    rpc::delivery::CheckQuotaRequest request;
    rpc::delivery::CheckQuotaReply reply;
    QuotaCallback done;
  };
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->done = std::move(done);
  rpc::SetTimeout(call->context, timeout);
  Began(&call->context);
  stores_[store].stub->async()->CheckQuota(&call->context, &call->request, &call->reply,
                                           [this, call](const grpc::Status& status) {
                                             loop_.Post([call, status = rpc::FromGrpc(status)] {
                                               if (status.ok())
                                                 return call->done(std::move(call->reply));
                                               call->done(status);
                                             });
                                             Ended(&call->context);
                                           });
}

void GrpcStoreTransport::ForgetKeys(size_t store, absl::Duration timeout,
                                    rpc::delivery::ForgetKeysRequest request, ForgetCallback done) {
  struct Call {
    grpc::ClientContext context;
    rpc::delivery::ForgetKeysRequest request;
    rpc::delivery::ForgetKeysReply reply;
    ForgetCallback done;
  };
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->done = std::move(done);
  rpc::SetTimeout(call->context, timeout);
  Began(&call->context);
  stores_[store].stub->async()->ForgetKeys(
      &call->context, &call->request, &call->reply, [this, call](const grpc::Status& status) {
        loop_.Post([call, status = rpc::FromGrpc(status)] { call->done(status); });
        Ended(&call->context);
      });
}

}  // namespace packetboat::mx
