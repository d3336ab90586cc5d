#include "cli/config/check.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/authority/authority.h"
#include "cli/files/files.h"

namespace packetboat::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kTestdata[] = "cli/config/testdata";

std::string Lines(const std::vector<config::Mistake>& mistakes) {
  std::string lines;
  for (const config::Mistake& mistake : mistakes) {
    absl::StrAppend(&lines, mistake.ToString(), "\n");
  }
  return lines;
}

// Each NN-name.yaml with the NN-name.mistakes that it has.
TEST(CheckTest, EveryGoldenFileHasExactlyItsMistakes) {
  size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(kTestdata)) {
    const fs::path path = entry.path();
    if (path.extension() != ".yaml") continue;
    ++cases;
    fs::path expected = path;
    expected.replace_extension(".mistakes");
    EXPECT_EQ(Lines(CheckConfigFiles({path.string()}, absl::Now())), ReadFile(expected).value());
  }
  EXPECT_GE(cases, 5u);
}

class CheckFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/check_test";
    fs::remove_all(folder_);
    authority_ = Authority::Create(folder_ + "/ca", "harbour", now_).value();
    ASSERT_TRUE(authority_->IssueForRole(rpc::Role::kMx, {.name = "mx1"}, now_).ok());
    ASSERT_TRUE(authority_->IssueForMail({"mx.example"}, {}, {.name = "mail"}, now_).ok());
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(folder_, "/", name);
    EXPECT_TRUE(WriteFile(path, text, kForEverybody, Existing::kReplace).ok());
    return path;
  }

  std::string Cluster(const std::string& name, const std::string& certificate,
                      const std::string& key) {
    return absl::StrCat("node: {name: mx1}\ncluster:\n  name: ", name,
                        "\n  tls:\n    ca: ", folder_, "/ca/ca.pem\n    certificate: ", folder_,
                        "/ca/", certificate, "\n    key: ", folder_, "/ca/", key, "\n");
  }

  std::string Check(const std::vector<std::string>& files, absl::Duration later = {}) {
    return Lines(CheckConfigFiles(files, now_ + later));
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::string folder_;
  absl::StatusOr<Authority> authority_ = absl::UnknownError("not made yet");
};

TEST_F(CheckFilesTest, ClusterFilesThatFitAreFine) {
  EXPECT_EQ(Check({Write("c.yaml", Cluster("harbour", "mx1.pem", "mx1.key"))}), "");
}

TEST_F(CheckFilesTest, ClusterFilesThatDoNotFitAreToldAtTheirLine) {
  const std::string key = Check({Write("c.yaml", Cluster("harbour", "mx1.pem", "mail.key"))});
  EXPECT_TRUE(absl::StrContains(key, "c.yaml:6:18: 'certificate': ")) << key;
  EXPECT_TRUE(absl::StrContains(key, "is not the key to")) << key;
  const std::string mail = Check({Write("c.yaml", Cluster("harbour", "mail.pem", "mail.key"))});
  EXPECT_TRUE(absl::StrContains(mail, "spiffe://CLUSTER/ROLE/NODE")) << mail;
  const std::string cluster = Check({Write("c.yaml", Cluster("bay", "mx1.pem", "mx1.key"))});
  EXPECT_TRUE(absl::StrContains(cluster, "is of cluster 'harbour', and cluster.name is 'bay'"));
}

TEST_F(CheckFilesTest, TheCertificateOfAnotherProcessIsTold) {
  ASSERT_TRUE(authority_->IssueForRole(rpc::Role::kMx, {.name = "mx2"}, now_).ok());
  const std::string lines = Check({Write("c.yaml", Cluster("harbour", "mx2.pem", "mx2.key"))});
  EXPECT_TRUE(absl::StrContains(lines, "is for 'mx2', and node.name is 'mx1'")) << lines;
}

TEST_F(CheckFilesTest, CertificatesThatHaveExpiredAreTold) {
  const std::string cluster = Write("c.yaml", Cluster("harbour", "mx1.pem", "mx1.key"));
  const std::string mail =
      Write("m.yaml", absl::StrCat("mail:\n  tls: {certificate: ", folder_,
                                   "/ca/mail.pem, key: ", folder_, "/ca/mail.key}\n"));
  EXPECT_EQ(Check({cluster, mail}), "");
  const std::string lines = Check({cluster, mail}, kCertificateLifetime + absl::Hours(1));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << lines;
  EXPECT_TRUE(absl::StrContains(lines, "c.yaml:6:18: ")) << lines;
  EXPECT_TRUE(absl::StrContains(lines, "m.yaml:2:22: ")) << lines;
}

TEST_F(CheckFilesTest, AMailKeyThatDoesNotFitIsTold) {
  const std::string lines =
      Check({Write("m.yaml", absl::StrCat("mail:\n  tls: {certificate: ", folder_,
                                          "/ca/mail.pem, key: ", folder_, "/ca/mx1.key}\n"))});
  EXPECT_TRUE(absl::StrContains(lines, "is not the key to")) << lines;
}

TEST_F(CheckFilesTest, AMistakeStandsInTheFileThatHasTheLastWord) {
  const std::string a = Write("a.yaml", "signer: {address: nowhere}\nnode: {http: bad}\n");
  const std::string b = Write("b.yaml", "\n\nsigner:\n  address: '127.0.0.1:70000'\n");
  const std::string lines = Check({a, b});
  EXPECT_TRUE(absl::StrContains(lines, "b.yaml:4:12: 'address': '127.0.0.1:70000'")) << lines;
  EXPECT_TRUE(absl::StrContains(lines, "a.yaml:2:14: 'http': ")) << lines;
}

TEST_F(CheckFilesTest, TheLogFileNeedsAFolderThatIsThere) {
  const auto log = [&](const std::string& file) {
    return Check({Write("log.yaml", absl::StrCat("log:\n  file: ", folder_, "/", file, "\n"))});
  };
  EXPECT_EQ(log("packetboat.log"), "");
  EXPECT_TRUE(absl::StrContains(log("none/packetboat.log"), "log.yaml:2:9: 'file': no folder "));
  EXPECT_TRUE(absl::StrContains(log("log.yaml/packetboat.log"), "is no folder"));
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ASSERT_EQ(chmod(folder_.c_str(), 0500), 0);
  const std::string lines = Lines(CheckConfigFiles({folder_ + "/log.yaml"}, now_));
  ASSERT_EQ(chmod(folder_.c_str(), 0700), 0);
  EXPECT_FALSE(lines.empty());
}

TEST_F(CheckFilesTest, TheDataFolderMayBeMadeButMustNotBeAFile) {
  const auto data = [&](const std::string& path) {
    return Check({Write("data.yaml", absl::StrCat("node:\n  data: ", folder_, "/", path, "\n"))});
  };
  EXPECT_EQ(data("not/yet"), "");
  EXPECT_TRUE(absl::StrContains(data("data.yaml"), "data.yaml:2:9: 'data': "));
  EXPECT_TRUE(absl::StrContains(data("data.yaml/below"), "is no folder"));
}

TEST_F(CheckFilesTest, AFileThatIsNotThereIsAMistake) {
  EXPECT_TRUE(absl::StrContains(Check({folder_ + "/none"}), "/none: cannot read"));
}

}  // namespace
}  // namespace packetboat::cli
