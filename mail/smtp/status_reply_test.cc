#include "mail/smtp/status_reply.h"

#include "gtest/gtest.h"

namespace packetboat::smtp {
namespace {

TEST(ReplyFor, EveryStatusIsTemporary) {
  for (int code = 0; code < 100; ++code) {
    const Reply reply = ReplyFor(absl::Status(static_cast<absl::StatusCode>(code), "secret path"));
    EXPECT_GE(reply.code, 400) << code;
    EXPECT_LT(reply.code, 500) << code;
    EXPECT_EQ(reply.enhanced[0], '4') << code;
    EXPECT_EQ(reply.text.find("secret"), std::string::npos) << code;
  }
}

TEST(ReplyFor, UnknownIs451AndOkIsNever250) {
  EXPECT_EQ(ReplyFor(absl::UnknownError("?")).code, 451);
  EXPECT_EQ(ReplyFor(absl::OkStatus()).code, 451);
  EXPECT_EQ(ReplyFor(absl::OkStatus()).enhanced, "4.3.0");
}

TEST(ReplyFor, AFullStoreIs452) {
  const Reply reply = ReplyFor(absl::ResourceExhaustedError("disk"));
  EXPECT_EQ(reply.code, 452);
  EXPECT_EQ(reply.enhanced, "4.3.1");
}

}  // namespace
}  // namespace packetboat::smtp
