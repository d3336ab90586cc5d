#include "mx/inbound/client_limits.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::mx {
namespace {

class ClientLimitsTest : public ::testing::Test {
 protected:
  ClientLimitsTest() {
    options_.connections = 6;
    options_.address_connections = 3;
    options_.address_connection_rate = 5;
    options_.address_errors = 4;
    options_.window = absl::Minutes(1);
    options_.idle_addresses = 2;
  }

  ClientLimits& limits() {
    if (limits_ == nullptr) limits_ = std::make_shared<ClientLimits>(options_);
    return *limits_;
  }

  ClientLimits::Admission Admit(const std::string& address, bool trusted = false) {
    return limits().Admit(*net::IpAddress::Parse(address), trusted, now_);
  }

  // Admits and keeps the connection; or says why not.
  Admittance Open(const std::string& address) {
    ClientLimits::Admission admission = Admit(address);
    if (admission.admittance == Admittance::kAdmitted) {
      open_.push_back(std::move(admission.ticket));
    }
    return admission.admittance;
  }

  ClientLimitOptions options_;
  absl::Duration now_ = absl::Hours(1);
  std::shared_ptr<ClientLimits> limits_;
  std::vector<ClientLimits::Ticket> open_;
};

TEST_F(ClientLimitsTest, OneAddressHasSoManyConnectionsAndNotOneMore) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Open("192.0.2.1"), Admittance::kAdmitted);
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kTooManyOfAddress);
  EXPECT_EQ(Open("192.0.2.2"), Admittance::kAdmitted) << "others are not hurt";
  open_.erase(open_.begin());
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kAdmitted);
}

TEST_F(ClientLimitsTest, AllTogetherHaveSoManyConnectionsAndNotOneMore) {
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(Open(absl::StrCat("192.0.2.", i)), Admittance::kAdmitted);
  }
  EXPECT_EQ(Open("192.0.2.6"), Admittance::kTooMany);
  open_.clear();
  EXPECT_EQ(Open("192.0.2.6"), Admittance::kAdmitted);
}

TEST_F(ClientLimitsTest, RefusedConnectionsTakeNoPlace) {
  for (int i = 0; i < 3; ++i) Open("192.0.2.1");
  for (int i = 0; i < 2000; ++i) Open("192.0.2.1");
  for (int i = 2; i < 5; ++i) {
    EXPECT_EQ(Open(absl::StrCat("192.0.2.", i)), Admittance::kAdmitted);
  }
}

TEST_F(ClientLimitsTest, OneAddressConnectsSoOftenWithinAWindowAndNotOnceMore) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Open("192.0.2.1"), Admittance::kAdmitted);
    open_.clear();
  }
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kTooOftenFromAddress);
  EXPECT_EQ(Open("192.0.2.2"), Admittance::kAdmitted);
  now_ += absl::Minutes(1) - absl::Nanoseconds(1);
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kTooOftenFromAddress);
  now_ += absl::Nanoseconds(1);
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kAdmitted);
}

TEST_F(ClientLimitsTest, OneAddressHasSoManyErrorsOverAllItsSessionsAndNotOneMore) {
  ClientLimits::Ticket one = Admit("192.0.2.1").ticket;
  ClientLimits::Ticket other = Admit("192.0.2.1").ticket;
  EXPECT_TRUE(one.CountErrors(2, now_));
  EXPECT_TRUE(other.CountErrors(2, now_));
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kAdmitted) << "four are borne";
  EXPECT_FALSE(one.CountErrors(1, now_));
  EXPECT_FALSE(other.CountErrors(1, now_));
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kTooManyErrorsOfAddress);
  EXPECT_EQ(Open("192.0.2.2"), Admittance::kAdmitted);
  now_ += absl::Minutes(1);
  EXPECT_TRUE(one.CountErrors(4, now_));
  EXPECT_FALSE(one.CountErrors(1, now_));
}

