#include "base/check.h"

#include "gtest/gtest.h"

namespace packetboat {
namespace {

TEST(CheckTest, PassesWhatHolds) {
  int evaluated = 0;
  CHECK(++evaluated == 1) << "never seen";
  CHECK_EQ(++evaluated, 2);
  CHECK_NE(1, 2);
  CHECK_LT(1, 2);
  CHECK_LE(2, 2);
  CHECK_GT(2, 1);
  CHECK_GE(2, 2);
  CHECK_OK(absl::OkStatus());
  EXPECT_EQ(evaluated, 2);
}

TEST(CheckTest, DoesNotCatchAnElse) {
  bool reached = false;
  if (false)
    CHECK(true);
  else
    reached = true;
  EXPECT_TRUE(reached);
}

TEST(CheckDeathTest, FailureNamesPlaceConditionAndMessage) {
  EXPECT_DEATH(CHECK(1 == 2) << "shard " << 7, "check_test.cc:[0-9]+.*CHECK\\(1 == 2\\) shard 7");
}

TEST(CheckDeathTest, FailedComparisonShowsBothValues) {
  EXPECT_DEATH(CHECK_EQ(2 + 2, 5), "CHECK\\(2 \\+ 2 == 5\\) \\(4 and 5\\)");
}

TEST(CheckDeathTest, FailedStatusShowsItsText) {
  EXPECT_DEATH(CHECK_OK(absl::DataLossError("torn record")), "DATA_LOSS: torn record");
}

TEST(CheckDeathTest, ReporterIsToldOnce) {
  EXPECT_DEATH(
      {
        SetCheckReporter([](absl::string_view, int, absl::string_view what) {
          fprintf(stderr, "reporter saw <%s>\n", std::string(what).c_str());
          CHECK(false) << "inside of the reporter";
        });
        CHECK(false) << "first";
      },
      "reporter saw <CHECK\\(false\\) first>");
}

}  // namespace
}  // namespace packetboat
