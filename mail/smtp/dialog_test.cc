// Every dialog file, as it stands and in every cut.

#include "mail/testing/dialog.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "mail/smtp/dialog_engine.h"
#include "mail/testing/cuts.h"

namespace packetboat::smtp {
namespace {

using mail_testing::Dialog;

constexpr char kDirectory[] = "mail/smtp/testdata/dialogs";

std::vector<std::string> DialogNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    if (entry.path().extension() == ".dialog") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<Dialog> LoadDialog(const std::string& name) {
  const std::string file = std::string(kDirectory) + "/" + name + ".dialog";
  std::ifstream in(file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return mail_testing::ParseDialog(file, text);
}

// Cuts flight after flight along the chunks of one cutting of the whole dialog. A flight ends a
// chunk.
class FlightCutter {
 public:
  explicit FlightCutter(std::vector<std::string> chunks) : chunks_(std::move(chunks)) {}

  std::vector<std::string> Cut(absl::string_view flight) {
    std::vector<std::string> pieces;
    while (!flight.empty() && next_ < chunks_.size()) {
      std::string& chunk = chunks_[next_];
      const size_t size = std::min(chunk.size(), flight.size());
      pieces.emplace_back(flight.substr(0, size));
      flight.remove_prefix(size);
      chunk.erase(0, size);
      if (chunk.empty()) ++next_;
    }
    return pieces;
  }

 private:
  std::vector<std::string> chunks_;
  size_t next_ = 0;
};

class DialogTest : public testing::TestWithParam<std::string> {};

TEST_P(DialogTest, RunsAsWritten) {
  const absl::StatusOr<Dialog> dialog = LoadDialog(GetParam());
  ASSERT_TRUE(dialog.ok()) << dialog.status();
  const absl::StatusOr<ServerConfig> config = DialogConfig(*dialog);
  ASSERT_TRUE(config.ok()) << config.status();
  DialogEngine engine(*config);
  const absl::Status outcome = mail_testing::RunDialog(*dialog, engine);
  EXPECT_TRUE(outcome.ok()) << outcome.message();
}

TEST_P(DialogTest, DoesTheSameInEveryCut) {
  const absl::StatusOr<Dialog> dialog = LoadDialog(GetParam());
  ASSERT_TRUE(dialog.ok()) << dialog.status();
  if (dialog->Setting("flights", "") == "whole") return;
  const absl::StatusOr<ServerConfig> config = DialogConfig(*dialog);
  ASSERT_TRUE(config.ok()) << config.status();
  const auto run = [&](const std::vector<std::string>& chunks) {
    FlightCutter cutter(chunks);
    DialogEngine engine(*config, [&](absl::string_view flight) { return cutter.Cut(flight); });
    const absl::Status outcome = mail_testing::RunDialog(*dialog, engine);
    return engine.Trace() + outcome.ToString() + "\n";
  };
  const std::string octets = mail_testing::ClientOctets(*dialog);
  mail_testing::CutOptions options;
  if (octets.size() > 20'000) options.random_cuts = 5;  // ten thousand recipients take their time
  mail_testing::FeedInEveryCut(octets, run, options);
}

INSTANTIATE_TEST_SUITE_P(Smtp, DialogTest, testing::ValuesIn(DialogNames()),
                         [](const testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Dialogs, AreThere) { EXPECT_GE(DialogNames().size(), 60u); }

}  // namespace
}  // namespace packetboat::smtp
