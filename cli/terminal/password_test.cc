#include "cli/terminal/password.h"

#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/match.h"
#include "auth/password/password.h"
#include "cli/files/files.h"

namespace packetboat::cli {
namespace {

absl::StatusOr<Secret> Read(const std::string& input, const std::optional<std::string>& file = {}) {
  std::istringstream in(input);
  std::ostringstream out, err;
  Console console{in, out, err};
  return ReadNewPassword(file, console);
}

TEST(PasswordTest, OneLineOfTheInputIsThePassword) {
  EXPECT_EQ(Read("tide and time\nrest").value().Reveal(), "tide and time");
  EXPECT_EQ(Read("tide\r\n").value().Reveal(), "tide");
  EXPECT_EQ(Read("no line end").value().Reveal(), "no line end");
}

TEST(PasswordTest, TheFirstLineOfAFileIsThePassword) {
  const std::string path = testing::TempDir() + "/password";
  ASSERT_TRUE(WriteFile(path, "from a file\nmore", kForOwner, Existing::kReplace).ok());
  EXPECT_EQ(Read("from the input\n", path).value().Reveal(), "from a file");
}

TEST(PasswordTest, WhatNoLogInCouldUseIsRefused) {
  EXPECT_FALSE(Read("").ok());
  EXPECT_FALSE(Read("\n").ok());
  EXPECT_FALSE(Read(std::string("a\0b\n", 4)).ok());
  EXPECT_FALSE(Read("", testing::TempDir() + "/no such file").ok());
}

TEST(PasswordTest, TheLengthIsBounded) {
  EXPECT_TRUE(Read(std::string(auth::kMaxPasswordBytes, 'x') + "\n").ok());
  EXPECT_FALSE(Read(std::string(auth::kMaxPasswordBytes + 1, 'x') + "\n").ok());
}

}  // namespace
}  // namespace packetboat::cli
