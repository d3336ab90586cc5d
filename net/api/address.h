#ifndef PACKETBOAT_NET_API_ADDRESS_H_
#define PACKETBOAT_NET_API_ADDRESS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace packetboat::net {

// An IPv4 or IPv6 address, a value. An IPv4-mapped IPv6 address (RFC 4291 s2.5.5.2) is the IPv4
// address that it maps, so that one peer has one form whatever socket it came through. Scope ids
// are not kept.
class IpAddress {
 public:
  // 0.0.0.0.
  constexpr IpAddress() = default;

  // Dotted quads and every text form of RFC 4291 s2.2; no brackets, no scope, no port.
  static absl::StatusOr<IpAddress> Parse(absl::string_view text);
  // From 4 or 16 octets in network order; anything else is an error.
  static absl::StatusOr<IpAddress> FromBytes(absl::Span<const uint8_t> bytes);

  static IpAddress LoopbackV4();
  static IpAddress LoopbackV6();

  bool is_v4() const { return v4_; }
  bool is_v6() const { return !v4_; }
  // 127.0.0.0/8 or ::1.
  bool is_loopback() const;
  // 0.0.0.0 or ::.
  bool is_unspecified() const;

  // Network order; 4 octets or 16.
  absl::Span<const uint8_t> bytes() const {
    return absl::MakeConstSpan(bytes_.data(), v4_ ? 4 : 16);
  }

  // The canonical form, for IPv6 that of RFC 5952.
  std::string ToString() const;

  // IPv4 sorts before IPv6.
  friend bool operator==(const IpAddress& a, const IpAddress& b) = default;
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b);
  friend std::ostream& operator<<(std::ostream& out, const IpAddress& a) {
    return out << a.ToString();
  }

  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.v4_, a.bytes_);
  }

 private:
  bool v4_ = true;
  std::array<uint8_t, 16> bytes_ = {};  // IPv4 in the first four, the rest zero
};

// An address and a TCP port.
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // "192.0.2.1:25" or "[2001:db8::1]:25". Names are not resolved: they are an error.
  static absl::StatusOr<Endpoint> Parse(absl::string_view text);
  std::string ToString() const;

  friend bool operator==(const Endpoint& a, const Endpoint& b) = default;
  friend auto operator<=>(const Endpoint& a, const Endpoint& b) = default;
  friend std::ostream& operator<<(std::ostream& out, const Endpoint& e) {
    return out << e.ToString();
  }

  template <typename H>
  friend H AbslHashValue(H h, const Endpoint& e) {
    return H::combine(std::move(h), e.address, e.port);
  }
};

// A prefix: 192.0.2.0/24, 2001:db8::/32.
class IpNetwork {
 public:
  // `address` is cut to its first `prefix_bits`; at most 32 or 128.
  static absl::StatusOr<IpNetwork> Make(const IpAddress& address, int prefix_bits);
  // CIDR notation, or a lone address, which is a network of one. Bits beyond the prefix are an
  // error.
  static absl::StatusOr<IpNetwork> Parse(absl::string_view text);

  // False for an address of the other family.
  bool Contains(const IpAddress& address) const;

  const IpAddress& address() const { return address_; }
  int prefix_bits() const { return prefix_bits_; }
  std::string ToString() const;

  friend bool operator==(const IpNetwork& a, const IpNetwork& b) = default;
  friend auto operator<=>(const IpNetwork& a, const IpNetwork& b) = default;

  template <typename H>
  friend H AbslHashValue(H h, const IpNetwork& n) {
    return H::combine(std::move(h), n.address_, n.prefix_bits_);
  }

 private:
  IpNetwork(const IpAddress& address, int prefix_bits)
      : address_(address), prefix_bits_(prefix_bits) {}

  IpAddress address_;
  int prefix_bits_;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_API_ADDRESS_H_
