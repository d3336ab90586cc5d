#include "signer/signer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/asio/asio_network.h"
#include "net/rpc/access.h"
#include "net/rpc/channel.h"
#include "net/x509/authority.h"
#include "proto/config.pb.h"
#include "proto/signer/signer.grpc.pb.h"
#include "role/config_files.h"
#include "signer/keys/testing.h"

namespace packetboat::signer {
namespace {

namespace fs = std::filesystem;

// A signer as it runs in its process, and callers with certificates of their own.
class SignerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/signer_test";
    fs::remove_all(folder_);
    fs::create_directories(folder_ + "/keys/example.org");
    const absl::Time now = absl::Now();
    validity_ = {now - absl::Hours(1), now + absl::Hours(1)};
    authority_ = net::x509::CertificateAuthority::Create("harbour", validity_).value();
    Write("ca.pem", authority_->certificate().ToPem());
    ASSERT_TRUE(role::LoadConfig({}, config_).ok());
    config_.mutable_cluster()->set_name("harbour");
    config_.mutable_signer()->set_address("127.0.0.1:0");
    config_.mutable_signer()->set_keys(folder_ + "/keys");
    config_.mutable_signer()->set_reload_interval(5);
    const rpc::TlsFiles tls = Issue(rpc::Role::kSigner);
    config_.mutable_cluster()->mutable_tls()->set_ca(tls.ca);
    config_.mutable_cluster()->mutable_tls()->set_certificate(tls.certificate);
    config_.mutable_cluster()->mutable_tls()->set_key(tls.key);
  }

  void Write(const std::string& path, absl::string_view text) {
    const std::string whole = folder_ + "/" + path;
    std::ofstream(whole + ".new") << text;
    ASSERT_EQ(chmod((whole + ".new").c_str(), 0600), 0);
    fs::rename(whole + ".new", whole);
  }

  rpc::TlsFiles Issue(rpc::Role role) {
    const std::string name(rpc::RoleName(role));
    const auto made = authority_->Issue(
        {.common_name = name,
         .names = {.dns = {name}, .uris = {rpc::Identity{"harbour", role, "one"}.ToUri()}},
         .validity = validity_});
    Write(name + ".pem", made->certificate.ToPem());
    Write(name + ".key", made->key.ToPem().Reveal());
    return {folder_ + "/ca.pem", folder_ + "/" + name + ".pem", folder_ + "/" + name + ".key"};
  }

  void Start() {
    auto service =
        signer::Start({&config_, &network_, &SystemClock(), &SystemRandom(), &health_, &metrics_});
    ASSERT_TRUE(service.ok()) << service.status();
    service_ = *std::move(service);
  }

  absl::StatusOr<rpc::signer::ListKeysReply> ListKeys(rpc::Role caller,
                                                      const std::string& domain = "") {
    const std::string address = "127.0.0.1:" + std::to_string(service_->listening().at(0).port);
    const auto stub = rpc::signer::Signer::NewStub(
        rpc::OpenChannel(address, Issue(caller), "harbour", rpc::Role::kSigner));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    rpc::SetTimeout(context, absl::Seconds(30));
    rpc::signer::ListKeysRequest request;
    request.set_domain(domain);
    rpc::signer::ListKeysReply reply;
    const absl::Status status = rpc::FromGrpc(stub->ListKeys(&context, request, &reply));
    if (!status.ok()) return status;
    return reply;
  }

  std::string folder_;
  net::x509::Validity validity_;
  absl::StatusOr<net::x509::CertificateAuthority> authority_ = absl::UnknownError("not made yet");
  config::Config config_;
  HealthRegistry health_;
  MetricsRegistry metrics_;
  net::AsioNetwork network_{1};
  std::unique_ptr<role::Service> service_;
};

TEST_F(SignerTest, AnOperatorSeesThePublicPartsOfTheKeys) {
  Write("keys/example.org/s2026.pem", kEd25519Pem);
  Start();
  const auto reply = ListKeys(rpc::Role::kAdmin);
  ASSERT_TRUE(reply.ok()) << reply.status();
  ASSERT_EQ(reply->keys_size(), 1);
  EXPECT_EQ(reply->keys(0).domain(), "example.org");
  EXPECT_EQ(reply->keys(0).selector(), "s2026");
  EXPECT_EQ(reply->keys(0).algorithm(), rpc::signer::Key::ED25519_SHA256);
  EXPECT_EQ(reply->keys(0).bits(), 256u);
  EXPECT_EQ(reply->keys(0).public_key_base64(), kEd25519PublicKey);
  EXPECT_EQ(ListKeys(rpc::Role::kAdmin, "other.example")->keys_size(), 0);
}

TEST_F(SignerTest, NobodyElseMayListKeys) {
  Start();
  for (const rpc::Role role : rpc::AllRoles()) {
    if (role == rpc::Role::kAdmin) continue;
    EXPECT_EQ(ListKeys(role).status().code(), absl::StatusCode::kPermissionDenied)
        << rpc::RoleName(role);
  }
}

TEST_F(SignerTest, AKeyThatIsPutThereLaterIsFound) {
  Start();
  Write("keys/example.org/s.pem", kEd25519Pem);
  while (ListKeys(rpc::Role::kAdmin)->keys_size() == 0) absl::SleepFor(absl::Milliseconds(5));
}

TEST_F(SignerTest, WithoutAFolderItIsReadyAndHasNoKeys) {
  config_.mutable_signer()->clear_keys();
  Start();
  EXPECT_TRUE(health_.Ready());
  EXPECT_EQ(ListKeys(rpc::Role::kAdmin)->keys_size(), 0);
}

TEST_F(SignerTest, WithAFolderThatCannotBeReadItIsNotReadyUntilItCan) {
  config_.mutable_signer()->set_keys(folder_ + "/later");
  Start();
  EXPECT_FALSE(health_.Ready());
  fs::create_directories(folder_ + "/later");
  while (!health_.Ready()) absl::SleepFor(absl::Milliseconds(5));
}

TEST_F(SignerTest, ABadFileIsToldButDoesNotTakeItOut) {
  Write("keys/example.org/bad.pem", "no key");
  Start();
  EXPECT_TRUE(health_.Ready());
  const std::string text = HealthText(health_.Report());
  EXPECT_NE(text.find("bad.pem"), std::string::npos) << text;
}

TEST_F(SignerTest, ACertificateOfNoRoleStopsTheStart) {
  config_.mutable_cluster()->mutable_tls()->set_certificate(folder_ + "/none.pem");
  EXPECT_FALSE(
      signer::Start({&config_, &network_, &SystemClock(), &SystemRandom(), &health_, &metrics_})
          .ok());
}

}  // namespace
}  // namespace packetboat::signer
