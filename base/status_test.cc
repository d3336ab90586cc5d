#include "base/status.h"

#include <memory>

#include "absl/strings/cord.h"
#include "gtest/gtest.h"

namespace packetboat {
namespace {

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError("odd");
  return n / 2;
}

absl::StatusOr<int> Quarter(int n) {
  ASSIGN_OR_RETURN(const int half, Half(n));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

absl::Status CheckEven(int n, int* calls) {
  RETURN_IF_ERROR(Half(n));
  RETURN_IF_ERROR(absl::OkStatus());
  ++*calls;
  return absl::OkStatus();
}

TEST(StatusMacrosTest, AssignOrReturnGivesTheValueOrLeavesWithTheError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("odd"));
}

TEST(StatusMacrosTest, AssignOrReturnMovesTheValue) {
  const auto make = []() -> absl::StatusOr<std::unique_ptr<int>> {
    return std::make_unique<int>(5);
  };
  const auto use = [&]() -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(std::unique_ptr<int> value, make());
    return *value;
  };
  EXPECT_EQ(*use(), 5);
}

TEST(StatusMacrosTest, ReturnIfErrorTakesStatusAndStatusOr) {
  int calls = 0;
  EXPECT_TRUE(CheckEven(2, &calls).ok());
  EXPECT_FALSE(CheckEven(3, &calls).ok());
  EXPECT_EQ(calls, 1);
}

TEST(StatusMacrosTest, EachExpressionIsEvaluatedOnce) {
  int evaluated = 0;
  const auto once = [&]() -> absl::StatusOr<int> { return ++evaluated; };
  const auto use = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const int value, once());
    EXPECT_EQ(value, 1);
    RETURN_IF_ERROR(once());
    return absl::OkStatus();
  };
  EXPECT_TRUE(use().ok());
  EXPECT_EQ(evaluated, 2);
}

TEST(AnnotateTest, PutsContextBeforeTheMessageAndKeepsTheRest) {
  absl::Status status = absl::NotFoundError("no such key");
  status.SetPayload("type", absl::Cord("payload"));
  const absl::Status annotated = Annotate(status, "example.test");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(annotated.message(), "example.test: no such key");
  EXPECT_EQ(annotated.GetPayload("type"), absl::Cord("payload"));
}

TEST(AnnotateTest, OkStaysOk) { EXPECT_TRUE(Annotate(absl::OkStatus(), "context").ok()); }

}  // namespace
}  // namespace packetboat
