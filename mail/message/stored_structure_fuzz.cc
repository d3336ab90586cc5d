#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "mail/message/section.h"
#include "mail/message/structure.h"

using namespace packetboat::message;  // NOLINT(google-build-using-namespace)

// A stored structure: what is accepted is a tree with its parts inside each other, and is stored
// the same again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto structure =
      DeserializeStructure(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!structure.ok()) return 0;
  for (uint32_t part = 0; part < structure->parts.size(); ++part) {
    uint64_t begin = structure->parts[part].body_offset();
    for (const uint32_t child : ChildrenOf(*structure, part)) {
      if (structure->parts[child].header_offset < begin) std::abort();
      begin = structure->parts[child].end();
    }
    if (begin > structure->parts[part].end()) std::abort();
  }
  FindSection(*structure, {1, 2, 1}, SectionText::kText);
  if (*DeserializeStructure(SerializeStructure(*structure)) != *structure) std::abort();
  return 0;
}
