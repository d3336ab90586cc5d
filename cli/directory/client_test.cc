#include "cli/directory/client.h"

#include <grpcpp/server_context.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "cli/authority/authority.h"
#include "cli/directory/operator.h"
#include "cli/files/files.h"
#include "net/rpc/server.h"

namespace packetboat::cli {
namespace {

using rpc::directory::ChangeReply;
using rpc::directory::ChangeRequest;

// What one store answers; the connections are real.
struct Script {
  std::atomic<int> unavailable_versions{0};  // so many questions before it answers
  grpc::Status change = grpc::Status::OK;
  std::vector<rpc::directory::DirectoryUpdate> updates;
  std::atomic<int> versions{0};
  std::atomic<int> changes{0};
};

class ScriptedDirectory : public rpc::directory::Directory::Service {
 public:
  explicit ScriptedDirectory(Script& script) : script_(script) {}

  grpc::Status Version(grpc::ServerContext*, const rpc::directory::VersionRequest*,
                       rpc::directory::VersionReply*) override {
    ++script_.versions;
    if (script_.unavailable_versions-- > 0) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "no leader yet");
    }
    return grpc::Status::OK;
  }

  grpc::Status Change(grpc::ServerContext*, const ChangeRequest*, ChangeReply* reply) override {
    ++script_.changes;
    reply->set_version(7);
    return script_.change;
  }

  grpc::Status Watch(grpc::ServerContext*, const rpc::directory::WatchRequest*,
                     grpc::ServerWriter<rpc::directory::DirectoryUpdate>* writer) override {
    for (const auto& update : script_.updates) writer->Write(update);
    return grpc::Status::OK;
  }

 private:
  Script& script_;
};

class ClientTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/client_test";
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

  Script& StartStore() {
    Script& script = *scripts_.emplace_back(std::make_unique<Script>());
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<ScriptedDirectory>(script));
    auto server = rpc::Server::Start(
        {.address = "127.0.0.1:0", .tls = Issue(rpc::Role::kStore), .cluster = "harbour"},
        std::move(services));
    CHECK_OK(server);
    stores_.push_back(absl::StrCat("127.0.0.1:", (*server)->port()));
    servers_.push_back(*std::move(server));
    return script;
  }

  DirectoryClient Client(rpc::Role role = rpc::Role::kAdmin,
                         absl::Duration patience = absl::Seconds(30)) {
    return DirectoryClient({stores_, Issue(role), "harbour", patience});
  }

  static ChangeRequest AddDomain() {
    ChangeRequest request;
    request.mutable_add_domain()->set_domain("example.org");
    return request;
  }

  std::string folder_;
  absl::StatusOr<Authority> authority_ = absl::UnknownError("not made yet");
  std::vector<std::string> stores_;
  std::vector<std::unique_ptr<Script>> scripts_;
  std::vector<std::unique_ptr<rpc::Server>> servers_;
};

TEST_F(ClientTest, AStoreThatIsJustStartingIsWaitedFor) {
  Script& script = StartStore();
  script.unavailable_versions = 3;
  const absl::StatusOr<ChangeReply> reply = Client().Change(AddDomain());
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->version(), 7u);
  EXPECT_EQ(script.versions, 4);
  EXPECT_EQ(script.changes, 1);
}

TEST_F(ClientTest, TheNextStoreIsAskedWhenOneIsAway) {
  StartStore();
  servers_.clear();
  const Script& there = StartStore();
  ASSERT_TRUE(Client().Change(AddDomain()).ok());
  EXPECT_EQ(there.changes, 1);
}

TEST_F(ClientTest, AChangeIsNeverSentTwice) {
  for (const auto code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::ABORTED,
                          grpc::StatusCode::DEADLINE_EXCEEDED, grpc::StatusCode::CANCELLED}) {
    servers_.clear();
    stores_.clear();
    Script& first = StartStore();
    Script& second = StartStore();
    first.change = second.change = grpc::Status(code, "lost");
    const absl::Status status = Client().Change(AddDomain()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
    EXPECT_TRUE(absl::StrContains(status.message(), "may have been made or not")) << status;
    EXPECT_EQ(first.changes + second.changes, 1);
  }
}

TEST_F(ClientTest, WhatTheStoreRefusesIsToldAsItIs) {
  Script& script = StartStore();
  script.change = grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "it exists already");
  const absl::Status status = Client().Change(AddDomain()).status();
  EXPECT_EQ(status, absl::AlreadyExistsError("it exists already"));
}

