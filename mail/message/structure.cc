#include "mail/message/structure.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "mail/message/header.h"
#include "mail/message/limits.h"
#include "mail/message/wire.h"

namespace packetboat::message {
namespace {

constexpr uint64_t kVersionWithoutCommonFields = 1;
constexpr uint64_t kVersion = 2;

// What an honest parser cannot exceed even with its limits raised; keeps hostile octets from
// growing on reading.
constexpr uint64_t kMaxSerializedDepth = 1000;
constexpr uint64_t kMaxMessageBytes = uint64_t{1} << 48;
constexpr uint64_t kMaxZoneMinutes = 24 * 60;

constexpr uint64_t kOpaqueBit = 1;
constexpr uint64_t kTextCutBit = 2;
constexpr uint64_t kDateBit = 4;
constexpr uint64_t kAllStructureBits = 7;
// From version 2 on.
constexpr uint64_t kEmptyLineBit = 8;
// The envelope of the message, references and date are what the common fields say.
constexpr uint64_t kDerivedBit = 16;
constexpr uint64_t kAllStructureBits2 = 31;

// The two lowest bits are the kind.
enum PartBits : uint64_t {
  kKindMask = 3,
  kParametersBit = 1 << 2,
  kEncodingBit = 1 << 3,
  kIdBit = 1 << 4,
  kDescriptionBit = 1 << 5,
  kMd5Bit = 1 << 6,
  kLocationBit = 1 << 7,
  kDispositionBit = 1 << 8,
  kLanguagesBit = 1 << 9,
  kAllPartBits = (1 << 10) - 1,
};

// ---- Envelopes

// In the order of their bits.
constexpr std::optional<std::string> Envelope::*kOptionalFields[] = {
    &Envelope::date, &Envelope::subject, &Envelope::in_reply_to, &Envelope::message_id};
constexpr std::string Envelope::*kAddressFields[] = {&Envelope::from,     &Envelope::sender,
                                                     &Envelope::reply_to, &Envelope::to,
                                                     &Envelope::cc,       &Envelope::bcc};
constexpr uint64_t kAllEnvelopeBits = (1 << 10) - 1;

void PutEnvelope(const Envelope& envelope, WireWriter* out) {
  uint64_t bits = 0;
  uint64_t bit = 1;
  for (const auto field : kOptionalFields) bits |= (envelope.*field ? bit : 0), bit <<= 1;
  for (const auto field : kAddressFields) bits |= ((envelope.*field).empty() ? 0 : bit), bit <<= 1;
  out->PutNumber(bits);
  for (const auto field : kOptionalFields) {
    if (envelope.*field) out->PutString(*(envelope.*field));
  }
  for (const auto field : kAddressFields) {
    if (!(envelope.*field).empty()) out->PutString(envelope.*field);
  }
}

Envelope GetEnvelope(WireReader* in) {
  Envelope envelope;
  const uint64_t bits = in->GetNumber(kAllEnvelopeBits);
  uint64_t bit = 1;
  for (const auto field : kOptionalFields) {
    if (bits & bit) envelope.*field = in->GetString();
    bit <<= 1;
  }
  for (const auto field : kAddressFields) {
    if (bits & bit) envelope.*field = in->GetString();
    bit <<= 1;
  }
  return envelope;
}

// ---- What a part says of itself

void PutParameters(const std::vector<Parameter>& parameters, WireWriter* out) {
  out->PutNumber(parameters.size());
  for (const Parameter& parameter : parameters) {
    out->PutWord(parameter.name);
    out->PutWord(parameter.value);
  }
}

std::vector<Parameter> GetParameters(WireReader* in) {
  std::vector<Parameter> parameters;
  // Each takes two octets at least: the count cannot lie about what there is to allocate.
  for (uint64_t left = in->GetNumber(in->rest_bytes() / 2); left > 0 && in->ok(); --left) {
    Parameter& parameter = parameters.emplace_back();
    parameter.name = in->GetWord();
    parameter.value = in->GetWord();
  }
  return parameters;
}

uint64_t BitsOf(const Part& part) {
  uint64_t bits = static_cast<uint64_t>(part.kind);
  if (!part.content_type.parameters.empty()) bits |= kParametersBit;
  if (!part.encoding.empty()) bits |= kEncodingBit;
  if (!part.id.empty()) bits |= kIdBit;
  if (!part.description.empty()) bits |= kDescriptionBit;
  if (!part.md5.empty()) bits |= kMd5Bit;
  if (!part.location.empty()) bits |= kLocationBit;
  if (part.disposition) bits |= kDispositionBit;
  if (!part.languages.empty()) bits |= kLanguagesBit;
  return bits;
}

void PutDescription(const Part& part, WireWriter* out) {
  const uint64_t bits = BitsOf(part);
  out->PutNumber(bits);
  out->PutWord(part.content_type.type);
  out->PutWord(part.content_type.subtype);
  if (bits & kParametersBit) PutParameters(part.content_type.parameters, out);
  if (bits & kEncodingBit) out->PutWord(part.encoding);
  if (bits & kIdBit) out->PutString(part.id);
  if (bits & kDescriptionBit) out->PutString(part.description);
  if (bits & kMd5Bit) out->PutString(part.md5);
  if (bits & kLocationBit) out->PutString(part.location);
  if (bits & kDispositionBit) {
    out->PutWord(part.disposition->type);
    PutParameters(part.disposition->parameters, out);
  }
  if (bits & kLanguagesBit) {
    out->PutNumber(part.languages.size());
    for (const std::string& tag : part.languages) out->PutString(tag);
  }
}

void GetDescription(WireReader* in, Part* part) {
  const uint64_t bits = in->GetNumber(kAllPartBits);
  if ((bits & kKindMask) > static_cast<uint64_t>(Part::Kind::kMessage)) return in->Fail();
  part->kind = static_cast<Part::Kind>(bits & kKindMask);
  part->content_type.type = in->GetWord();
  part->content_type.subtype = in->GetWord();
  if (part->content_type.type.empty() || part->content_type.subtype.empty()) return in->Fail();
  if (bits & kParametersBit) part->content_type.parameters = GetParameters(in);
  if (bits & kEncodingBit) part->encoding = in->GetWord();
  if (bits & kIdBit) part->id = in->GetString();
  if (bits & kDescriptionBit) part->description = in->GetString();
  if (bits & kMd5Bit) part->md5 = in->GetString();
  if (bits & kLocationBit) part->location = in->GetString();
  if (bits & kDispositionBit) {
    part->disposition.emplace();
    part->disposition->type = in->GetWord();
    part->disposition->parameters = GetParameters(in);
  }
  if (bits & kLanguagesBit) {
    for (uint64_t left = in->GetNumber(in->rest_bytes()); left > 0 && in->ok(); --left) {
      part->languages.push_back(in->GetString());
    }
  }
}

// ---- The tree

// Where each part's place is counted from: the end of what comes before it in the same container.
// So the numbers are small, and parts cannot overlap. Walks the parts in order with the stack of
// those around the current one.
class TreeWalk {
 public:
  explicit TreeWalk(const std::vector<Part>& parts) : parts_(parts) {}

