#include "base/secret.h"

#include <ostream>
#include <type_traits>

#include "gtest/gtest.h"

namespace packetboat {
namespace {

template <typename T, typename = void>
struct IsPrintable : std::false_type {};
template <typename T>
struct IsPrintable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<T>())>>
    : std::true_type {};

TEST(SecretTest, CannotBePrintedOrConverted) {
  static_assert(IsPrintable<std::string>::value);
  static_assert(!IsPrintable<Secret>::value);
  static_assert(!std::is_convertible_v<Secret, std::string>);
  static_assert(!std::is_convertible_v<Secret, absl::string_view>);
  static_assert(!std::is_convertible_v<std::string, Secret>);
}

TEST(SecretTest, RevealsWhatItHolds) { EXPECT_EQ(Secret("hunter2").Reveal(), "hunter2"); }

TEST(SecretTest, MovingLeavesNothingBehind) {
  Secret from(std::string(100, 'x'));
  const Secret to = std::move(from);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(to.Reveal().size(), 100u);
}

TEST(SecretTest, ComparesByValue) {
  EXPECT_TRUE(Secret("abc") == Secret("abc"));
  EXPECT_FALSE(Secret("abc") == Secret("abd"));
  EXPECT_FALSE(Secret("abc") == Secret("ab"));
  EXPECT_TRUE(Secret() == Secret(""));
}

}  // namespace
}  // namespace packetboat
