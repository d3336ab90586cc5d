#include "net/rpc/server.h"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "net/rpc/channel.h"
#include "net/rpc/credentials.h"

namespace packetboat::rpc {

class Server::Impl {
 public:
  std::vector<std::unique_ptr<grpc::Service>> services;
  std::unique_ptr<grpc::Server> server;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const Options& options, std::vector<std::unique_ptr<grpc::Service>> services) {
  // A setting of the process, the same for every server in it.
  grpc::EnableDefaultHealthCheckService(true);
  auto impl = std::make_unique<Impl>();
  impl->services = std::move(services);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, ServerCredentials(options.tls, options.cluster), &port);
  ConfigureServer(builder);
  for (const auto& service : impl->services) builder.RegisterService(service.get());
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.address,
                     ": is the port taken, and the address this machine's?"));
  }
  auto server = std::unique_ptr<Server>(new Server(std::move(impl), port));
  server->SetServing(false);
  return server;
}

Server::Server(std::unique_ptr<Impl> impl, int port) : impl_(std::move(impl)), port_(port) {}

Server::~Server() { Stop(absl::ZeroDuration()); }

void Server::SetServing(bool serving) {
  if (auto* const health = impl_->server->GetHealthCheckService()) {
    health->SetServingStatus(serving);
  }
}

void Server::Stop(absl::Duration grace) {
  SetServing(false);
  impl_->server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  impl_->server->Wait();
}

}  // namespace packetboat::rpc