  // Leaves the containers that end before parts[index]; the first octet that it may have.
  uint64_t BeginPart(uint32_t index) {
    while (!around_.empty() && EndIndex(around_.back()) <= index) {
      next_offset_ = parts_[around_.back()].end();
      around_.pop_back();
    }
    return next_offset_;
  }

  void EndPart(uint32_t index) {
    next_offset_ = parts_[index].body_offset();
    around_.push_back(index);
  }

  const Part* container() const { return around_.empty() ? nullptr : &parts_[around_.back()]; }
  uint64_t depth() const { return around_.size() + 1; }

  // Whether parts[index], of `count` in the end, may stand where the walk is.
  bool Fits(uint32_t index, uint64_t count) const {
    const Part& part = parts_[index];
    if ((part.subtree_parts > 1) != (part.kind != Part::Kind::kLeaf)) return false;
    if (around_.empty()) return index == 0 && part.subtree_parts == count;
    if (EndIndex(index) > EndIndex(around_.back()) || part.end() > container()->end()) return false;
    return container()->kind != Part::Kind::kMessage ||
           uint64_t{part.subtree_parts} + 1 == container()->subtree_parts;
  }

 private:
  uint64_t EndIndex(uint32_t index) const { return uint64_t{index} + parts_[index].subtree_parts; }

