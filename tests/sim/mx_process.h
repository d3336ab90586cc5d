#ifndef PACKETBOAT_TESTS_SIM_MX_PROCESS_H_
#define PACKETBOAT_TESTS_SIM_MX_PROCESS_H_

#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/random.h"
#include "mx/clients/auth_client.h"
#include "mx/clients/delivery_client.h"
#include "mx/clients/store_transport.h"
#include "mx/inbound/body_buffer.h"
#include "mx/inbound/server.h"
#include "tests/sim/world.h"

namespace packetboat::sim {

// An MX as it runs: SMTP in, deliveries out, with the real code of both, on one loop. Keeps nothing
// that a crash could take.
class MxProcess : public Process {
 public:
  MxProcess(World& world, mx::AuthClient& users, const Clock& clock);
  ~MxProcess() override;

  // Before the first connection.
  void Serve(std::shared_ptr<mx::StoreTransport> stores);

 private:
  World& world_;
  mx::AuthClient& users_;
  const Clock& clock_;
  MetricsRegistry metrics_;
  mx::BodyBudget budget_{uint64_t{256} << 20};
  std::shared_ptr<mx::DeliveryClient> stores_;
  std::unique_ptr<mx::InboundServer> server_;
};

// Where SMTP listens on every MX.
net::Endpoint SmtpEndpoint();

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_MX_PROCESS_H_
