#include "cli/cluster/status_client.h"

#include <grpcpp/server_context.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "cli/authority/authority.h"
#include "net/rpc/server.h"
#include "proto/replication/replication.grpc.pb.h"

namespace packetboat::cli {
namespace {

class NamedPeer : public rpc::replication::Peer::Service {
 public:
  explicit NamedPeer(std::string name) : name_(std::move(name)) {}

  grpc::Status Status(grpc::ServerContext*, const rpc::replication::StatusRequest*,
                      rpc::replication::StatusReply* reply) override {
    reply->set_name(name_);
    return grpc::Status::OK;
  }

 private:
  const std::string name_;
};

class StatusClientTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/status_client_test";
    std::filesystem::remove_all(folder_);
    authority_ = Authority::Create(folder_, "harbour", absl::Now()).value();
  }

  rpc::TlsFiles Issue(rpc::Role role) {
    return authority_
        ->IssueForRole(role,
                       {.name = std::string(rpc::RoleName(role)), .existing = Existing::kReplace},
                       absl::Now())
        .value();
  }

  void StartStore(const std::string& name) {
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<NamedPeer>(name));
    auto server = rpc::Server::Start(
        {.address = "127.0.0.1:0", .tls = Issue(rpc::Role::kStore), .cluster = "harbour"},
        std::move(services));
    CHECK_OK(server);
    stores_.push_back(absl::StrCat("127.0.0.1:", (*server)->port()));
    servers_.push_back(*std::move(server));
  }

  StatusClient Client(rpc::Role role, absl::Duration patience = absl::Seconds(30)) {
    return StatusClient({stores_, Issue(role), "harbour", patience});
  }

  std::string folder_;
  absl::StatusOr<Authority> authority_ = absl::UnknownError("not made yet");
  std::vector<std::string> stores_;
  std::vector<std::unique_ptr<rpc::Server>> servers_;
};

TEST_F(StatusClientTest, EveryStoreIsAskedAndAgainInTheNextRound) {
  StartStore("a");
  StartStore("b");
  StatusClient client = Client(rpc::Role::kAdmin);
  for (int round = 0; round < 2; ++round) {
    const std::vector<StoreAnswer> answers = client.Ask();
    ASSERT_EQ(answers.size(), 2u);
    ASSERT_TRUE(answers[0].reply.ok()) << answers[0].reply.status();
    ASSERT_TRUE(answers[1].reply.ok()) << answers[1].reply.status();
    EXPECT_EQ(answers[0].reply->name(), "a");
    EXPECT_EQ(answers[1].reply->name(), "b");
    EXPECT_EQ(answers[1].address, stores_[1]);
  }
}

TEST_F(StatusClientTest, AStoreThatIsAwayDoesNotHideTheOthers) {
  StartStore("a");
  servers_.clear();
  StartStore("b");
  StatusClient client = Client(rpc::Role::kAdmin, absl::Seconds(2));
  const std::vector<StoreAnswer> answers = client.Ask();
  EXPECT_TRUE(absl::EndsWith(answers[0].reply.status().message(), "Connection refused"));
  EXPECT_FALSE(absl::StrContains(answers[0].reply.status().message(), stores_[0]));
  ASSERT_TRUE(answers[1].reply.ok()) << answers[1].reply.status();
}

TEST_F(StatusClientTest, OnlyAnOperatorMayAsk) {
  StartStore("a");
  EXPECT_EQ(Client(rpc::Role::kMx).Ask()[0].reply.status().code(),
            absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace packetboat::cli