  const std::vector<Part>& parts_;
  std::vector<uint32_t> around_;
  uint64_t next_offset_ = 0;
};

void PutTree(const std::vector<Part>& parts, WireWriter* out) {
  TreeWalk walk(parts);
  out->PutNumber(parts.size());
  for (uint32_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    out->PutNumber(part.header_offset - walk.BeginPart(i));
    out->PutNumber(part.header_bytes);
    out->PutNumber(part.header_lines);
    out->PutNumber(part.body_bytes);
    out->PutNumber(part.body_lines);
    PutDescription(part, out);
    if (part.kind != Part::Kind::kLeaf) out->PutNumber(part.subtree_parts);
    walk.EndPart(i);
  }
}

void GetPart(uint64_t begin, WireReader* in, Part* part) {
  part->header_offset = begin + in->GetNumber(kMaxMessageBytes - begin);
  part->header_bytes = in->GetNumber(kMaxMessageBytes - part->header_offset);
  part->header_lines = in->GetNumber(part->header_bytes);
  part->body_bytes = in->GetNumber(kMaxMessageBytes - part->body_offset());
  part->body_lines = in->GetNumber(part->body_bytes);
  GetDescription(in, part);
  if (part->kind != Part::Kind::kLeaf) {
    part->subtree_parts = static_cast<uint32_t>(in->GetNumber(UINT32_MAX));
  }
}

// Parts are added one by one: a count that lies fails before it costs memory.
void GetTree(WireReader* in, Structure* structure) {
  constexpr uint64_t kMinPartBytes = 8;
  std::vector<Part>& parts = structure->parts;
  const uint64_t count = in->GetNumber(in->rest_bytes() / kMinPartBytes + 1);
  uint32_t envelopes = 0;
  TreeWalk walk(parts);
  for (uint32_t i = 0; i < count && in->ok(); ++i) {
    const uint64_t begin = walk.BeginPart(i);
    if (walk.depth() > kMaxSerializedDepth) return in->Fail();
    Part part;
    GetPart(begin, in, &part);
    if (walk.container() == nullptr || walk.container()->kind == Part::Kind::kMessage) {
      part.envelope = envelopes++;
    }
    parts.push_back(std::move(part));
    if (!walk.Fits(i, count)) return in->Fail();
    walk.EndPart(i);
  }
  if (parts.empty()) return in->Fail();
  structure->envelopes.resize(in->ok() ? envelopes : 0);
}

void PutDate(const DateTime& date, WireWriter* out) {
  out->PutSigned(absl::ToUnixSeconds(date.time));
  out->PutSigned(date.zone_minutes);
}

DateTime GetDate(WireReader* in) {
  DateTime date;
  date.time = absl::FromUnixSeconds(in->GetSigned());
  const int64_t zone = in->GetSigned();
  if (zone < -int64_t{kMaxZoneMinutes} || zone > int64_t{kMaxZoneMinutes}) in->Fail();
  date.zone_minutes = static_cast<int>(zone);
  return date;
}

// Gives `to` what the header of the message says of it in `from`.
void TakeMessageFields(Structure&& from, Structure* to) {
  to->envelopes.front() = std::move(from.envelopes.front());
  to->references = std::move(from.references);
  to->date = from.date;
}

bool HaveEqualMessageFields(const Structure& a, const Structure& b) {
  return a.envelopes.front() == b.envelopes.front() && a.references == b.references &&
         a.date == b.date;
}

void PutMessageFields(const Structure& structure, WireWriter* out) {
  PutEnvelope(structure.envelopes.front(), out);
  out->PutString(structure.references);
  if (structure.date) PutDate(*structure.date, out);
}

void GetMessageFields(bool has_date, WireReader* in, Structure* structure) {
  structure->envelopes.front() = GetEnvelope(in);
  structure->references = in->GetString();
  if (has_date) structure->date = GetDate(in);
}

void PutInnerEnvelopes(const Structure& structure, WireWriter* out) {
  for (size_t i = 1; i < structure.envelopes.size(); ++i) PutEnvelope(structure.envelopes[i], out);
}

void GetInnerEnvelopes(WireReader* in, Structure* structure) {
  for (size_t i = 1; i < structure->envelopes.size() && in->ok(); ++i) {
    structure->envelopes[i] = GetEnvelope(in);
  }
}

// What Structure::common_fields keeps of a header, however much it is.
std::string SelectCommonFields(absl::string_view header) {
  std::string selected;
  HeaderScanner scanner(header);
  for (HeaderField field; scanner.Next(&field);) {
    const bool continues = field.name_bytes == 0 && field.offset == 0 &&
                           (header.front() == ' ' || header.front() == '\t');
    if (continues || IsCommonField(field.Name(header)))
      absl::StrAppend(&selected, field.Whole(header));
  }
  return selected;
}

uint64_t BitsOf(const Structure& structure) {
  uint64_t bits = 0;
  if (structure.opaque) bits |= kOpaqueBit;
  if (structure.text_cut) bits |= kTextCutBit;
  if (structure.date) bits |= kDateBit;
  if (structure.has_empty_line) bits |= kEmptyLineBit;
  return bits;
}

// Version 1: envelopes, references and date one behind the other.
std::string SerializeWithoutCommonFields(const Structure& structure) {
  WireWriter out;
  out.PutNumber(kVersionWithoutCommonFields);
  out.PutNumber(BitsOf(structure) & kAllStructureBits);
  PutTree(structure.parts, &out);
  for (const Envelope& envelope : structure.envelopes) PutEnvelope(envelope, &out);
  out.PutString(structure.references);
  if (structure.date) PutDate(*structure.date, &out);
  return out.Take();
}

void GetVersion1(WireReader* in, Structure* structure) {
  const uint64_t bits = in->GetNumber(kAllStructureBits);
  structure->opaque = bits & kOpaqueBit;
  structure->text_cut = bits & kTextCutBit;
  GetTree(in, structure);
  if (!in->ok()) return;
  structure->envelopes.front() = GetEnvelope(in);
  GetInnerEnvelopes(in, structure);
  structure->references = in->GetString();
  if (bits & kDateBit) structure->date = GetDate(in);
}

// Version 2: the common fields, and what of the message they do not say.
void GetVersion2(WireReader* in, Structure* structure) {
  const uint64_t bits = in->GetNumber(kAllStructureBits2);
  structure->opaque = bits & kOpaqueBit;
  structure->text_cut = bits & kTextCutBit;
  structure->has_empty_line = bits & kEmptyLineBit;
  GetTree(in, structure);
  structure->common_fields = in->GetString();
  if (structure->common_fields->size() > kMaxCommonFieldBytes) in->Fail();
  if (!in->ok()) return;
  if (bits & kDerivedBit) {
    TakeMessageFields(ParseStructure(*structure->common_fields), structure);
    if (structure->date.has_value() != ((bits & kDateBit) != 0)) in->Fail();
  } else {
    GetMessageFields(bits & kDateBit, in, structure);
  }
  GetInnerEnvelopes(in, structure);
}

}  // namespace

bool IsCommonField(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "Bcc",
      "Cc",
      "Content-Description",
      "Content-Transfer-Encoding",
      "Content-Type",
      "Date",
      "Delivered-To",
      "Disposition-Notification-To",
      "Envelope-To",
      "From",
      "Importance",
      "In-Reply-To",
      "Lines",
      "List-Id",
      "List-Post",
      "List-Subscribe",
      "List-Unsubscribe",
      "Mail-Followup-To",
      "Mail-Reply-To",
      "Message-ID",
      "MIME-Version",
      "Newsgroups",
      "Precedence",
      "Priority",
      "References",
      "Reply-To",
      "Return-Path",
      "Sender",
      "Subject",
      "To",
      "X-Draft-Info",
      "X-Label",
      "X-Original-To",
      "X-Priority",
  };
  return std::any_of(std::begin(kNames), std::end(kNames), [name](absl::string_view common) {
    return absl::EqualsIgnoreCase(name, common);
  });
}

