#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "mx/clients/delivery_client.h"
#include "mx/clients/grpc_store_transport.h"
#include "mx/clients/store_client.h"

namespace packetboat::mx {
namespace {

// A delivery client over gRPC that is stopped from another thread than its loop's.
class GrpcStoreClient : public StoreClient {
 public:
  GrpcStoreClient(const StoreClientOptions& options, net::EventLoop& loop)
      : loop_(loop),
        transport_(std::make_shared<GrpcStoreTransport>(
            GrpcStoreTransport::Options{
                .addresses = options.addresses, .tls = options.tls, .cluster = options.cluster},
            loop)),
        client_(DeliveryClient::Create(options.delivery, loop, transport_)) {
    loop_.Post([client = client_] { client->Start(); });
  }

  ~GrpcStoreClient() override {
    absl::Notification stopped;
    loop_.Post([client = client_, &stopped] {
      client->Stop();
      stopped.Notify();
    });
    stopped.WaitForNotification();
    transport_->Close();
  }

  void Deliver(
      Delivery delivery, absl::Time deadline,
      absl::AnyInvocable<void(absl::StatusOr<std::vector<DeliveryOutcome>>)> done) override {
    client_->Deliver(std::move(delivery), deadline, std::move(done));
  }
  void CheckQuota(const LocalTarget& target, uint64_t octets,
                  absl::AnyInvocable<void(bool)> done) override {
    client_->CheckQuota(target, octets, std::move(done));
  }
  void ForgetKey(ShardId shard, AccountId account, std::string key) override {
    client_->ForgetKey(shard, account, std::move(key));
  }
  void AwaitForgotten(std::vector<std::string> keys, absl::AnyInvocable<void()> done) override {
    client_->AwaitForgotten(std::move(keys), std::move(done));
  }
  bool CanDeliver(ShardId shard) const override { return client_->CanDeliver(shard); }
  absl::Status status() const override { return client_->status(); }

 private:
  net::EventLoop& loop_;
  const std::shared_ptr<GrpcStoreTransport> transport_;
  const std::shared_ptr<DeliveryClient> client_;
};

}  // namespace

std::unique_ptr<StoreClient> NewStoreClient(StoreClientOptions options, net::EventLoop& loop) {
  return std::make_unique<GrpcStoreClient>(options, loop);
}

}  // namespace packetboat::mx
