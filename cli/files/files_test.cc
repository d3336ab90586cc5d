#include "cli/files/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace packetboat::cli {
namespace {

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/files_test";
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(MakeFolder(folder_).ok());
  }

  std::string folder_;
};

TEST_F(FilesTest, WhatIsWrittenIsReadWithItsMode) {
  const std::string path = folder_ + "/key";
  ASSERT_TRUE(WriteFile(path, "octets\0more", kForOwner, Existing::kRefuse).ok());
  EXPECT_EQ(ReadFile(path).value(), "octets");
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(FilesTest, AFileThatIsThereIsReplacedOnlyWhenToldSo) {
  const std::string path = folder_ + "/key";
  ASSERT_TRUE(WriteFile(path, "old", kForOwner, Existing::kRefuse).ok());
  EXPECT_EQ(WriteFile(path, "new", kForOwner, Existing::kRefuse).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadFile(path).value(), "old");
  ASSERT_TRUE(WriteFile(path, "new", kForOwner, Existing::kReplace).ok());
  EXPECT_EQ(ReadFile(path).value(), "new");
}

TEST_F(FilesTest, NothingIsLeftBesideTheFile) {
  ASSERT_TRUE(WriteFile(folder_ + "/a", "x", kForOwner, Existing::kRefuse).ok());
  EXPECT_FALSE(WriteFile(folder_ + "/a", "x", kForOwner, Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(folder_ + "/a", "y", kForOwner, Existing::kReplace).ok());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) files += entry.exists();
  EXPECT_EQ(files, 1u);
}

TEST_F(FilesTest, FoldersAreMadeWithThoseAboveThemAndMayExist) {
  EXPECT_TRUE(MakeFolder(folder_ + "/a/b/c").ok());
  EXPECT_TRUE(MakeFolder(folder_ + "/a/b/c").ok());
  EXPECT_TRUE(MakeFolder(folder_ + "/a/b/c/").ok());
}

TEST_F(FilesTest, AFileInThePlaceOfAFolderIsTold) {
  ASSERT_TRUE(WriteFile(folder_ + "/a", "x", kForOwner, Existing::kRefuse).ok());
  EXPECT_FALSE(MakeFolder(folder_ + "/a").ok());
  EXPECT_FALSE(MakeFolder(folder_ + "/a/b").ok());
}

TEST_F(FilesTest, AFailureNamesTheFile) {
  EXPECT_NE(ReadFile(folder_ + "/none").status().message().find("/none"), std::string::npos);
}

}  // namespace
}  // namespace packetboat::cli
