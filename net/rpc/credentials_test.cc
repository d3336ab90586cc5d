#include "net/rpc/credentials.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "net/rpc/channel.h"
#include "net/x509/authority.h"

namespace packetboat::rpc {
namespace {

using net::x509::CertificateAuthority;
using net::x509::LeafOptions;

constexpr char kCluster[] = "test";

// Answers every method that is let through, and asks who calls.
class Anything : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    last_caller_ = std::string(RoleName(CallerOf(*context).role));
    class Reactor : public grpc::ServerGenericBidiReactor {
     public:
      Reactor() { Finish(grpc::Status::OK); }
      void OnDone() override { delete this; }
    };
    return new Reactor;
  }

  // Of the call before, once it has been answered.
  std::string last_caller() const { return last_caller_; }

 private:
  std::string last_caller_;
};

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest()
      : ca_(*CertificateAuthority::Create("test CA", Valid())),
        other_ca_(*CertificateAuthority::Create("other CA", Valid())) {
    std::filesystem::create_directories(folder_);
    Write("ca.pem", ca_.certificate().ToPem());
    for (Role role : AllRoles()) {
      Issue(ca_, std::string(RoleName(role)),
            {absl::StrCat("spiffe://", kCluster, "/", RoleName(role), "/n1")});
    }
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(&anything_);
    ConfigureServer(builder);
    builder.AddListeningPort("127.0.0.1:0", ServerCredentials(Files("store"), kCluster), &port_);
    server_ = builder.BuildAndStart();
  }

  static net::x509::Validity Valid(absl::Duration from = -absl::Hours(1),
                                   absl::Duration until = absl::Hours(1)) {
    return {absl::Now() + from, absl::Now() + until};
  }

  void Write(const std::string& name, absl::string_view text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  void Issue(const CertificateAuthority& ca, const std::string& name,
             const std::vector<std::string>& uris, net::x509::Validity validity = Valid()) {
    LeafOptions options;
    options.common_name = name;
    options.names.uris = uris;
    options.names.dns = {"store"};
    options.validity = validity;
    const auto identity = ca.Issue(options);
    ASSERT_TRUE(identity.ok()) << identity.status();
    Write(name + ".pem", identity->certificate.ToPem());
    Write(name + ".key", identity->key.ToPem().Reveal());
  }

  TlsFiles Files(const std::string& name) const {
    return {folder_ + "/ca.pem", folder_ + "/" + name + ".pem", folder_ + "/" + name + ".key"};
  }

  absl::StatusCode Call(const std::string& holder, const std::string& method,
                        Role server_role = Role::kStore) const {
    return CallOn(Open(holder, server_role), method);
  }

  std::shared_ptr<grpc::Channel> Open(const std::string& holder,
                                      Role server_role = Role::kStore) const {
    return OpenChannel(absl::StrCat("127.0.0.1:", port_), Files(holder), kCluster, server_role);
  }

  static absl::StatusCode CallOn(const std::shared_ptr<grpc::Channel>& channel,
                                 const std::string& method) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    SetTimeout(context, absl::Seconds(10));
    const grpc::Slice nothing;
    grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer reply;
    absl::Notification done;
    grpc::Status status;
    stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &reply,
                   [&](grpc::Status result) {
                     status = std::move(result);
                     done.Notify();
                   });
    done.WaitForNotification();
    // A stream that ends without a message is UNIMPLEMENTED or INTERNAL to a unary caller: it got
    // through all the same.
    const absl::StatusCode code = FromGrpc(status).code();
    return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnimplemented
               ? absl::StatusCode::kOk
               : code;
  }

  const std::string folder_ = absl::StrCat(::testing::TempDir(), "/credentials");
  const CertificateAuthority ca_;
  const CertificateAuthority other_ca_;
  Anything anything_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(CredentialsTest, EveryMethodIsOpenToExactlyTheRolesOfTheTable) {
  for (absl::string_view method : KnownMethods()) {
    for (Role role : AllRoles()) {
      const absl::StatusCode expected =
          MayCall(role, method) ? absl::StatusCode::kOk : absl::StatusCode::kPermissionDenied;
      EXPECT_EQ(Call(std::string(RoleName(role)), std::string(method)), expected)
          << RoleName(role) << " " << method;
    }
  }
}

