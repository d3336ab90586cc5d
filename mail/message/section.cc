#include "mail/message/section.h"

namespace packetboat::message {
namespace {

// The children that part numbers count in `part`: of a message in a part, those of that message
// (RFC 3501 s6.4.5). Where that has no parts, it is itself its part 1.
std::optional<uint32_t> Child(const Structure& structure, uint32_t part, uint32_t number) {
  const Part& around = structure.parts[part];
  if (around.kind == Part::Kind::kMessage) {
    const uint32_t inner = part + 1;
    if (structure.parts[inner].kind == Part::Kind::kMultipart)
      return Child(structure, inner, number);
    return number == 1 ? std::optional<uint32_t>(inner) : std::nullopt;
  }
  if (around.kind != Part::Kind::kMultipart || number == 0) return std::nullopt;
  const uint32_t end = part + around.subtree_parts;
  for (uint32_t child = part + 1; child < end; child += structure.parts[child].subtree_parts) {
    if (--number == 0) return child;
  }
  return std::nullopt;
}

// The message whose HEADER and TEXT `numbers` asks for.
std::optional<uint32_t> FindMessage(const Structure& structure,
                                    absl::Span<const uint32_t> numbers) {
  if (numbers.empty()) return 0;
  const std::optional<uint32_t> part = FindPart(structure, numbers);
  if (!part || structure.parts[*part].kind != Part::Kind::kMessage) return std::nullopt;
  return *part + 1;
}

}  // namespace

std::optional<uint32_t> FindPart(const Structure& structure, absl::Span<const uint32_t> numbers) {
  std::optional<uint32_t> part = 0;
  if (structure.parts[0].kind != Part::Kind::kMultipart) {
    if (numbers.empty() || numbers.front() != 1) return std::nullopt;
    numbers.remove_prefix(1);
  }
  for (const uint32_t number : numbers) {
    part = Child(structure, *part, number);
    if (!part) return std::nullopt;
  }
  return part;
}

std::optional<Range> FindSection(const Structure& structure, absl::Span<const uint32_t> numbers,
                                 SectionText text) {
  if (text == SectionText::kHeader || text == SectionText::kText) {
    const std::optional<uint32_t> message = FindMessage(structure, numbers);
    if (!message) return std::nullopt;
    const Part& part = structure.parts[*message];
    return text == SectionText::kHeader ? part.header() : part.body();
  }
  if (numbers.empty()) {
    if (text == SectionText::kMime) return std::nullopt;
    return structure.parts[0].whole();
  }
  const std::optional<uint32_t> part = FindPart(structure, numbers);
  if (!part) return std::nullopt;
  return text == SectionText::kMime ? structure.parts[*part].header()
                                    : structure.parts[*part].body();
}

}  // namespace packetboat::message
