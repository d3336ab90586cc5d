#include "net/rpc/access.h"

#include <string>

#include "gtest/gtest.h"

namespace packetboat::rpc {
namespace {

TEST(AccessTest, IdentityIsReadFromExactlyOneForm) {
  const auto identity = ParseIdentity("spiffe://prod/mx/mx-1.example");
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->cluster, "prod");
  EXPECT_EQ(identity->role, Role::kMx);
  EXPECT_EQ(identity->node, "mx-1.example");
  EXPECT_EQ(identity->ToUri(), "spiffe://prod/mx/mx-1.example");
  for (const char* bad :
       {"", "spiffe://", "spiffe://prod/mx", "spiffe://prod/mx/", "spiffe:///mx/n",
        "spiffe://prod/MX/n", "spiffe://prod/root/n", "spiffe://prod/mx/n/more", "http://prod/mx/n",
        "SPIFFE://prod/mx/n", "spiffe://prod/mx/n?x", "spiffe://p rod/mx/n"}) {
    EXPECT_FALSE(ParseIdentity(bad).has_value()) << bad;
  }
}

// What P6 and SEMANTICS.md s9 rest on, said once more in plain words.
TEST(AccessTest, AnMxReachesNeitherHashesNorKeysNorTheDirectory) {
  for (const char* method :
       {"/packetboat.rpc.directory.Directory/Watch", "/packetboat.rpc.directory.Directory/Change",
        "/packetboat.rpc.directory.Directory/EnsureAccounts",
        "/packetboat.rpc.signer.Signer/ListKeys"}) {
    EXPECT_FALSE(MayCall(Role::kMx, method)) << method;
  }
}

TEST(AccessTest, TheSignerMayCallNothingButHealth) {
  for (absl::string_view method : KnownMethods()) {
    EXPECT_EQ(MayCall(Role::kSigner, method), method.find("grpc.health") != method.npos) << method;
  }
}

// Who speaks for a store could make a log say anything.
TEST(AccessTest, OnlyStoresReplicate) {
  for (Role role : AllRoles()) {
    for (const char* method : {"Identify", "Exchange", "Propose", "Relay"}) {
      EXPECT_EQ(MayCall(role, std::string("/packetboat.rpc.replication.Peer/") + method),
                role == Role::kStore)
          << RoleName(role) << " " << method;
    }
    EXPECT_EQ(MayCall(role, "/packetboat.rpc.replication.Peer/Status"),
              role == Role::kStore || role == Role::kAdmin);
  }
}

TEST(AccessTest, OnlyAnMxDelivers) {
  for (Role role : AllRoles()) {
    EXPECT_EQ(MayCall(role, "/packetboat.rpc.delivery.Delivery/Deliver"), role == Role::kMx);
  }
}

}  // namespace
}  // namespace packetboat::rpc