void PrependToHeader(absl::string_view prefix, Structure* structure) {
  if (structure->common_fields.has_value()) {
    structure->common_fields = SelectCommonFields(absl::StrCat(prefix, *structure->common_fields));
    if (structure->common_fields->size() > kMaxCommonFieldBytes) {
      structure->common_fields.reset();
      structure->has_empty_line = false;
    }
  }
  structure->parts[0].header_bytes += prefix.size();
  structure->parts[0].header_lines += std::count(prefix.begin(), prefix.end(), '\n');
  for (size_t i = 1; i < structure->parts.size(); ++i) {
    structure->parts[i].header_offset += prefix.size();
  }
}

std::vector<uint32_t> ChildrenOf(const Structure& structure, uint32_t part) {
  std::vector<uint32_t> children;
  const uint32_t end = part + structure.parts[part].subtree_parts;
  for (uint32_t child = part + 1; child < end; child += structure.parts[child].subtree_parts) {
    children.push_back(child);
  }
  return children;
}

std::string SerializeStructure(const Structure& structure) {
  if (!structure.common_fields.has_value()) return SerializeWithoutCommonFields(structure);
  const bool derived = HaveEqualMessageFields(ParseStructure(*structure.common_fields), structure);
  WireWriter out;
  out.PutNumber(kVersion);
  out.PutNumber(BitsOf(structure) | (derived ? kDerivedBit : 0));
  PutTree(structure.parts, &out);
  out.PutString(*structure.common_fields);
  if (!derived) PutMessageFields(structure, &out);
  PutInnerEnvelopes(structure, &out);
  return out.Take();
}

absl::StatusOr<Structure> DeserializeStructure(absl::string_view octets) {
  WireReader in(octets);
  const uint64_t version = in.GetNumber();
  if (version != kVersion && version != kVersionWithoutCommonFields) {
    return absl::DataLossError("structure of an unknown version");
  }
  Structure structure;
  version == kVersion ? GetVersion2(&in, &structure) : GetVersion1(&in, &structure);
  if (!in.ok() || in.rest_bytes() != 0) return absl::DataLossError("damaged structure");
  return structure;
}

}  // namespace packetboat::message
