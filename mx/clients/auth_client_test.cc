#include "mx/clients/auth_client.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "gtest/gtest.h"
#include "net/rpc/server.h"
#include "net/x509/authority.h"
#include "proto/auth/auth.grpc.pb.h"

namespace packetboat::mx {
namespace {

using net::x509::CertificateAuthority;

// Long beyond any test's patience.
constexpr absl::Duration kNever = absl::Minutes(10);

// One auth service; the connections are real.
class ScriptedAuth : public rpc::auth::Auth::Service {
 public:
  grpc::Status Resolve(grpc::ServerContext* context, const rpc::auth::ResolveRequest*,
                       rpc::auth::ResolveReply* reply) override {
    ++asked;
    while (hangs && !context->IsCancelled()) absl::SleepFor(absl::Milliseconds(1));
    reply->set_result(rpc::auth::ResolveReply::NO_SUCH_USER);
    return grpc::Status::OK;
  }

  std::atomic<bool> hangs{false};
  std::atomic<int> asked{0};
};

class AuthClientTest : public ::testing::Test {
 protected:
  AuthClientTest() {
    std::filesystem::create_directories(folder_);
    const net::x509::Validity validity{absl::Now() - absl::Hours(1), absl::Now() + absl::Hours(1)};
    const auto ca = CertificateAuthority::Create("test CA", validity);
    CHECK_OK(ca);
    Write("ca.pem", ca->certificate().ToPem());
    for (const char* role : {"auth", "mx"}) {
      net::x509::LeafOptions options;
      options.common_name = role;
      options.names.uris = {absl::StrCat("spiffe://test/", role, "/n1")};
      options.names.dns = {role};
      options.validity = validity;
      const auto identity = ca->Issue(options);
      CHECK_OK(identity);
      Write(absl::StrCat(role, ".pem"), identity->certificate.ToPem());
      Write(absl::StrCat(role, ".key"), identity->key.ToPem().Reveal());
    }
  }

  void Write(const std::string& name, absl::string_view text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  rpc::TlsFiles Files(const std::string& role) const {
    return {folder_ + "/ca.pem", folder_ + "/" + role + ".pem", folder_ + "/" + role + ".key"};
  }

  ScriptedAuth& StartAuth(const std::string& address = "127.0.0.1:0") {
    auto service = std::make_unique<ScriptedAuth>();
    ScriptedAuth& auth = *service;
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::move(service));
    auto server = rpc::Server::Start({.address = address, .tls = Files("auth"), .cluster = "test"},
                                     std::move(services));
    CHECK_OK(server);
    (*server)->SetServing(true);
    addresses_.push_back(absl::StrCat("127.0.0.1:", (*server)->port()));
    servers_.push_back(*std::move(server));
    return auth;
  }

  std::unique_ptr<AuthClient> Client(absl::Duration attempt_timeout) const {
    return NewAuthClient({.addresses = addresses_,
                          .tls = Files("mx"),
                          .cluster = "test",
                          .call_timeout = kNever,
                          .attempt_timeout = attempt_timeout});
  }

  static absl::StatusOr<Resolved> Resolve(AuthClient& client) {
    absl::Notification answered;
    std::optional<absl::StatusOr<Resolved>> answer;
    client.Resolve("a@example.test", [&](absl::StatusOr<Resolved> resolved) {
      answer = std::move(resolved);
      answered.Notify();
    });
    answered.WaitForNotification();
    return *std::move(answer);
  }

  const std::string folder_ = ::testing::TempDir() + "/auth_client_test";
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<rpc::Server>> servers_;
};

TEST_F(AuthClientTest, AnAuthThatHangsIsPassedOverAndLeftAlone) {
  ScriptedAuth& hanging = StartAuth();
  ScriptedAuth& good = StartAuth();
  hanging.hangs = true;
  const auto client = Client(absl::Seconds(1));
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<Resolved> resolved = Resolve(*client);
    ASSERT_TRUE(resolved.ok()) << resolved.status();
  }
  EXPECT_EQ(good.asked, 3);
  EXPECT_LE(hanging.asked, 1) << "the one that answered is asked first from then on";
  hanging.hangs = false;
}

TEST_F(AuthClientTest, AnAuthThatIsGoneIsPassedOver) {
  StartAuth();
  servers_.clear();
  const ScriptedAuth& good = StartAuth();
  const auto client = Client(kNever);
  ASSERT_TRUE(Resolve(*client).ok());
  EXPECT_EQ(good.asked, 1);
}

TEST_F(AuthClientTest, TheOnlyAuthIsWaitedForWhileItStartsAgain) {
  StartAuth();
  const auto client = Client(kNever);
  ASSERT_TRUE(Resolve(*client).ok());
  servers_.clear();
  absl::Notification answered;
  client->Resolve("a@example.test", [&](absl::StatusOr<Resolved> resolved) {
    EXPECT_TRUE(resolved.ok()) << resolved.status();
    answered.Notify();
  });
  StartAuth(addresses_.front());
  answered.WaitForNotification();
}

TEST_F(AuthClientTest, AnAuthThatStaysAwayIsUnavailable) {
  StartAuth();
  servers_.clear();
  EXPECT_EQ(Resolve(*Client(kNever)).status().code(), absl::StatusCode::kUnavailable);
}

// As an auth service without a copy of the directory does.
TEST_F(AuthClientTest, AnAuthThatSaysThatItDoesNotServeIsAsGoodAsGone) {
  const ScriptedAuth& idle = StartAuth();
  const ScriptedAuth& good = StartAuth();
  servers_[0]->SetServing(false);
  const auto client = Client(kNever);
  ASSERT_TRUE(Resolve(*client).ok());
  EXPECT_EQ(idle.asked, 0);
  EXPECT_EQ(good.asked, 1);
  EXPECT_TRUE(client->status().ok());

  servers_[1]->SetServing(false);
  while (client->status().ok()) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(client->status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Resolve(*client).status().code(), absl::StatusCode::kUnavailable);

  servers_[0]->SetServing(true);
  while (!client->status().ok()) absl::SleepFor(absl::Milliseconds(1));
  ASSERT_TRUE(Resolve(*client).ok());
  EXPECT_EQ(idle.asked, 1);
}

TEST_F(AuthClientTest, TheOnlyAuthHasAllTheTimeOfTheCall) {
  ScriptedAuth& slow = StartAuth();
  slow.hangs = true;
  const auto client = Client(absl::Nanoseconds(1));
  absl::Notification answered;
  client->Resolve("a@example.test", [&](absl::StatusOr<Resolved> resolved) {
    EXPECT_TRUE(resolved.ok()) << resolved.status();
    answered.Notify();
  });
  while (slow.asked == 0) absl::SleepFor(absl::Milliseconds(1));
  slow.hangs = false;
  answered.WaitForNotification();
}

}  // namespace
}  // namespace packetboat::mx
