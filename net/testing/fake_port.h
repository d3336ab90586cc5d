#ifndef PACKETBOAT_NET_TESTING_FAKE_PORT_H_
#define PACKETBOAT_NET_TESTING_FAKE_PORT_H_

#include <cstddef>

#include "net/api/network.h"

namespace packetboat::net::testing {

// A port of a FakeNetwork that is or was open: shared by its listener and the connections that it
// counts.
struct FakePort {
  ListenOptions options;
  AcceptCallback accept;
  bool accepting = true;
  size_t open = 0;
};

}  // namespace packetboat::net::testing

#endif  // PACKETBOAT_NET_TESTING_FAKE_PORT_H_