TEST_F(ClientLimitsTest, AddressesCountByTheirPrefix) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Open(absl::StrCat("2001:db8:0:1::", i)), Admittance::kAdmitted);
  }
  EXPECT_EQ(Open("2001:db8:0:1:ffff::1"), Admittance::kTooManyOfAddress);
  EXPECT_EQ(Open("2001:db8:0:2::1"), Admittance::kAdmitted);
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kAdmitted);
}

TEST_F(ClientLimitsTest, PrefixesCanBeChosen) {
  options_.ipv4_prefix = 24;
  options_.ipv6_prefix = 48;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Open(absl::StrCat("192.0.2.", i)), Admittance::kAdmitted);
  }
  EXPECT_EQ(Open("192.0.2.77"), Admittance::kTooManyOfAddress);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Open(absl::StrCat("2001:db8:0:", i, "::1")), Admittance::kAdmitted);
  }
  EXPECT_EQ(Open("2001:db8:0:77::1"), Admittance::kTooManyOfAddress);
}

TEST_F(ClientLimitsTest, ExemptNetworksMeetOnlyTheLimitOfAll) {
  options_.exempt = {*net::IpNetwork::Parse("127.0.0.0/8")};
  ClientLimits::Ticket ticket = Admit("127.0.0.1").ticket;
  EXPECT_TRUE(ticket.CountErrors(1000, now_));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Open("127.0.0.1"), Admittance::kAdmitted);
  EXPECT_EQ(Open("127.0.0.1"), Admittance::kTooMany);
}

TEST_F(ClientLimitsTest, TrustedClientsMeetOnlyTheLimitOfAll) {
  std::vector<ClientLimits::Ticket> held;
  for (int i = 0; i < 6; ++i) held.push_back(Admit("192.0.2.1", true).ticket);
  EXPECT_TRUE(held[0].CountErrors(1000, now_));
  EXPECT_EQ(Admit("192.0.2.1", true).admittance, Admittance::kTooMany);
}

TEST_F(ClientLimitsTest, TheFirstRefusalInARowIsNews) {
  for (int i = 0; i < 3; ++i) Open("192.0.2.1");
  EXPECT_TRUE(Admit("192.0.2.1").news);
  EXPECT_FALSE(Admit("192.0.2.1").news);
  now_ += absl::Minutes(1);
  open_.clear();
  EXPECT_EQ(Open("192.0.2.1"), Admittance::kAdmitted);
  for (int i = 0; i < 2; ++i) Open("192.0.2.1");
  EXPECT_TRUE(Admit("192.0.2.1").news);
}

TEST_F(ClientLimitsTest, SoManyIdleAddressesAreRememberedAndThoseWithConnectionsAlways) {
  ClientLimits::Ticket kept = Admit("192.0.2.1").ticket;
  EXPECT_FALSE(kept.CountErrors(5, now_));
  { EXPECT_FALSE(Admit("192.0.2.2").ticket.CountErrors(5, now_)); }
  { EXPECT_FALSE(Admit("192.0.2.3").ticket.CountErrors(5, now_)); }
  EXPECT_EQ(Admit("192.0.2.2").admittance, Admittance::kTooManyErrorsOfAddress) << "two are";
  { Admit("192.0.2.4"); }
  EXPECT_EQ(Admit("192.0.2.3").admittance, Admittance::kAdmitted)
      << "the one that was away for longest is forgotten";
  EXPECT_EQ(Admit("192.0.2.1").admittance, Admittance::kTooManyErrorsOfAddress);
}

TEST_F(ClientLimitsTest, EmptyTicketCountsNothing) {
  ClientLimits::Ticket none;
  EXPECT_TRUE(none.CountErrors(1000, now_));
  none = Admit("192.0.2.1").ticket;
  ClientLimits::Ticket moved = std::move(none);
  EXPECT_FALSE(moved.CountErrors(5, now_));
}

}  // namespace
}  // namespace packetboat::mx
