#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "net/api/address.h"

// Addresses come from peers: in headers, DNS answers and the PROXY protocol. What parses must print
// as what it is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using packetboat::net::Endpoint;
  using packetboat::net::IpAddress;
  using packetboat::net::IpNetwork;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = IpAddress::Parse(text); address.ok()) {
    CHECK_EQ(*IpAddress::Parse(address->ToString()), *address);
    CHECK_EQ(*IpAddress::FromBytes(address->bytes()), *address);
  }
  if (const auto endpoint = Endpoint::Parse(text); endpoint.ok()) {
    CHECK_EQ(*Endpoint::Parse(endpoint->ToString()), *endpoint);
  }
  if (const auto network = IpNetwork::Parse(text); network.ok()) {
    CHECK(*IpNetwork::Parse(network->ToString()) == *network);
    CHECK(network->Contains(network->address()));
  }
  return 0;
}
