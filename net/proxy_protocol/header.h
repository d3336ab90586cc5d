#ifndef PACKETBOAT_NET_PROXY_PROTOCOL_HEADER_H_
#define PACKETBOAT_NET_PROXY_PROTOCOL_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "net/api/address.h"

namespace packetboat::net {

// A line of version 1 with its CRLF; the specification's bound.
inline constexpr size_t kMaxProxyV1Bytes = 107;

// A header of version 2 with all that it carries beside the addresses. No bound is specified below
// 64 KiB; what balancers send fits into a few hundred octets.
inline constexpr size_t kMaxProxyV2Bytes = 4096;

// What a header names: where the client connected from, and to.
struct ProxiedEndpoints {
  Endpoint source;
  Endpoint destination;
};

// Reads one PROXY protocol header, version 1 or 2, in pieces of any size. Thread-compatible; owns
// up to kMaxProxyV2Bytes.
//
// Everything that is not a well-formed header is an error, at the first octet that shows it. Type,
// length and value triples are read over; they are not looked into.
class ProxyHeaderReader {
 public:
  // How many octets are certain to belong to the header still: to be read, no more at a time. Zero:
  // the header is complete.
  size_t wanted() const { return wanted_; }

  // `octets`: wanted() of them at most. On an error the connection is of no use; not to be called
  // again then.
  [[nodiscard]] absl::Status Consume(absl::string_view octets);

  // Of a complete header. None: the balancer speaks for itself (LOCAL), or for a client whose
  // address it does not know (UNKNOWN) or that no TCP address can tell; the connection's own
  // endpoints stand.
  const std::optional<ProxiedEndpoints>& endpoints() const { return endpoints_; }

 private:
  absl::Status ConsumeV1();
  absl::Status ConsumeV2();
  absl::Status ParseV1(absl::string_view line);
  absl::Status ParseV2();
  absl::Status ParseAddresses(absl::string_view block, size_t address_bytes);
  uint8_t OctetAt(size_t index) const { return static_cast<uint8_t>(header_[index]); }

  // The shortest header there is: `PROXY UNKNOWN` and CRLF. Version 2 has one octet more at least.
  static constexpr size_t kLeastBytes = 15;

  std::string header_;
  size_t wanted_ = kLeastBytes;
  std::optional<ProxiedEndpoints> endpoints_;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_PROXY_PROTOCOL_HEADER_H_
