#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "mail/imap/sequence_set.h"

// What is accepted is written as it was read, and resolves to a set in normal form.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using packetboat::imap::NumberSet;
  using packetboat::imap::SequenceSet;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto set = SequenceSet::Parse(text, 1000);
  if (!set.has_value()) return 0;
  const auto again = SequenceSet::Parse(set->ToString(), 1000);
  if (again != set) std::abort();
  for (const uint32_t largest : {0u, 1u, 100u, UINT32_MAX}) {
    const NumberSet numbers = set->Resolve(largest);
    const auto& ranges = numbers.ranges();
    for (size_t i = 0; i < ranges.size(); ++i) {
      if (ranges[i].first == 0 || ranges[i].first > ranges[i].last) std::abort();
      if (i > 0 && ranges[i].first <= uint64_t{ranges[i - 1].last} + 1) std::abort();
    }
    NumberSet added;
    for (size_t i = ranges.size(); i > 0; --i)
      added.AddRange(ranges[i - 1].first, ranges[i - 1].last);
    if (added != numbers || !numbers.Subtract(added).empty()) std::abort();
    if (numbers.Intersect(added) != numbers) std::abort();
  }
  return 0;
}