TEST_F(CredentialsTest, CallerIsKnownAtEveryCallOfAConnection) {
  const std::shared_ptr<grpc::Channel> channel = Open("auth");
  for (int call = 0; call < 3; ++call) {
    ASSERT_EQ(CallOn(channel, "/grpc.health.v1.Health/Check"), absl::StatusCode::kOk);
    EXPECT_EQ(anything_.last_caller(), "auth");
  }
}

TEST_F(CredentialsTest, MethodThatTheTableDoesNotNameIsOpenToNobody) {
  for (Role role : AllRoles()) {
    EXPECT_EQ(Call(std::string(RoleName(role)), "/packetboat.rpc.delivery.Delivery/Other"),
              absl::StatusCode::kPermissionDenied);
  }
}

TEST_F(CredentialsTest, CertificatesThatAreNotOneMemberOfTheClusterAreRefused) {
  const std::string method = "/grpc.health.v1.Health/Check";
  ASSERT_EQ(Call("mx", method), absl::StatusCode::kOk);
  Issue(ca_, "foreign-cluster", {"spiffe://elsewhere/mx/n1"});
  Issue(ca_, "no-role", {"spiffe://test/janitor/n1"});
  Issue(ca_, "two-names", {"spiffe://test/mx/n1", "spiffe://test/store/n1"});
  Issue(ca_, "no-name", {});
  Issue(ca_, "expired", {"spiffe://test/mx/n1"}, Valid(-absl::Hours(1), -absl::Minutes(1)));
  Issue(other_ca_, "foreign-ca", {"spiffe://test/mx/n1"});
  for (const char* holder :
       {"foreign-cluster", "no-role", "two-names", "no-name", "expired", "foreign-ca"}) {
    EXPECT_EQ(Call(holder, method), absl::StatusCode::kUnavailable) << holder;
  }
}

TEST_F(CredentialsTest, ClientRefusesAServerOfAnotherRole) {
  const std::string method = "/grpc.health.v1.Health/Check";
  EXPECT_EQ(Call("mx", method, Role::kAuth), absl::StatusCode::kUnavailable);
}

TEST_F(CredentialsTest, CheckTlsFilesNamesWhatIsWrong) {
  const auto message = [&](const TlsFiles& files) {
    return std::string(CheckTlsFiles(files, absl::Now()).status().message());
  };
  ASSERT_TRUE(CheckTlsFiles(Files("mx"), absl::Now()).ok());
  EXPECT_EQ(CheckTlsFiles(Files("mx"), absl::Now())->identity.role, Role::kMx);
  TlsFiles files = Files("mx");
  files.key = Files("auth").key;
  EXPECT_NE(message(files).find("is not the key to"), std::string::npos) << message(files);
  files = Files("mx");
  files.ca = folder_ + "/nowhere.pem";
  EXPECT_NE(message(files).find("cannot read"), std::string::npos) << message(files);
  Issue(other_ca_, "foreign-ca", {"spiffe://test/mx/n1"});
  EXPECT_NE(message(Files("foreign-ca")).find("was not signed by"), std::string::npos);
  Issue(ca_, "no-role", {"spiffe://test/janitor/n1"});
  EXPECT_NE(message(Files("no-role")).find("exactly one URI name"), std::string::npos);
  EXPECT_NE(std::string(CheckTlsFiles(Files("mx"), absl::Now() + absl::Hours(2)).status().message())
                .find("not now"),
            std::string::npos);
}

}  // namespace
}  // namespace packetboat::rpc
