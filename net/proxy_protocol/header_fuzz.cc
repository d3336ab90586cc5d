// A header from the wire, read as a connection would: never more than is wanted. The first octet
// chooses how large the pieces are.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "net/proxy_protocol/header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] == 0 ? size : data[0];
  absl::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  packetboat::net::ProxyHeaderReader reader;
  size_t taken = 0;
  while (reader.wanted() > 0 && !rest.empty()) {
    const size_t octets = std::min({piece, reader.wanted(), rest.size()});
    if (!reader.Consume(rest.substr(0, octets)).ok()) return 0;
    rest.remove_prefix(octets);
    taken += octets;
    CHECK(taken + reader.wanted() <= packetboat::net::kMaxProxyV2Bytes);
  }
  return 0;
}
