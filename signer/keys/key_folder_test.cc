#include "signer/keys/key_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "signer/keys/testing.h"

namespace packetboat::signer {
namespace {

namespace fs = std::filesystem;

class KeyFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/keys";
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  // As an editor does it: a new file takes the old one's name.
  void Put(const std::string& path, const std::string& text, mode_t mode = 0600) {
    const std::string whole = absl::StrCat(folder_, "/", path);
    fs::create_directories(fs::path(whole).parent_path());
    std::ofstream(whole + ".new") << text;
    ASSERT_EQ(chmod((whole + ".new").c_str(), mode), 0);
    fs::rename(whole + ".new", whole);
  }

  std::vector<std::string> Names(const KeyFolder& keys, absl::string_view domain = {}) {
    std::vector<std::string> names;
    for (const KeyFolder::Key& key : keys.List(domain)) {
      names.push_back(absl::StrCat(key.selector, "@", key.domain));
    }
    return names;
  }

  using Strings = std::vector<std::string>;
  std::string folder_;
};

TEST_F(KeyFolderTest, FoldersAreDomainsAndFilesAreSelectors) {
  Put("example.org/b.pem", kEd25519Pem);
  Put("example.org/a.2026.pem", kEd25519Pem);
  Put("xn--mller-kva.example/s.pem", kEd25519Pem);
  Put("example.org/notes.txt", "not a key");
  Put("example.org/.hidden.pem", "not a key");
  Put("..data/x.pem", "not a key");
  Put("stray.pem", "not below a domain");
  KeyFolder keys(folder_);
  EXPECT_TRUE(keys.Reload());
  EXPECT_EQ(Names(keys),
            (Strings{"a.2026@example.org", "b@example.org", "s@xn--mller-kva.example"}));
  EXPECT_EQ(Names(keys, "xn--mller-kva.example"), Strings{"s@xn--mller-kva.example"});
  EXPECT_TRUE(keys.folder_status().ok());
  EXPECT_TRUE(keys.keys_status().ok()) << keys.keys_status();
  EXPECT_FALSE(keys.Reload());
}

TEST_F(KeyFolderTest, NoFolderIsNoKeysAndNothingWrong) {
  KeyFolder keys("");
  EXPECT_FALSE(keys.Reload());
  EXPECT_TRUE(keys.List().empty());
  EXPECT_TRUE(keys.folder_status().ok());
}

TEST_F(KeyFolderTest, AFileThatOthersMayReadIsRefusedInWords) {
  for (const mode_t mode : {0640, 0604, 0660, 0601, 0444, 0450}) {
    Put("example.org/s.pem", kEd25519Pem, mode);
    KeyFolder keys(folder_);
    keys.Reload();
    EXPECT_TRUE(keys.List().empty());
    EXPECT_TRUE(absl::StrContains(keys.keys_status().message(), "chmod 600")) << keys.keys_status();
    EXPECT_TRUE(absl::StrContains(keys.keys_status().message(), "example.org/s.pem"));
  }
  Put("example.org/s.pem", kEd25519Pem, 0400);
  KeyFolder keys(folder_);
  keys.Reload();
  EXPECT_EQ(keys.List().size(), 1u);
}

// As Kubernetes mounts a Secret with fsGroup.
TEST_F(KeyFolderTest, AFileMayBeReadByTheGroupOfThisProcessAndByNoOther) {
  Put("example.org/s.pem", kEd25519Pem, 0440);
  ASSERT_EQ(chown((folder_ + "/example.org/s.pem").c_str(), getuid(), getegid()), 0);
  KeyFolder keys(folder_);
  keys.Reload();
  EXPECT_TRUE(keys.keys_status().ok()) << keys.keys_status();
  EXPECT_EQ(keys.List().size(), 1u);

  constexpr gid_t kForeign = 54321;
  if (chown((folder_ + "/example.org/s.pem").c_str(), getuid(), kForeign) != 0) {
    GTEST_SKIP() << "only root gives files to a foreign group";
  }
  keys.Reload();
  EXPECT_FALSE(keys.keys_status().ok());
}

TEST_F(KeyFolderTest, AChangeOfModeAloneIsSeen) {
  Put("example.org/s.pem", kEd25519Pem, 0644);
  KeyFolder keys(folder_);
  keys.Reload();
  EXPECT_FALSE(keys.keys_status().ok());
  ASSERT_EQ(chmod((folder_ + "/example.org/s.pem").c_str(), 0600), 0);
  EXPECT_TRUE(keys.Reload());
  EXPECT_TRUE(keys.keys_status().ok());
  EXPECT_EQ(keys.List().size(), 1u);
}

TEST_F(KeyFolderTest, KeysComeChangeAndGo) {
  KeyFolder keys(folder_);
  keys.Reload();
  Put("example.org/s.pem", kEd25519Pem);
  EXPECT_TRUE(keys.Reload());
  EXPECT_EQ(keys.List().at(0).key.algorithm(), Algorithm::kEd25519Sha256);
  Put("example.org/s.pem", RsaPkcs8Pem(kMinRsaBits));
  EXPECT_TRUE(keys.Reload());
  EXPECT_EQ(keys.List().at(0).key.algorithm(), Algorithm::kRsaSha256);
  fs::remove(folder_ + "/example.org/s.pem");
  EXPECT_TRUE(keys.Reload());
  EXPECT_TRUE(keys.List().empty());
}

TEST_F(KeyFolderTest, ABadFileKeepsTheLastKeyAndIsTold) {
  Put("example.org/s.pem", kEd25519Pem);
  Put("example.org/t.pem", kEd25519Pem);
  KeyFolder keys(folder_);
  keys.Reload();
  Put("example.org/s.pem", "half a fi");
  EXPECT_TRUE(keys.Reload());
  EXPECT_EQ(keys.List().size(), 2u);
  EXPECT_TRUE(absl::StrContains(keys.keys_status().message(), "s.pem")) << keys.keys_status();
  Put("example.org/s.pem", kEd25519Pem);
  EXPECT_TRUE(keys.Reload());
  EXPECT_TRUE(keys.keys_status().ok());
}

TEST_F(KeyFolderTest, AFolderThatGoesAwayKeepsTheKeysAndIsTold) {
  Put("example.org/s.pem", kEd25519Pem);
  KeyFolder keys(folder_);
  keys.Reload();
  fs::rename(folder_, folder_ + ".away");
  EXPECT_FALSE(keys.Reload());
  EXPECT_FALSE(keys.folder_status().ok());
  EXPECT_EQ(keys.List().size(), 1u);
  fs::rename(folder_ + ".away", folder_);
  keys.Reload();
  EXPECT_TRUE(keys.folder_status().ok());
}

TEST_F(KeyFolderTest, NamesThatAreNoDomainOrSelectorAreRefused) {
  for (const char* path : {"Example.org/s.pem", "[192.0.2.1]/s.pem", "a..b/s.pem",
                           "example.org/a b.pem", "example.org/a..b.pem"}) {
    fs::remove_all(folder_);
    Put(path, kEd25519Pem);
    KeyFolder keys(folder_);
    keys.Reload();
    EXPECT_TRUE(keys.List().empty()) << path;
    EXPECT_FALSE(keys.keys_status().ok()) << path;
  }
}

TEST_F(KeyFolderTest, TheSizeOfAFileIsBounded) {
  const std::string pem = kEd25519Pem;
  Put("example.org/s.pem", pem + std::string(kMaxKeyFileBytes - pem.size(), '\n'));
  KeyFolder keys(folder_);
  keys.Reload();
  EXPECT_TRUE(keys.keys_status().ok()) << keys.keys_status();
  Put("example.org/s.pem", pem + std::string(kMaxKeyFileBytes - pem.size() + 1, '\n'));
  keys.Reload();
  EXPECT_TRUE(absl::StrContains(keys.keys_status().message(), "larger than"));
}

}  // namespace
}  // namespace packetboat::signer
