#include "auth/users/user_files.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace packetboat::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::string_view kHash = "$2y$05$ZEDQnwtWpzsS7IyqdFLM4OsVA1SJltCIMk7yao8yABZtoMaF546XG";

class UserFilesTest : public ::testing::Test {
 protected:
  UserFilesTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  void Write(const std::string& name, const std::string& text) {
    // As an editor does it: a new file under the old name.
    std::ofstream(Path(name) + ".new") << text;
    std::filesystem::rename(Path(name) + ".new", Path(name));
  }

  UserFiles Open(std::vector<UserFiles::Source> sources) {
    return UserFiles(std::move(sources), absl::Hours(1),
                     [this](const std::set<std::string>& keys) { keys_ = keys; });
  }

  UserFiles::Source Source(const std::string& name) {
    return {Path(name), {.default_domain = "example.test"}};
  }

  const std::string folder_ = absl::StrCat(::testing::TempDir(), "/user_files");
  std::set<std::string> keys_;
};

TEST_F(UserFilesTest, ChangeIsSeenAndAnnounced) {
  Write("users", absl::StrCat("alice:", kHash, "\n"));
  UserFiles files = Open({Source("users")});
  EXPECT_THAT(keys_, ElementsAre("alice@example.test"));
  EXPECT_TRUE(files.Find("alice@example.test").has_value());
  EXPECT_FALSE(files.Reload());

  Write("users", absl::StrCat("bob:", kHash, "\n"));
  EXPECT_TRUE(files.Reload());
  EXPECT_THAT(keys_, ElementsAre("bob@example.test"));
  EXPECT_FALSE(files.Find("alice@example.test").has_value());
  EXPECT_TRUE(files.status().ok());
}

TEST_F(UserFilesTest, FileThatVanishesKeepsItsLastContentsAndIsReported) {
  Write("users", absl::StrCat("alice:", kHash, "\n"));
  UserFiles files = Open({Source("users")});
  std::filesystem::remove(Path("users"));
  files.Reload();
  EXPECT_TRUE(files.Find("alice@example.test").has_value());
  EXPECT_FALSE(files.status().ok());
}

TEST_F(UserFilesTest, MissingFileIsReportedFromTheStart) {
  UserFiles files = Open({Source("nowhere")});
  EXPECT_THAT(keys_, IsEmpty());
  EXPECT_EQ(files.status().code(), absl::StatusCode::kNotFound);
}

TEST_F(UserFilesTest, FirstFileThatNamesAUserDecides) {
  Write("one", absl::StrCat("alice:", kHash, "\n"));
  Write("two", "alice:$2y$04$ZEDQnwtWpzsS7IyqdFLM4OsVA1SJltCIMk7yao8yABZtoMaF546XG\nbob:broken\n");
  UserFiles files = Open({Source("one"), Source("two")});
  EXPECT_EQ(files.Find("alice@example.test")->ToString(), absl::StrCat("{BLF-CRYPT}", kHash));
  EXPECT_EQ(files.status().code(), absl::StatusCode::kInvalidArgument) << "bob's line";
}

}  // namespace
}  // namespace packetboat::auth
