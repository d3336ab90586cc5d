#ifndef PACKETBOAT_MX_CLIENTS_GRPC_STORE_TRANSPORT_H_
#define PACKETBOAT_MX_CLIENTS_GRPC_STORE_TRANSPORT_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "mx/clients/store_transport.h"
#include "net/api/event_loop.h"
#include "net/rpc/tls_files.h"

namespace grpc {
class ClientContext;
}

namespace packetboat::mx {

// The calls to the stores over gRPC, one connection to each, made when it is first needed and made
// again when it broke.
class GrpcStoreTransport : public StoreTransport {
 public:
  struct Options {
    std::vector<std::string> addresses;  // `host:port`
    rpc::TlsFiles tls;
    std::string cluster;
  };

  // `loop` outlives this.
  GrpcStoreTransport(Options options, net::EventLoop& loop);
  ~GrpcStoreTransport() override;

  // After every exchange was destroyed; not on the loop. Cancels calls, and when it returns no
  // thread of gRPC comes to the loop any more.
  void Close();

  size_t stores() const override;
  const std::string& address(size_t store) const override;
  std::unique_ptr<Stream> OpenDeliver(size_t store, StreamEvents events) override;
  std::unique_ptr<Watch> WatchShards(size_t store, WatchEvents events) override;
  void AskShards(size_t store, absl::Duration timeout, ShardsCallback done) override;
  void CheckQuota(size_t store, absl::Duration timeout, rpc::delivery::CheckQuotaRequest request,
                  QuotaCallback done) override;
  void ForgetKeys(size_t store, absl::Duration timeout, rpc::delivery::ForgetKeysRequest request,
                  ForgetCallback done) override;

 private:
  struct Store;

  // Calls whose end comes from a thread of gRPC; `context` is cancelled by Close, if given.
  void Began(grpc::ClientContext* context);
  void Ended(grpc::ClientContext* context);

  net::EventLoop& loop_;
  std::vector<Store> stores_;

  absl::Mutex mutex_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_GRPC_STORE_TRANSPORT_H_
