#include "net/api/address.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace packetboat::net {
namespace {

IpAddress Ip(absl::string_view text) { return *IpAddress::Parse(text); }

TEST(IpAddressTest, PrintsTheCanonicalForm) {
  EXPECT_EQ(Ip("192.0.2.1").ToString(), "192.0.2.1");
  EXPECT_EQ(Ip("2001:DB8:0:0:0:0:0:1").ToString(), "2001:db8::1");
  EXPECT_EQ(Ip("::").ToString(), "::");
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  const std::string with_nul("1.2.3.4\0x", 9);
  for (absl::string_view text :
       std::vector<absl::string_view>{"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", " 1.2.3.4",
                                      "::1%lo", "[::1]", "1::2::3", "mx.example.test", with_nul}) {
    EXPECT_FALSE(IpAddress::Parse(text).ok()) << text;
  }
}

TEST(IpAddressTest, MappedAddressIsTheIpv4AddressThatItMaps) {
  EXPECT_EQ(Ip("::ffff:192.0.2.1"), Ip("192.0.2.1"));
  EXPECT_TRUE(Ip("::ffff:192.0.2.1").is_v4());
}

TEST(IpAddressTest, TakesFourOrSixteenOctets) {
  const std::vector<uint8_t> bytes(17, 1);
  for (size_t n = 0; n <= 17; ++n) {
    EXPECT_EQ(IpAddress::FromBytes(absl::MakeConstSpan(bytes).first(n)).ok(), n == 4 || n == 16);
  }
}

TEST(IpAddressTest, KnowsLoopbackAndUnspecified) {
  EXPECT_TRUE(Ip("127.255.0.9").is_loopback());
  EXPECT_TRUE(Ip("::1").is_loopback());
  EXPECT_FALSE(Ip("128.0.0.1").is_loopback());
  EXPECT_TRUE(Ip("0.0.0.0").is_unspecified());
  EXPECT_TRUE(Ip("::").is_unspecified());
  EXPECT_FALSE(Ip("::1").is_unspecified());
}

TEST(IpAddressTest, Ipv4SortsBeforeIpv6) {
  EXPECT_LT(Ip("255.255.255.255"), Ip("::"));
  EXPECT_LT(Ip("1.2.3.4"), Ip("1.2.3.5"));
}

TEST(EndpointTest, PrintsWhatItParses) {
  for (absl::string_view text : {"192.0.2.1:25", "[2001:db8::1]:65535", "0.0.0.0:0"}) {
    EXPECT_EQ(Endpoint::Parse(text)->ToString(), text);
  }
}

TEST(EndpointTest, RefusesWhatIsNoAddressAndPort) {
  for (absl::string_view text : {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1",
                                 "192.0.2.1:+1", "192.0.2.1: 1", "::1:25", "[192.0.2.1]:25",
                                 "[::1]", "[]:25", ":25", "localhost:25", "192.0.2.1:000025"}) {
    EXPECT_FALSE(Endpoint::Parse(text).ok()) << text;
  }
}

TEST(IpNetworkTest, ContainsItsAddressesAndNoOthers) {
  const IpNetwork v4 = *IpNetwork::Parse("192.0.2.128/25");
  EXPECT_TRUE(v4.Contains(Ip("192.0.2.128")));
  EXPECT_TRUE(v4.Contains(Ip("192.0.2.255")));
  EXPECT_FALSE(v4.Contains(Ip("192.0.2.127")));
  EXPECT_FALSE(v4.Contains(Ip("192.0.3.128")));
  const IpNetwork v6 = *IpNetwork::Parse("2001:db8::/33");
  EXPECT_TRUE(v6.Contains(Ip("2001:db8:7fff::1")));
  EXPECT_FALSE(v6.Contains(Ip("2001:db8:8000::")));
}

TEST(IpNetworkTest, NeverContainsTheOtherFamily) {
  EXPECT_TRUE(IpNetwork::Parse("0.0.0.0/0")->Contains(Ip("192.0.2.1")));
  EXPECT_FALSE(IpNetwork::Parse("0.0.0.0/0")->Contains(Ip("::1")));
  EXPECT_FALSE(IpNetwork::Parse("::/0")->Contains(Ip("192.0.2.1")));
}

TEST(IpNetworkTest, LoneAddressIsANetworkOfOne) {
  EXPECT_EQ(IpNetwork::Parse("192.0.2.1")->ToString(), "192.0.2.1/32");
  EXPECT_EQ(IpNetwork::Parse("::1")->ToString(), "::1/128");
}

TEST(IpNetworkTest, PrefixLengthIsBoundedByTheFamily) {
  EXPECT_TRUE(IpNetwork::Parse("192.0.2.1/32").ok());
  EXPECT_FALSE(IpNetwork::Parse("192.0.2.1/33").ok());
  EXPECT_TRUE(IpNetwork::Parse("::1/128").ok());
  EXPECT_FALSE(IpNetwork::Parse("::1/129").ok());
  EXPECT_FALSE(IpNetwork::Parse("192.0.2.0/").ok());
  EXPECT_FALSE(IpNetwork::Parse("192.0.2.0/-1").ok());
}

TEST(IpNetworkTest, BitsBeyondThePrefixAreAMistakeThatNamesTheNetworkMeant) {
  const absl::StatusOr<IpNetwork> network = IpNetwork::Parse("192.0.2.1/24");
  ASSERT_FALSE(network.ok());
  EXPECT_THAT(network.status().message(), testing::HasSubstr("192.0.2.0/24"));
}

}  // namespace
}  // namespace packetboat::net
