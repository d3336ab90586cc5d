#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "mail/message/section.h"
#include "mail/message/structure.h"
#include "mail/message/structure_parser.h"
#include "mail/message/structure_testing.h"
#include "mail/testing/cutting.h"

namespace {

using namespace packetboat::message;  // NOLINT(google-build-using-namespace)

void ExpectEmpty(const std::string& broken) {
  if (broken.empty()) return;
  std::fprintf(stderr, "%s\n", broken.c_str());
  std::abort();
}

std::string ShowChunks(const std::vector<std::string>& chunks) {
  StructureParser parser({.mime_depth = 8, .mime_parts = 40, .structure_text_bytes = 600});
  for (const std::string& chunk : chunks) parser.Feed(chunk);
  return Show(parser.Finish());
}

}  // namespace

// A message: promises hold, cuts do not matter, and the stored form and the prefix change nothing.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view message(reinterpret_cast<const char*>(data), size);
  Structure structure = ParseStructure(message);
  ExpectEmpty(BrokenPromise(structure, message));
  ExpectEmpty(packetboat::mail_testing::FirstDifferenceBetweenCuts(
      message, ShowChunks, {.random_cuts = 3, .every_split_max_bytes = 0}));
  if (*DeserializeStructure(SerializeStructure(structure)) != structure) std::abort();
  FindSection(structure, {1, 2, 1}, SectionText::kHeader);
  const std::string prefix = "Received: x\r\n\ty\r\n";
  PrependToHeader(prefix, &structure);
  if (structure != ParseStructure(prefix + std::string(message))) std::abort();
  return 0;
}
