#ifndef PACKETBOAT_NET_TESTING_NETWORK_CONTRACT_H_
#define PACKETBOAT_NET_TESTING_NETWORK_CONTRACT_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "net/api/network.h"
#include "net/testing/recording_handler.h"

// What every Network promises (net/api/), as tests. A network is put to them by
//
//   INSTANTIATE_TEST_SUITE_P(Asio, NetworkContract, ::testing::Values(&MakeAsioUnderTest));

namespace packetboat::net::testing {

class NetworkUnderTest {
 public:
  virtual ~NetworkUnderTest() = default;
  virtual Network& network() = 0;
  // nullptr: it has threads of its own.
  virtual Driver* driver() = 0;
  virtual std::shared_ptr<TlsServerContext> ServerContext(absl::string_view name) = 0;
  // Options of a client that verifies and accepts contexts made above.
  virtual TlsClientOptions ClientOptions(absl::string_view name) = 0;
  // Ends all connections, so that no hook of a handler runs any more.
  virtual void Stop() = 0;
};

class NetworkContract : public ::testing::TestWithParam<std::unique_ptr<NetworkUnderTest> (*)()> {
 protected:
  ~NetworkContract() override { under_test_->Stop(); }

  static ListenOptions Loopback();

  Network& network() { return under_test_->network(); }
  std::unique_ptr<Listener> Listen(ListenOptions options);
  std::shared_ptr<RecordingHandler> Dial(const Endpoint& to, DialOptions options = {});
  std::shared_ptr<RecordingHandler> NewHandler();

  const std::unique_ptr<NetworkUnderTest> under_test_ = GetParam()();
  RecordingAcceptor accepted_{under_test_->driver()};
};

}  // namespace packetboat::net::testing

#endif  // PACKETBOAT_NET_TESTING_NETWORK_CONTRACT_H_
