#include "net/asio/tls_context.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/asio/asio_network.h"
#include "net/testing/certs.h"
#include "net/testing/recording_handler.h"
#include "net/x509/certificate.h"

namespace packetboat::net {
namespace {

using ::testing::HasSubstr;
using testing::RecordingHandler;
using testing::TestCa;

constexpr char kName[] = "mx1.example.test";

void WriteFile(const std::string& path, absl::string_view contents) {
  // As a tool that renews certificates does: readers see the old file or the new one.
  const std::string temporary = path + ".new";
  std::ofstream(temporary, std::ios::binary) << contents;
  ASSERT_EQ(std::rename(temporary.c_str(), path.c_str()), 0);
}

class TlsContextTest : public ::testing::Test {
 protected:
  TlsContextTest()
      : files_{absl::StrCat(::testing::TempDir(), "/tls-", TestName(), ".crt"),
               absl::StrCat(::testing::TempDir(), "/tls-", TestName(), ".key")} {}

  static std::string TestName() {
    return ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  void Install(const x509::Identity& identity) {
    WriteFile(files_.certificate_chain, identity.certificate.ToPem());
    WriteFile(files_.key, identity.key.ToPem().Reveal());
  }

  std::shared_ptr<TlsServerContext> Load() {
    absl::StatusOr<std::shared_ptr<TlsServerContext>> context = LoadTlsServerContext({files_});
    EXPECT_TRUE(context.ok()) << context.status();
    return *std::move(context);
  }

  std::unique_ptr<Listener> Listen(std::shared_ptr<TlsServerContext> context) {
    ListenOptions options;
    options.endpoint = {IpAddress::LoopbackV4(), 0};
    options.tls = std::move(context);
    return *network_.Listen(std::move(options), [](const Endpoint&, const Endpoint&) {
      return std::make_shared<RecordingHandler>();
    });
  }

  std::shared_ptr<RecordingHandler> Dial(const Endpoint& endpoint, absl::string_view name = kName) {
    DialOptions options;
    options.endpoint = endpoint;
    options.tls = TlsClientOptions{.server_name = std::string(name),
                                   .verify = TlsClientOptions::Verify::kNone};
    auto handler = std::make_shared<RecordingHandler>();
    network_.Dial(network_.NextLoop(), std::move(options), handler);
    return handler;
  }

  // The fingerprint of the certificate that a new connection sees.
  std::string Shown(const Endpoint& endpoint, absl::string_view name = kName) {
    const TlsInfo info = Dial(endpoint, name)->WaitForTls();
    return x509::Certificate::FromDer(info.peer_chain_der.front())->fingerprint();
  }

  const TestCa ca_;
  const TlsKeyFiles files_;
  AsioNetwork network_{1};
};

TEST_F(TlsContextTest, NewConnectionsUseTheNewCertificateAndOldOnesLiveOn) {
  const x509::Identity first = ca_.Issue(kName);
  Install(first);
  const auto context = Load();
  const auto listener = Listen(context);
  const auto old = Dial(listener->endpoint());
  old->WaitForTls();
  const x509::Identity second = ca_.Issue(kName);
  Install(second);
  EXPECT_EQ(Shown(listener->endpoint()), first.certificate.fingerprint());
  EXPECT_TRUE(context->Reload().ok());
  EXPECT_EQ(Shown(listener->endpoint()), second.certificate.fingerprint());
  EXPECT_FALSE(old->closed());
}

TEST_F(TlsContextTest, BadFileKeepsTheOldCertificateAndIsReportedOnce) {
  const x509::Identity good = ca_.Issue(kName);
  Install(good);
  const auto context = Load();
  const auto listener = Listen(context);
  WriteFile(files_.certificate_chain, "-----BEGIN CERTIFICATE-----\nAAAA\n");
  log::Capture capture;
  EXPECT_FALSE(context->Reload().ok());
  EXPECT_FALSE(context->Reload().ok());
  EXPECT_FALSE(context->last_reload().ok());
  EXPECT_EQ(capture.Count("not loaded"), 1u);
  EXPECT_EQ(Shown(listener->endpoint()), good.certificate.fingerprint());
  Install(good);
  EXPECT_TRUE(context->Reload().ok());
  EXPECT_TRUE(context->last_reload().ok());
}

TEST_F(TlsContextTest, FileThatIsGoneKeepsTheOldCertificate) {
  Install(ca_.Issue(kName));
  const auto context = Load();
  std::remove(files_.key.c_str());
  EXPECT_THAT(context->Reload().message(), HasSubstr(files_.key));
}

TEST_F(TlsContextTest, HalfReplacedPairIsNotUsedAndTheWholeOneIs) {
  Install(ca_.Issue(kName));
  const auto context = Load();
  const x509::Identity next = ca_.Issue(kName, absl::Hours(48));
  const absl::Time before = context->not_after();
  WriteFile(files_.certificate_chain, next.certificate.ToPem());
  EXPECT_THAT(context->Reload().message(), HasSubstr("does not belong"));
  EXPECT_EQ(context->not_after(), before);
  WriteFile(files_.key, next.key.ToPem().Reveal());
  EXPECT_TRUE(context->Reload().ok());
  EXPECT_EQ(context->not_after(), next.certificate.not_after());
}

TEST_F(TlsContextTest, FirstLoadMustSucceed) {
  EXPECT_FALSE(LoadTlsServerContext({{"/proc/none/crt", "/proc/none/key"}}).ok());
  EXPECT_FALSE(LoadTlsServerContext({}).ok());
}

TEST_F(TlsContextTest, ServerNameChoosesTheCertificateAndTheFirstIsForAllOthers) {
  const x509::Identity first = ca_.Issue(kName);
  const x509::Identity second = ca_.Issue("*.example.org");
  const auto listener =
      Listen(*MakeTlsServerContext([&]() -> absl::StatusOr<std::vector<TlsKeyPair>> {
        return std::vector<TlsKeyPair>{{first.certificate.ToPem(), first.key.ToPem()},
                                       {second.certificate.ToPem(), second.key.ToPem()}};
      }));
  EXPECT_EQ(Shown(listener->endpoint(), "mail.example.org"), second.certificate.fingerprint());
  EXPECT_EQ(Shown(listener->endpoint(), kName), first.certificate.fingerprint());
  EXPECT_EQ(Shown(listener->endpoint(), "other.example.net"), first.certificate.fingerprint());
  EXPECT_EQ(Shown(listener->endpoint(), ""), first.certificate.fingerprint());
}

TEST_F(TlsContextTest, ReloaderPicksUpChangesByItself) {
  Install(ca_.Issue(kName));
  const auto context = Load();
  const TlsReloader reloader(network_.NextLoop(), {context}, absl::Milliseconds(1));
  const x509::Identity next = ca_.Issue(kName, absl::Hours(48));
  Install(next);
  while (context->not_after() != next.certificate.not_after())
    absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(Shown(Listen(context)->endpoint()), next.certificate.fingerprint());
}

}  // namespace
}  // namespace packetboat::net
