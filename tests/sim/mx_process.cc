#include "tests/sim/mx_process.h"

#include <utility>
#include <vector>

#include "mx/inbound/metrics.h"

namespace packetboat::sim {

net::Endpoint SmtpEndpoint() { return *net::Endpoint::Parse("192.0.2.20:25"); }

MxProcess::MxProcess(World& world, mx::AuthClient& users, const Clock& clock)
    : Process(world.clock(), world.ClientLink()), world_(world), users_(users), clock_(clock) {}

MxProcess::~MxProcess() {
  stores_->Stop();
  server_.reset();
  End();
}

void MxProcess::Serve(std::shared_ptr<mx::StoreTransport> stores) {
  stores_ = mx::DeliveryClient::Create({}, loop(), std::move(stores));
  loop().Post([this] { stores_->Start(); });
  auto smtp = std::make_shared<smtp::ServerConfig>();
  smtp->hostname = "mx.sim.test";
  smtp->ask_data = true;
  auto context = std::make_shared<mx::InboundContext>();
  context->smtp = std::move(smtp);
  context->auth = &users_;
  context->stores = stores_.get();
  context->budget = &budget_;
  // Scratch files are real ones: everything stays in memory here.
  context->buffer.memory_limit = size_t{64} << 20;
  context->clock = const_cast<Clock*>(&clock_);
  context->random = &world_.random();
  context->metrics = std::make_shared<mx::InboundMetrics>(metrics_, "smtp");
  net::ListenOptions listen;
  listen.name = "smtp";
  listen.endpoint = SmtpEndpoint();
  std::vector<mx::InboundListener> listeners;
  listeners.push_back({std::move(listen), std::move(context)});
  server_ = *mx::InboundServer::Start(std::move(listeners), network());
}

}  // namespace packetboat::sim
