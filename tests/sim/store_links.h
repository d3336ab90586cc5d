#ifndef PACKETBOAT_TESTS_SIM_STORE_LINKS_H_
#define PACKETBOAT_TESTS_SIM_STORE_LINKS_H_

#include <memory>
#include <string>

#include "mx/clients/store_transport.h"
#include "tests/sim/world.h"

namespace packetboat::sim {

class Cluster;

// The connections of one MX to the stores. A stream keeps its order; a message that meets a cut way
// or a store that is down ends it, which its two ends learn later, each at its own time.
class StoreLinks : public mx::StoreTransport {
 public:
  // All outlive it.
  StoreLinks(World& world, Cluster& cluster, Place place, Process& process);
  ~StoreLinks() override;

  size_t stores() const override;
  const std::string& address(size_t store) const override;
  std::unique_ptr<Stream> OpenDeliver(size_t store, StreamEvents events) override;
  std::unique_ptr<Watch> WatchShards(size_t store, WatchEvents events) override;
  void AskShards(size_t store, absl::Duration timeout, ShardsCallback done) override;
  void ForgetKeys(size_t store, absl::Duration timeout, rpc::delivery::ForgetKeysRequest request,
                  ForgetCallback done) override;

  struct Shared;

 private:
  const std::shared_ptr<Shared> shared_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_STORE_LINKS_H_
