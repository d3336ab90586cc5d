#include "net/api/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace packetboat::net {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

absl::Status Malformed(absl::string_view what, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("not ", what, ": \"", text, "\""));
}

int AddressBits(const IpAddress& address) { return address.is_v4() ? 32 : 128; }

// `address` with everything after its first `bits` set to zero.
IpAddress Cut(const IpAddress& address, int bits) {
  std::array<uint8_t, 16> bytes = {};
  const absl::Span<const uint8_t> from = address.bytes();
  for (size_t i = 0; i < from.size(); ++i) {
    const int keep = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<uint8_t>(from[i] & (0xff00 >> keep));
  }
  return *IpAddress::FromBytes(absl::MakeConstSpan(bytes.data(), from.size()));
}

// Digits only: SimpleAtoi would also take signs and spaces.
bool ParseDecimal(absl::string_view text, uint32_t* value) {
  if (text.empty() || text.size() > 5) return false;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  return absl::SimpleAtoi(text, value);
}

}  // namespace

absl::StatusOr<IpAddress> IpAddress::FromBytes(absl::Span<const uint8_t> bytes) {
  IpAddress out;
  if (bytes.size() == 4) {
    std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
    return out;
  }
  if (bytes.size() != 16) return absl::InvalidArgumentError("an address has 4 or 16 octets");
  if (std::equal(std::begin(kMappedPrefix), std::end(kMappedPrefix), bytes.begin())) {
    std::copy(bytes.begin() + 12, bytes.end(), out.bytes_.begin());
    return out;
  }
  out.v4_ = false;
  std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
  return out;
}

absl::StatusOr<IpAddress> IpAddress::Parse(absl::string_view text) {
  const std::string terminated(text);
  // inet_pton would stop at an embedded NUL.
  if (terminated.find('\0') != std::string::npos) return Malformed("an IP address", text);
  uint8_t bytes[16];
  if (inet_pton(AF_INET, terminated.c_str(), bytes) == 1) {
    return FromBytes(absl::MakeConstSpan(bytes, 4));
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes) == 1) {
    return FromBytes(absl::MakeConstSpan(bytes, 16));
  }
  return Malformed("an IP address", text);
}

IpAddress IpAddress::LoopbackV4() { return *Parse("127.0.0.1"); }
IpAddress IpAddress::LoopbackV6() { return *Parse("::1"); }

bool IpAddress::is_loopback() const { return v4_ ? bytes_[0] == 127 : *this == LoopbackV6(); }

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t b) { return b == 0; });
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
  if (a.v4_ != b.v4_) return a.v4_ ? std::strong_ordering::less : std::strong_ordering::greater;
  return a.bytes_ <=> b.bytes_;
}

absl::StatusOr<Endpoint> Endpoint::Parse(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Malformed("ADDRESS:PORT", text);
  absl::string_view host = text.substr(0, colon);
  uint32_t port = 0;
  if (!ParseDecimal(text.substr(colon + 1), &port) || port > 65535) {
    return Malformed("ADDRESS:PORT", text);
  }
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const absl::StatusOr<IpAddress> address = IpAddress::Parse(host);
  if (!address.ok()) return Malformed("ADDRESS:PORT", text);
  // Brackets belong to IPv6 and only there; a mapped address in brackets was written as IPv6.
  const bool written_as_v6 = host.find(':') != absl::string_view::npos;
  if (bracketed != written_as_v6) return Malformed("ADDRESS:PORT", text);
  return Endpoint{*address, static_cast<uint16_t>(port)};
}

std::string Endpoint::ToString() const {
  return address.is_v4() ? absl::StrCat(address.ToString(), ":", port)
                         : absl::StrCat("[", address.ToString(), "]:", port);
}

absl::StatusOr<IpNetwork> IpNetwork::Make(const IpAddress& address, int prefix_bits) {
  if (prefix_bits < 0 || prefix_bits > AddressBits(address)) {
    return absl::InvalidArgumentError(
        absl::StrCat("prefix length ", prefix_bits, " does not fit ", address.ToString()));
  }
  return IpNetwork(Cut(address, prefix_bits), prefix_bits);
}

absl::StatusOr<IpNetwork> IpNetwork::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  const absl::StatusOr<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
  if (!address.ok()) return Malformed("a network", text);
  if (slash == absl::string_view::npos) return IpNetwork(*address, AddressBits(*address));
  uint32_t bits = 0;
  if (!ParseDecimal(text.substr(slash + 1), &bits)) return Malformed("a network", text);
  const absl::StatusOr<IpNetwork> network = Make(*address, static_cast<int>(bits));
  if (!network.ok()) return Malformed("a network", text);
  if (network->address() != *address) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text, "\" has bits beyond its prefix; did you mean ", network->ToString(), "?"));
  }
  return network;
}

bool IpNetwork::Contains(const IpAddress& address) const {
  return address.is_v4() == address_.is_v4() && Cut(address, prefix_bits_) == address_;
}

std::string IpNetwork::ToString() const {
  return absl::StrCat(address_.ToString(), "/", prefix_bits_);
}

}  // namespace packetboat::net
