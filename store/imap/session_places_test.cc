#include "store/imap/session_places.h"

#include <optional>
#include <utility>

#include "gtest/gtest.h"

namespace packetboat::store {
namespace {

TEST(SessionPlaces, AsManyAsAllowedUnderOneNameAndNoMore) {
  const auto places = SessionPlaces::Create(2);
  auto first = places->Take("a");
  const auto second = places->Take("a");
  EXPECT_TRUE(first.has_value());
  EXPECT_TRUE(second.has_value());
  EXPECT_FALSE(places->Take("a").has_value());
  EXPECT_TRUE(places->Take("b").has_value());
  first.reset();
  EXPECT_TRUE(places->Take("a").has_value());
}

TEST(SessionPlaces, TicketThatMovesIsOnePlace) {
  const auto places = SessionPlaces::Create(1);
  SessionPlaces::Ticket kept;
  {
    auto ticket = places->Take("a");
    ASSERT_TRUE(ticket.has_value());
    kept = *std::move(ticket);
  }
  EXPECT_FALSE(places->Take("a").has_value());
  kept = SessionPlaces::Ticket();
  EXPECT_TRUE(places->Take("a").has_value());
}

TEST(SessionPlaces, StrangersOfOneIpv6NetworkAreOne) {
  const auto name = [](absl::string_view text) {
    return StrangerName(*net::IpAddress::Parse(text));
  };
  EXPECT_EQ(name("2001:db8::1"), name("2001:db8::ffff:1"));
  EXPECT_NE(name("2001:db8::1"), name("2001:db8:0:1::1"));
  EXPECT_NE(name("192.0.2.1"), name("192.0.2.2"));
}

}  // namespace
}  // namespace packetboat::store
