#include "mx/inbound/body_buffer.h"

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::mx {
namespace {

class BodyBufferTest : public ::testing::Test {
 protected:
  BodyBufferTest() { std::filesystem::create_directories(folder_); }

  std::unique_ptr<BodyBuffer> Make(size_t memory_limit) {
    return std::make_unique<BodyBuffer>(
        BodyBuffer::Options{.memory_limit = memory_limit, .scratch_folder = folder_}, budget_);
  }

  const std::string folder_ = absl::StrCat(::testing::TempDir(), "/scratch");
  BodyBudget budget_{1000};
};

TEST_F(BodyBufferTest, ReadsBackWhatWasAppendedInMemoryAndInFile) {
  for (const size_t memory_limit : {0, 9, 10, 29, 30, 1000}) {
    const std::unique_ptr<BodyBuffer> buffer = Make(memory_limit);
    ASSERT_TRUE(buffer->Append("0123456789").ok());
    ASSERT_TRUE(buffer->Append("").ok());
    ASSERT_TRUE(buffer->Append("abcdefghijklmnopqrst").ok());
    EXPECT_EQ(buffer->size(), 30u);
    EXPECT_EQ(*buffer->Read(0, 100), "0123456789abcdefghijklmnopqrst");
    EXPECT_EQ(*buffer->Read(8, 4), "89ab");
    EXPECT_EQ(*buffer->Read(30, 1), "");
    EXPECT_EQ(*buffer->Read(99, 1), "");
  }
}

TEST_F(BodyBufferTest, ScratchFileHasNoName) {
  const std::unique_ptr<BodyBuffer> buffer = Make(4);
  ASSERT_TRUE(buffer->Append("01234").ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(BodyBufferTest, BudgetIsSharedAndGivenBack) {
  auto one = Make(10);
  const auto two = Make(10);
  ASSERT_TRUE(one->Append(std::string(600, 'x')).ok());
  ASSERT_TRUE(two->Append(std::string(400, 'x')).ok());
  EXPECT_TRUE(budget_.exhausted());
  EXPECT_EQ(two->Append("x").code(), absl::StatusCode::kResourceExhausted);
  one.reset();
  EXPECT_EQ(budget_.used(), 400u);
  EXPECT_TRUE(two->Append("x").ok());
}

TEST_F(BodyBufferTest, ScratchFolderThatIsMissingIsAnErrorNotACrash) {
  BodyBuffer buffer({.memory_limit = 1, .scratch_folder = folder_ + "/nowhere"}, budget_);
  EXPECT_FALSE(buffer.Append("xx").ok());
}

}  // namespace
}  // namespace packetboat::mx
