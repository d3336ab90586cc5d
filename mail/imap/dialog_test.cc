#include "mail/testing/dialog.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "mail/imap/dialog_target.h"
#include "mail/testing/cuts.h"

namespace packetboat::imap {
namespace {

using mail_testing::Dialog;
using mail_testing::DialogStep;

constexpr char kDialogs[] = "mail/imap/testdata/dialogs";
constexpr char kMessages[] = "mail/imap/testdata/messages";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Messages are kept with LF, and read with CRLF.
std::string ReadMessage(absl::string_view name) {
  const std::string text = ReadFile(std::filesystem::path(kMessages) / std::string(name));
  return absl::StrReplaceAll(text, {{"\r\n", "\r\n"}, {"\n", "\r\n"}});
}

std::vector<std::string> DialogNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kDialogs)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Dialog Load(const std::string& name) {
  auto dialog = ParseImapDialog(name, ReadFile(std::filesystem::path(kDialogs) / name));
  EXPECT_TRUE(dialog.ok()) << dialog.status();
  return dialog.ok() ? *std::move(dialog) : Dialog();
}

class DialogTest : public testing::TestWithParam<std::string> {};

TEST_P(DialogTest, GoesAsWritten) {
  const Dialog dialog = Load(GetParam());
  DialogTarget target(dialog, ReadMessage);
  const absl::Status status = RunDialog(dialog, target);
  EXPECT_TRUE(status.ok()) << status;
}

// What happens before the client speaks may be anything; afterwards only the client may make a
// difference, or where it is cut would matter. STARTTLS is about flights.
bool CanBeCut(const Dialog& dialog) {
  bool spoken = false;
  for (const DialogStep& step : dialog.steps) {
    spoken |= step.kind == DialogStep::Kind::kSend;
    const bool sent = step.kind == DialogStep::Kind::kSend;
    if (sent && absl::StrContains(absl::AsciiStrToUpper(step.text), "STARTTLS")) return false;
    if (spoken && step.kind == DialogStep::Kind::kDirective && step.word != "closed" &&
        step.word != "flight" && step.word != "silent") {
      return false;
    }
  }
  return spoken;
}

std::string RunCut(const Dialog& dialog, const std::vector<std::string>& chunks) {
  DialogTarget target(dialog, ReadMessage);
  for (const DialogStep& step : dialog.steps) {
    if (step.kind == DialogStep::Kind::kSend) break;
    if (step.kind != DialogStep::Kind::kDirective) continue;
    if (!target.Direct(step.word, step.text).ok()) return "bad directive";
  }
  for (const std::string& chunk : chunks) {
    if (!target.Send(chunk).ok()) return "cannot send";
  }
  return target.TakeTrace();
}

std::vector<std::string> CutNames() {
  std::vector<std::string> names = DialogNames();
  std::erase_if(names, [](const std::string& name) { return !CanBeCut(Load(name)); });
  return names;
}

class CutTest : public testing::TestWithParam<std::string> {};

TEST_P(CutTest, IsTheSameInEveryCut) {
  const Dialog dialog = Load(GetParam());
  mail_testing::FeedInEveryCut(ClientOctets(dialog), [&](const std::vector<std::string>& chunks) {
    return RunCut(dialog, chunks);
  });
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  return absl::StrReplaceAll(info.param, {{"-", "_"}, {".dialog", ""}, {".", "_"}});
}

INSTANTIATE_TEST_SUITE_P(Dialogs, DialogTest, testing::ValuesIn(DialogNames()), TestName);
INSTANTIATE_TEST_SUITE_P(Dialogs, CutTest, testing::ValuesIn(CutNames()), TestName);

}  // namespace
}  // namespace packetboat::imap