TEST_F(ClientTest, ARoleThatMayNotIsToldWhichCertificateMay) {
  Script& script = StartStore();
  const absl::Status status = Client(rpc::Role::kMx).Change(AddDomain()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(absl::StrContains(status.message(), "--role admin")) << status;
  EXPECT_EQ(script.changes, 0);
}

TEST_F(ClientTest, WithoutAnyStoreNothingWasChangedAndThatIsSaid) {
  StartStore();
  servers_.clear();
  const absl::Status status =
      Client(rpc::Role::kAdmin, absl::Milliseconds(50)).Change(AddDomain()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(status.message(), "nothing was changed")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), stores_[0])) << status;
}

TEST_F(ClientTest, TheCopyIsWhatTheUpdatesLeave) {
  Script& script = StartStore();
  script.updates.resize(2);
  script.updates[0].set_reset(true);
  script.updates[0].add_domains()->set_domain("a.example");
  script.updates[0].add_domains()->set_domain("b.example");
  script.updates[0].add_accounts()->set_address("x@a.example");
  script.updates[1].add_domains()->set_domain("b.example");
  script.updates[1].mutable_domains(0)->set_removed(true);
  script.updates[1].add_aliases()->set_address("@a.example");
  script.updates[1].set_complete(true);
  const absl::StatusOr<DirectoryCopy> copy = Client().Read();
  ASSERT_TRUE(copy.ok()) << copy.status();
  ASSERT_EQ(copy->domains.size(), 1u);
  EXPECT_EQ(copy->domains.begin()->first, "a.example");
  EXPECT_EQ(copy->accounts.count("x@a.example"), 1u);
  EXPECT_EQ(copy->aliases.count("@a.example"), 1u);
}

TEST_F(ClientTest, AListThatEndsEarlyIsNoList) {
  Script& script = StartStore();
  script.updates.resize(1);
  script.updates[0].add_domains()->set_domain("a.example");
  EXPECT_EQ(Client().Read().status().code(), absl::StatusCode::kUnavailable);
}

class OperatorTest : public ClientTest {
 protected:
  absl::Status Options(rpc::Role role, const std::string& cluster) {
    const rpc::TlsFiles tls = Issue(role);
    const std::string path = folder_ + "/operator.yaml";
    EXPECT_TRUE(
        WriteFile(path,
                  absl::StrCat("cluster:\n  name: ", cluster,
                               "\n  stores: ['127.0.0.1:1']\n  tls: {ca: ", tls.ca,
                               ", certificate: ", tls.certificate, ", key: ", tls.key, "}\n"),
                  kForOwner, Existing::kReplace)
            .ok());
    Arguments arguments;
    arguments.config_files = {path};
    return OperatorOptions(arguments).status();
  }
};

TEST_F(OperatorTest, OnlyAnOperatorsCertificateOfTheClusterWillDo) {
  EXPECT_TRUE(Options(rpc::Role::kAdmin, "harbour").ok());
  const absl::Status role = Options(rpc::Role::kStore, "harbour");
  EXPECT_TRUE(absl::StrContains(role.message(), "is for role store")) << role;
  const absl::Status cluster = Options(rpc::Role::kAdmin, "bay");
  EXPECT_TRUE(absl::StrContains(cluster.message(), "cluster.name is 'bay'")) << cluster;
}

TEST_F(OperatorTest, WithoutStoresWhatUpLeftBehindIsFound) {
  const rpc::TlsFiles tls = Issue(rpc::Role::kAdmin);
  const std::string data = folder_ + "/data";
  ASSERT_TRUE(MakeFolder(data + "/cluster").ok());
  const std::string path = folder_ + "/up.yaml";
  ASSERT_TRUE(
      WriteFile(path, absl::StrCat("node: {data: ", data, "}\n"), kForOwner, Existing::kReplace)
          .ok());
  Arguments arguments;
  arguments.config_files = {path};
  const absl::Status missing = OperatorOptions(arguments).status();
  EXPECT_TRUE(absl::StrContains(missing.message(), "which cluster?")) << missing;
  ASSERT_TRUE(
      WriteFile(absl::StrCat(data, "/", kOperatorFile),
                absl::StrCat("cluster: {name: harbour, stores: ['127.0.0.1:4'], tls: {ca: ", tls.ca,
                             ", certificate: ", tls.certificate, ", key: ", tls.key, "}}\n"),
                kForOwner, Existing::kRefuse)
          .ok());
  const absl::StatusOr<DirectoryClient::Options> options = OperatorOptions(arguments);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->stores, std::vector<std::string>{"127.0.0.1:4"});
}

}  // namespace
}  // namespace packetboat::cli
