#include "cli/up/certificates.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "cli/files/files.h"
#include "net/x509/certificate.h"

namespace packetboat::cli {
namespace {

class CertificatesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/certificates_test/data/cluster";
    std::filesystem::remove_all(folder_);
  }

  OwnCertificates Make(const std::string& node = "one", const std::string& cluster = "harbour",
                       const std::string& host = "mx.example") const {
    return OwnCertificates(
        {.folder = folder_, .cluster = cluster, .node = node, .host_names = {host}});
  }

  std::string Text(const rpc::TlsFiles& files) const {
    return ReadFile(files.certificate).value() + ReadFile(files.key).value();
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::string folder_;
};

TEST_F(CertificatesTest, EveryRoleGetsOneThatFits) {
  const OwnCertificates own = Make();
  ASSERT_TRUE(own.Ensure(now_).ok());
  for (const rpc::Role role : rpc::AllRoles()) {
    const absl::StatusOr<rpc::CheckedTlsFiles> checked =
        rpc::CheckTlsFiles(own.ForRole(role), now_);
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->identity.ToUri(), (rpc::Identity{"harbour", role, "one"}).ToUri());
  }
  const auto mail =
      net::x509::Certificate::FromPem(ReadFile(own.ForMail().certificate).value()).value();
  EXPECT_EQ(mail.subject_alt_names().dns, (std::vector<std::string>{"mx.example", "localhost"}));
}

TEST_F(CertificatesTest, WhatFitsIsKept) {
  ASSERT_TRUE(Make().Ensure(now_).ok());
  const std::string before = Text(Make().ForRole(rpc::Role::kMx)) + Text(Make().ForMail());
  ASSERT_TRUE(Make().Ensure(now_ + absl::Hours(24 * 300)).ok());
  EXPECT_EQ(Text(Make().ForRole(rpc::Role::kMx)) + Text(Make().ForMail()), before);
}

TEST_F(CertificatesTest, WhatWillSoonExpireIsRenewedUnderTheSameAuthority) {
  ASSERT_TRUE(Make().Ensure(now_).ok());
  const std::string root = ReadFile(folder_ + "/ca.pem").value();
  const std::string mail = Text(Make().ForMail());
  const absl::Time later = now_ + absl::Hours(24 * 365) - kRenewBefore + absl::Seconds(1);
  ASSERT_TRUE(Make().Ensure(later).ok());
  const auto checked = rpc::CheckTlsFiles(Make().ForRole(rpc::Role::kMx), later);
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked->not_after, later + absl::Hours(24 * 365));
  EXPECT_NE(Text(Make().ForMail()), mail);
  EXPECT_EQ(ReadFile(folder_ + "/ca.pem").value(), root);
}

TEST_F(CertificatesTest, ANewNodeNameOrHostNameOrABrokenFileMeansANewCertificate) {
  ASSERT_TRUE(Make().Ensure(now_).ok());
  ASSERT_TRUE(Make("two").Ensure(now_).ok());
  EXPECT_EQ(rpc::CheckTlsFiles(Make().ForRole(rpc::Role::kAuth), now_)->identity.node, "two");
  const std::string mail = Text(Make().ForMail());
  ASSERT_TRUE(Make("two", "harbour", "other.example").Ensure(now_).ok());
  EXPECT_NE(Text(Make().ForMail()), mail);
  const rpc::TlsFiles store = Make().ForRole(rpc::Role::kStore);
  ASSERT_TRUE(WriteFile(store.key, "half a k", kForOwner, Existing::kReplace).ok());
  ASSERT_TRUE(Make("two").Ensure(now_).ok());
  EXPECT_TRUE(rpc::CheckTlsFiles(store, now_).ok());
}

TEST_F(CertificatesTest, AnotherClustersFolderIsLeftAlone) {
  ASSERT_TRUE(Make().Ensure(now_).ok());
  const std::string before = Text(Make().ForRole(rpc::Role::kMx));
  const absl::Status status = Make("one", "bay").Ensure(now_);
  EXPECT_TRUE(absl::StrContains(status.message(), "is of cluster 'harbour'")) << status;
  EXPECT_EQ(Text(Make().ForRole(rpc::Role::kMx)), before);
}

TEST_F(CertificatesTest, AnAuthorityAtItsEndIsTold) {
  ASSERT_TRUE(Make().Ensure(now_).ok());
  const absl::Status status = Make().Ensure(now_ + absl::Hours(24 * 3640));
  EXPECT_TRUE(absl::StrContains(status.message(), "expires at")) << status;
}

}  // namespace
}  // namespace packetboat::cli
