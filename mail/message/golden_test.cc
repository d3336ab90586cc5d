#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "mail/message/structure.h"
#include "mail/message/structure_parser.h"
#include "mail/message/structure_testing.h"
#include "mail/testing/cuts.h"

// Every testdata/golden/NN-name.eml has the structure that NN-name.structure tells: a new case
// needs no code.

namespace packetboat::message {
namespace {

constexpr char kFolder[] = "mail/message/testdata/golden";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::vector<std::string> Messages() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".eml") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  std::string Read(const char* extension) const {
    return ReadFile(std::filesystem::path(kFolder) / (GetParam() + extension));
  }
};

TEST_P(Golden, HasItsStructureInEveryCut) {
  const std::string message = Read(".eml");
  EXPECT_EQ(mail_testing::FeedInEveryCut(message,
                                         [](const std::vector<std::string>& chunks) {
                                           StructureParser parser;
                                           for (const std::string& chunk : chunks)
                                             parser.Feed(chunk);
                                           return Show(parser.Finish());
                                         }),
            Read(".structure"));
  EXPECT_EQ(BrokenPromise(ParseStructure(message), message), "");
}

TEST_P(Golden, IsStoredAndReadBack) {
  const Structure structure = ParseStructure(Read(".eml"));
  EXPECT_EQ(Show(*DeserializeStructure(SerializeStructure(structure))), Read(".structure"));
}

INSTANTIATE_TEST_SUITE_P(Messages, Golden, ::testing::ValuesIn(Messages()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace packetboat::message
