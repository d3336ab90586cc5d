#include "net/api/certificate_status.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace packetboat::net {
namespace {

const absl::Time kEnd = absl::FromUnixSeconds(1'700'000'000);

class Context : public TlsServerContext {
 public:
  absl::Status Reload() override { return reload; }
  absl::Status last_reload() const override { return reload; }
  absl::Time not_after() const override { return kEnd; }

  absl::Status reload;
};

TEST(CertificateStatus, IsFineUpToTheLastMomentAndSaysWhenItExpired) {
  const Context context;
  EXPECT_TRUE(CertificateStatus(context, kEnd).ok());
  const absl::Status expired = CertificateStatus(context, kEnd + absl::Nanoseconds(1));
  EXPECT_EQ(expired.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(expired.message(), ::testing::HasSubstr("expired at 2023-11-14"));
}

TEST(CertificateStatus, NamesWhyAReloadFailed) {
  Context context;
  context.reload = absl::NotFoundError("no such file");
  EXPECT_EQ(CertificateStatus(context, kEnd), context.reload);
}

}  // namespace
}  // namespace packetboat::net
