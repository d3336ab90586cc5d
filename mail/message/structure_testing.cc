#include "mail/message/structure_testing.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace packetboat::message {
namespace {

std::string ShowParameters(const std::vector<Parameter>& parameters) {
  std::string out;
  for (const Parameter& parameter : parameters) {
    absl::StrAppend(&out, "; ", parameter.name, "=", absl::CHexEscape(parameter.value));
  }
  return out;
}

void ShowIfSet(absl::string_view name, absl::string_view value, std::string* out) {
  if (!value.empty()) absl::StrAppend(out, " ", name, "=", absl::CHexEscape(value));
}

std::string ShowPart(const Part& part) {
  std::string out = absl::StrCat(part.content_type.type, "/", part.content_type.subtype,
                                 ShowParameters(part.content_type.parameters));
  absl::StrAppend(&out, " header ", part.header_offset, "+", part.header_bytes, "/",
                  part.header_lines, " body ", part.body_offset(), "+", part.body_bytes, "/",
                  part.body_lines);
  ShowIfSet("encoding", part.encoding, &out);
  ShowIfSet("id", part.id, &out);
  ShowIfSet("description", part.description, &out);
  ShowIfSet("md5", part.md5, &out);
  ShowIfSet("location", part.location, &out);
  if (part.disposition) {
    ShowIfSet("disposition", part.disposition->type, &out);
    absl::StrAppend(&out, ShowParameters(part.disposition->parameters));
  }
  ShowIfSet("languages", absl::StrJoin(part.languages, ","), &out);
  if (part.envelope) absl::StrAppend(&out, " envelope ", *part.envelope);
  return out;
}

std::string ShowEnvelope(const Envelope& envelope) {
  std::string out = "envelope";
  ShowIfSet("date", envelope.date.value_or(""), &out);
  ShowIfSet("subject", envelope.subject.value_or(""), &out);
  ShowIfSet("from", envelope.from, &out);
  ShowIfSet("sender", envelope.sender, &out);
  ShowIfSet("reply-to", envelope.reply_to, &out);
  ShowIfSet("to", envelope.to, &out);
  ShowIfSet("cc", envelope.cc, &out);
  ShowIfSet("bcc", envelope.bcc, &out);
  ShowIfSet("in-reply-to", envelope.in_reply_to.value_or(""), &out);
  ShowIfSet("message-id", envelope.message_id.value_or(""), &out);
  return out;
}

uint64_t LineEnds(absl::string_view message, const Range& range) {
  const absl::string_view octets = message.substr(range.offset, range.size);
  return std::count(octets.begin(), octets.end(), '\n');
}

std::string BrokenPromiseOfPart(const Structure& structure, uint32_t index,
                                absl::string_view message) {
  const Part& part = structure.parts[index];
  if (part.end() > message.size()) return "ends outside the message";
  if (part.header_lines != LineEnds(message, part.header())) return "wrong header_lines";
  if (part.body_lines != LineEnds(message, part.body())) return "wrong body_lines";
  if (part.content_type.type.empty() || part.content_type.subtype.empty()) return "has no type";
  const std::vector<uint32_t> children = ChildrenOf(structure, index);
  if ((part.kind == Part::Kind::kLeaf) != children.empty()) return "kind and children disagree";
  const bool is_message = part.kind == Part::Kind::kMessage;
  if (is_message && children.size() != 1) return "is a message without one child";
  uint64_t begin = part.body_offset();
  for (const uint32_t child : children) {
    if (structure.parts[child].header_offset < begin) return "has overlapping children";
    if (structure.parts[child].envelope.has_value() != is_message) return "envelope misplaced";
    begin = structure.parts[child].end();
  }
  if (begin > part.end()) return "has children beyond its end";
  if (is_message && structure.parts[children[0]].whole() != part.body()) {
    return "is a message that does not fill its body";
  }
  return "";
}

}  // namespace

std::string Show(const Structure& structure) {
  std::string out;
  std::vector<uint32_t> ends;
  for (uint32_t i = 0; i < structure.parts.size(); ++i) {
    while (!ends.empty() && ends.back() <= i) ends.pop_back();
    absl::StrAppend(&out, std::string(2 * ends.size(), ' '), ShowPart(structure.parts[i]), "\n");
    ends.push_back(i + structure.parts[i].subtree_parts);
  }
  for (const Envelope& envelope : structure.envelopes) {
    absl::StrAppend(&out, ShowEnvelope(envelope), "\n");
  }
  std::string rest;
  ShowIfSet("references", structure.references, &rest);
  if (structure.date) absl::StrAppend(&rest, " date=", FormatDateTime(*structure.date));
  if (structure.opaque) rest += " opaque";
  if (structure.text_cut) rest += " text_cut";
  if (!rest.empty()) absl::StrAppend(&out, "message", rest, "\n");
  return out;
}

std::string BrokenPromise(const Structure& structure, absl::string_view message) {
  if (structure.parts.empty() || structure.envelopes.empty()) return "empty";
  if (structure.parts[0].whole() != Range{0, message.size()}) return "does not fill the message";
  if (structure.parts[0].subtree_parts != structure.parts.size()) return "parts outside the tree";
  uint32_t envelopes = 0;
  for (uint32_t i = 0; i < structure.parts.size(); ++i) {
    const std::string broken = BrokenPromiseOfPart(structure, i, message);
    if (!broken.empty()) return absl::StrCat("parts[", i, "] ", broken);
    const std::optional<uint32_t>& envelope = structure.parts[i].envelope;
    if (envelope && *envelope != envelopes++) return "envelopes out of order";
  }
  if (structure.parts[0].envelope != 0u) return "the message has no envelope";
  if (envelopes != structure.envelopes.size()) return "envelopes without a message";
  return "";
}

}  // namespace packetboat::message
