#include "net/proxy_protocol/header.h"

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/check.h"

namespace packetboat::net {
namespace {

constexpr absl::string_view kV1Prefix = "PROXY ";
constexpr absl::string_view kV2Signature("\r\n\r\n\0\r\nQUIT\n", 12);
// Signature, version and command, family and protocol, length.
constexpr size_t kV2FixedBytes = 16;

constexpr uint8_t kVersion2 = 0x20;
constexpr uint8_t kCommandLocal = 0;
constexpr uint8_t kCommandProxy = 1;
constexpr uint8_t kTcpOverIpv4 = 0x11;
constexpr uint8_t kTcpOverIpv6 = 0x21;
// The last family (UNIX) and transport (datagrams) that version 2 knows.
constexpr uint8_t kLastFamily = 3;
constexpr uint8_t kLastTransport = 2;

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

// Whether one begins with the other.
bool Agree(absl::string_view a, absl::string_view b) {
  const size_t length = std::min(a.size(), b.size());
  return a.substr(0, length) == b.substr(0, length);
}

// Decimal without signs, blanks or leading zeros.
std::optional<uint16_t> ParsePort(absl::string_view text) {
  uint32_t port = 0;
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  if (text.find_first_not_of("0123456789") != absl::string_view::npos) return std::nullopt;
  if (!absl::SimpleAtoi(text, &port) || port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

std::optional<Endpoint> ParseEndpoint(absl::string_view address, absl::string_view port, bool v6) {
  const absl::StatusOr<IpAddress> parsed = IpAddress::Parse(address);
  const std::optional<uint16_t> number = ParsePort(port);
  if (!parsed.ok() || !number.has_value()) return std::nullopt;
  if (absl::StrContains(address, ':') != v6) return std::nullopt;
  return Endpoint{*parsed, *number};
}

IpAddress AddressIn(absl::string_view octets) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(octets.data());
  return *IpAddress::FromBytes(absl::MakeConstSpan(bytes, octets.size()));
}

uint16_t PortIn(absl::string_view octets) {
  return static_cast<uint16_t>(static_cast<uint8_t>(octets[0]) << 8 |
                               static_cast<uint8_t>(octets[1]));
}

}  // namespace

absl::Status ProxyHeaderReader::Consume(absl::string_view octets) {
  CHECK(octets.size() <= wanted_) << "what follows the header is not the reader's";
  header_.append(octets.data(), octets.size());
  wanted_ -= octets.size();
  if (Agree(header_, kV1Prefix)) return ConsumeV1();
  if (Agree(header_, kV2Signature)) return ConsumeV2();
  return Bad("no PROXY header");
}

absl::Status ProxyHeaderReader::ConsumeV1() {
  const size_t end = header_.find('\n');
  if (end == std::string::npos) {
    if (wanted_ > 0) return absl::OkStatus();
    // CR and LF are missing, or LF alone.
    wanted_ = absl::EndsWith(header_, "\r") ? 1 : 2;
    return header_.size() + wanted_ > kMaxProxyV1Bytes ? Bad("line too long") : absl::OkStatus();
  }
  absl::string_view line = header_;
  if (end + 1 != header_.size() || !absl::ConsumeSuffix(&line, "\r\n")) return Bad("bare LF");
  return ParseV1(line.substr(kV1Prefix.size()));
}

absl::Status ProxyHeaderReader::ParseV1(absl::string_view line) {
  // What a balancer that does not know the client says behind this means nothing.
  if (line == "UNKNOWN" || absl::StartsWith(line, "UNKNOWN ")) return absl::OkStatus();
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  const bool v6 = words[0] == "TCP6";
  if (words.size() != 5 || (!v6 && words[0] != "TCP4")) return Bad("bad line");
  const std::optional<Endpoint> source = ParseEndpoint(words[1], words[3], v6);
  const std::optional<Endpoint> destination = ParseEndpoint(words[2], words[4], v6);
  if (!source.has_value() || !destination.has_value()) return Bad("bad address or port");
  endpoints_ = ProxiedEndpoints{*source, *destination};
  return absl::OkStatus();
}

absl::Status ProxyHeaderReader::ConsumeV2() {
  if (wanted_ > 0) return absl::OkStatus();
  if (header_.size() < kV2FixedBytes) {
    wanted_ = kV2FixedBytes - header_.size();
    return absl::OkStatus();
  }
  const size_t whole = kV2FixedBytes + PortIn(absl::string_view(header_).substr(14));
  if (whole > kMaxProxyV2Bytes) return Bad("header too long");
  wanted_ = whole - header_.size();
  return wanted_ > 0 ? absl::OkStatus() : ParseV2();
}

absl::Status ProxyHeaderReader::ParseV2() {
  const uint8_t command = OctetAt(12) & 0x0f;
  if ((OctetAt(12) & 0xf0) != kVersion2 || command > kCommandProxy) {
    return Bad("unknown version or command");
  }
  const uint8_t family = OctetAt(13);
  if ((family >> 4) > kLastFamily || (family & 0x0f) > kLastTransport) {
    return Bad("unknown family or transport");
  }
  if (command == kCommandLocal) return absl::OkStatus();
  const absl::string_view block = absl::string_view(header_).substr(kV2FixedBytes);
  if (family == kTcpOverIpv4) return ParseAddresses(block, 4);
  if (family == kTcpOverIpv6) return ParseAddresses(block, 16);
  return absl::OkStatus();
}

absl::Status ProxyHeaderReader::ParseAddresses(absl::string_view block, size_t address_bytes) {
  if (block.size() < 2 * address_bytes + 4) return Bad("addresses cut off");
  const absl::string_view ports = block.substr(2 * address_bytes);
  endpoints_ = ProxiedEndpoints{
      {AddressIn(block.substr(0, address_bytes)), PortIn(ports)},
      {AddressIn(block.substr(address_bytes, address_bytes)), PortIn(ports.substr(2))}};
  return absl::OkStatus();
}

}  // namespace packetboat::net
