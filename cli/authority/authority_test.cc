#include "cli/authority/authority.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "net/x509/certificate.h"

namespace packetboat::cli {
namespace {

using net::x509::Certificate;

class AuthorityTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/authority_test";
    std::filesystem::remove_all(folder_);
    absl::StatusOr<Authority> made = Authority::Create(folder_, "harbour", now_);
    ASSERT_TRUE(made.ok()) << made.status();
  }

  static mode_t ModeOf(const std::string& path) {
    struct stat info;
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
  }

  static Certificate Read(const std::string& path) {
    return Certificate::FromPem(ReadFile(path).value()).value();
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::string folder_;
};

TEST_F(AuthorityTest, ACertificateForEveryRolePassesTheCheckOfTheRoles) {
  const Authority authority = Authority::Open(folder_).value();
  for (const rpc::Role role : rpc::AllRoles()) {
    const std::string name = std::string(rpc::RoleName(role)) + "1";
    const absl::StatusOr<rpc::TlsFiles> files = authority.IssueForRole(role, {.name = name}, now_);
    ASSERT_TRUE(files.ok()) << files.status();
    const absl::StatusOr<rpc::CheckedTlsFiles> checked = rpc::CheckTlsFiles(*files, now_);
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->identity.cluster, "harbour");
    EXPECT_EQ(checked->identity.role, role);
    EXPECT_EQ(checked->identity.node, name);
    const net::x509::SubjectAltNames names = Read(files->certificate).subject_alt_names();
    EXPECT_EQ(names.dns, std::vector<std::string>{std::string(rpc::RoleName(role))});
    EXPECT_EQ(names.uris.size(), 1u);
  }
}

TEST_F(AuthorityTest, KeysAreForTheirOwnerAlone) {
  const Authority authority = Authority::Open(folder_).value();
  const rpc::TlsFiles files = authority.IssueForRole(rpc::Role::kMx, {.name = "mx1"}, now_).value();
  EXPECT_EQ(ModeOf(folder_ + "/ca.key"), 0600u);
  EXPECT_EQ(ModeOf(files.key), 0600u);
  EXPECT_EQ(ModeOf(files.certificate), 0644u);
}

TEST_F(AuthorityTest, ASecondAuthorityInTheFolderIsRefused) {
  EXPECT_EQ(Authority::Create(folder_, "other", now_).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Authority::Open(folder_)->cluster(), "harbour");
}

TEST_F(AuthorityTest, AKeyThatIsThereIsReplacedOnlyWhenForced) {
  const Authority authority = Authority::Open(folder_).value();
  const rpc::TlsFiles files = authority.IssueForRole(rpc::Role::kMx, {.name = "mx1"}, now_).value();
  const std::string key = ReadFile(files.key).value();
  const absl::Status refused =
      authority.IssueForRole(rpc::Role::kMx, {.name = "mx1"}, now_).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(absl::StrContains(refused.message(), "--force"));
  EXPECT_EQ(ReadFile(files.key).value(), key);
  ASSERT_TRUE(
      authority.IssueForRole(rpc::Role::kMx, {.name = "mx1", .existing = Existing::kReplace}, now_)
          .ok());
  EXPECT_NE(ReadFile(files.key).value(), key);
  EXPECT_TRUE(rpc::CheckTlsFiles(files, now_).ok());
}

TEST_F(AuthorityTest, AnotherFolderGetsAllThatANodeNeeds) {
  const Authority authority = Authority::Open(folder_).value();
  const std::string out = folder_ + "/to/mx2";
  const rpc::TlsFiles files =
      authority.IssueForRole(rpc::Role::kMx, {.name = "mx2", .folder = out}, now_).value();
  EXPECT_EQ(files.ca, out + "/ca.pem");
  EXPECT_TRUE(rpc::CheckTlsFiles(files, now_).ok());
  EXPECT_FALSE(FileExists(out + "/ca.key"));
}

TEST_F(AuthorityTest, TheLifetimeIsAsAsked) {
  const Authority authority = Authority::Open(folder_).value();
  const rpc::TlsFiles files =
      authority.IssueForRole(rpc::Role::kMx, {.name = "mx1", .lifetime = absl::Hours(48)}, now_)
          .value();
  EXPECT_TRUE(rpc::CheckTlsFiles(files, now_ + absl::Hours(48)).ok());
  EXPECT_FALSE(rpc::CheckTlsFiles(files, now_ + absl::Hours(49)).ok());
}

TEST_F(AuthorityTest, AMailCertificateHasItsNamesAndOpensNothingWithinTheCluster) {
  const Authority authority = Authority::Open(folder_).value();
  const rpc::TlsFiles files =
      authority
          .IssueForMail({"mx.example", "localhost"}, {net::IpAddress::LoopbackV4()},
                        {.name = "mail"}, now_)
          .value();
  const Certificate certificate = Read(files.certificate);
  const net::x509::SubjectAltNames names = certificate.subject_alt_names();
  EXPECT_EQ(names.dns, (std::vector<std::string>{"mx.example", "localhost"}));
  EXPECT_EQ(names.addresses, std::vector<net::IpAddress>{net::IpAddress::LoopbackV4()});
  EXPECT_TRUE(names.uris.empty());
  EXPECT_TRUE(certificate.IsSignedBy(Read(files.ca)));
  EXPECT_FALSE(rpc::CheckTlsFiles(files, now_).ok());
}

TEST_F(AuthorityTest, NamesThatNoIdentityHoldsOrThatWouldOverwriteTheAuthorityAreRefused) {
  const Authority authority = Authority::Open(folder_).value();
  for (const char* name : {"", "ca", "a/b", "..", "-x", "ümlaut", "a b"}) {
    EXPECT_EQ(authority.IssueForRole(rpc::Role::kMx, {.name = name}, now_).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
  EXPECT_FALSE(Authority::Create(folder_ + "/x", "a cluster", now_).ok());
}

TEST_F(AuthorityTest, AFolderWithoutAnAuthorityTellsHowToMakeOne) {
  const absl::Status status = Authority::Open(folder_ + "/none").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "packetboat cluster ca init")) << status;
}

}  // namespace
}  // namespace packetboat::cli
