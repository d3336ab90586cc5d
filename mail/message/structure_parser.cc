#include "mail/message/structure_parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "mail/message/date_time.h"
#include "mail/message/header.h"
#include "mail/message/mime_field.h"

namespace packetboat::message {
namespace {

// Room for a wanted field's name and white space beside the text that is kept of its value.
constexpr size_t kFieldNameRoomBytes = 1024;

// Two hyphens, the boundary, two hyphens.
constexpr size_t kMaxBoundaryLineBytes = kMaxBoundaryBytes + 4;

ContentType PlainText() { return {"text", "plain", {{"charset", "us-ascii"}}}; }
ContentType OctetStream() { return {"application", "octet-stream", {}}; }

// The transformations that leave octets as they are (RFC 2045 s6.2).
bool IsIdentity(absl::string_view encoding) {
  return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
}

bool IsMessageType(const ContentType& type) {
  return type.Is("message", "rfc822") || type.Is("message", "global");
}

}  // namespace

StructureParser::StructureParser(const ParseLimits& limits) : limits_(limits) {
  structure_.common_fields.emplace();
  OpenPartAt(0, 0, /*is_message=*/true);
}

void StructureParser::Feed(absl::string_view bytes) {
  while (!bytes.empty()) {
    const size_t lf = bytes.find('\n');
    if (lf == absl::string_view::npos) return KeepStartOfLine(bytes);
    absl::string_view line = bytes.substr(0, lf);
    bytes.remove_prefix(lf + 1);
    if (line_bytes_ == 0) {
      const bool has_cr = absl::EndsWith(line, "\r");
      OnLine(line.substr(0, lf - has_cr), lf + 1, has_cr ? 2 : 1);
    } else {
      KeepStartOfLine(line);
      EndKeptLine(/*at_lf=*/true);
    }
  }
}

Structure StructureParser::Finish() {
  if (line_bytes_ != 0) EndKeptLine(/*at_lf=*/false);
  while (state_ == State::kHeader) EndHeader(offset_, lines_);
  ClosePartsFrom(0, offset_, lines_);
  return std::move(structure_);
}

std::optional<uint64_t> StructureParser::header_bytes() const {
  if (state_ == State::kHeader && open_.size() == 1) return std::nullopt;
  return structure_.parts[0].header_bytes;
}

// ---- Lines

void StructureParser::KeepStartOfLine(absl::string_view bytes) {
  if (bytes.empty()) return;
  line_bytes_ += bytes.size();
  line_ends_in_cr_ = bytes.back() == '\r';
  const size_t room = LineCapacity() - std::min(LineCapacity(), line_.size());
  line_.append(bytes.data(), std::min(room, bytes.size()));
}

void StructureParser::EndKeptLine(bool at_lf) {
  const uint64_t end_bytes = at_lf ? 1 + line_ends_in_cr_ : 0;
  const uint64_t bytes = line_bytes_ + at_lf;
  const std::string line = std::exchange(line_, "");
  line_bytes_ = 0;
  OnLine(absl::string_view(line).substr(0, bytes - end_bytes), bytes, end_bytes);
}

size_t StructureParser::LineCapacity() const {
  return state_ == State::kHeader ? kMaxFieldTextBytes + kFieldNameRoomBytes
                                  : kMaxBoundaryLineBytes;
}

void StructureParser::OnLine(absl::string_view text, uint64_t bytes, uint64_t end_bytes) {
  const Line line{text.substr(0, LineCapacity()), offset_, bytes, end_bytes};
  if (state_ != State::kOpaque) {
    if (const std::optional<BoundaryMatch> match = MatchBoundary(line.text)) {
      OnBoundary(*match, line);
    } else if (state_ == State::kHeader) {
      OnHeaderLine(line);
    }
  }
  offset_ += bytes;
  lines_ += end_bytes != 0;
  previous_end_bytes_ = end_bytes;
}

// ---- Boundaries

std::optional<StructureParser::BoundaryMatch> StructureParser::MatchBoundary(
    absl::string_view text) const {
  if (!absl::StartsWith(text, "--")) return std::nullopt;
  text.remove_prefix(2);
  std::optional<size_t> best;
  for (size_t level = open_.size(); level-- > 0;) {
    const std::string& boundary = open_[level].boundary;
    if (boundary.empty() || !absl::StartsWith(text, boundary)) continue;
    if (!best || boundary.size() > open_[*best].boundary.size()) best = level;
  }
  if (!best) return std::nullopt;
  const bool closes = absl::StartsWith(text.substr(open_[*best].boundary.size()), "--");
  return BoundaryMatch{*best, closes};
}

void StructureParser::OnBoundary(const BoundaryMatch& match, const Line& line) {
  while (state_ == State::kHeader) EndHeader(line.offset, lines_);
  if (state_ == State::kOpaque) return;
  ClosePartsFrom(match.level + 1, line.offset - previous_end_bytes_,
                 lines_ - (previous_end_bytes_ != 0));
  if (match.closes) {
    open_[match.level].boundary.clear();
  } else {
    OpenPartAt(line.offset + line.bytes, lines_ + (line.end_bytes != 0), /*is_message=*/false);
  }
}

// ---- Headers

void StructureParser::OnHeaderLine(const Line& line) {
  const bool of_message = open_.size() == 1;
  if (line.text.empty()) {
    if (of_message) structure_.has_empty_line = structure_.common_fields.has_value();
    return EndHeader(line.offset + line.bytes, lines_ + 1);
  }
  if (of_message && structure_.common_fields.has_value()) KeepCommonLine(line);
  if (line.text.front() == ' ' || line.text.front() == '\t') {
    if (current_field_) AppendToField(line.text);
  } else {
    BeginField(line.text);
  }
}

void StructureParser::KeepCommonLine(const Line& line) {
  const bool continues = line.text.front() == ' ' || line.text.front() == '\t';
  absl::string_view name, value;
  if (!continues) in_common_field_ = SplitField(line.text, &name, &value) && IsCommonField(name);
  if (!in_common_field_) return;
  const bool whole = line.text.size() + line.end_bytes == line.bytes;
  std::string& kept = *structure_.common_fields;
  if (!whole || line.bytes > limits_.common_field_bytes - kept.size()) {
    structure_.common_fields.reset();
    return;
  }
  kept.append(line.text.data(), line.text.size());
  kept.append("\r\n", 2 - line.end_bytes, line.end_bytes);
}

void StructureParser::BeginField(absl::string_view text) {
  current_field_.reset();
  absl::string_view name, value;
  if (!SplitField(text, &name, &value)) return;
  const std::optional<Field> field = WantedField(name, open_.back().is_message);
  if (!field) return;
  std::optional<std::string>& kept = fields_[*field];
  if (!kept) {
    kept.emplace();
  } else if (*field >= kFirstAddressField) {
    kept->push_back(',');
  } else {
    return;
  }
  current_field_ = field;
  AppendToField(value);
}

std::optional<StructureParser::Field> StructureParser::WantedField(absl::string_view name,
                                                                   bool in_message) {
  static constexpr absl::string_view kNames[kFieldCount] = {
      "Content-Type",
      "Content-Transfer-Encoding",
      "Content-ID",
      "Content-Description",
      "Content-MD5",
      "Content-Location",
      "Content-Disposition",
      "Content-Language",
      "Date",
      "Subject",
      "In-Reply-To",
      "Message-ID",
      "References",
      "From",
      "Sender",
      "Reply-To",
      "To",
      "Cc",
      "Bcc",
  };
  const size_t count = in_message ? kFieldCount : kFirstMessageField;
  for (size_t field = 0; field < count; ++field) {
    if (absl::EqualsIgnoreCase(name, kNames[field])) return static_cast<Field>(field);
  }
  return std::nullopt;
}

void StructureParser::AppendToField(absl::string_view text) {
  std::string& value = *fields_[*current_field_];
  const size_t room = kMaxFieldTextBytes - std::min(kMaxFieldTextBytes, value.size());
  if (text.size() > room) structure_.text_cut = true;
  value.append(text.data(), std::min(room, text.size()));
}

void StructureParser::EndHeader(uint64_t body_offset, uint64_t lines_before_body) {
  OpenPart& open = open_.back();
  Part& part = structure_.parts[open.index];
  part.header_bytes = body_offset - part.header_offset;
  part.header_lines = lines_before_body - open.lines_before;
  open.lines_before = lines_before_body;
  if (open.is_message) FillEnvelope(&part);
  DescribePart(&part);
  fields_.fill(std::nullopt);
  current_field_.reset();
  state_ = State::kBody;
  if (part.kind == Part::Kind::kMessage) {
    OpenPartAt(body_offset, lines_before_body, /*is_message=*/true);
  }
}

void StructureParser::FillEnvelope(Part* part) {
  part->envelope = static_cast<uint32_t>(structure_.envelopes.size());
  Envelope envelope;
  envelope.date = TakeOptional(kDate);
  envelope.subject = TakeOptional(kSubject);
  envelope.in_reply_to = TakeOptional(kInReplyTo);
  envelope.message_id = TakeOptional(kMessageId);
  envelope.from = TakeField(kFrom);
  envelope.sender = TakeField(kSender);
  envelope.reply_to = TakeField(kReplyTo);
  envelope.to = TakeField(kTo);
  envelope.cc = TakeField(kCc);
  envelope.bcc = TakeField(kBcc);
  if (part->envelope == 0u) {
    structure_.references = TakeField(kReferences);
    if (envelope.date) structure_.date = ParseDateTime(*envelope.date);
  }
  structure_.envelopes.push_back(std::move(envelope));
}

// What the part is, as far as its header tells. Decided before anything is left out for its size.
void StructureParser::DescribePart(Part* part) {
  std::optional<ContentType> given = ParseContentType(fields_[kContentType].value_or(""));
  if (given) {
    part->content_type = *std::move(given);
  } else if (InDigest() && !fields_[kContentType]) {
    part->content_type = {"message", "rfc822", {}};  // RFC 2046 s5.1.5
  } else {
    part->content_type = PlainText();
  }
  part->encoding = ParseContentTransferEncoding(fields_[kContentTransferEncoding].value_or(""));
  DecideKind(part);
  KeepContentType(&part->content_type);
  part->encoding = Keep(part->encoding);
  part->id = TakeField(kContentId);
  part->description = TakeField(kContentDescription);
  part->md5 = TakeField(kContentMd5);
  part->location = TakeField(kContentLocation);
  part->disposition = ParseContentDisposition(fields_[kContentDisposition].value_or(""));
  if (part->disposition) KeepDisposition(&part->disposition);
  for (const std::string& tag : ParseContentLanguage(fields_[kContentLanguage].value_or(""))) {
    if (std::string kept = Keep(tag); !kept.empty()) part->languages.push_back(std::move(kept));
  }
}

void StructureParser::DecideKind(Part* part) {
  ContentType& type = part->content_type;
  if (type.type == "multipart") {
    std::string boundary = FindParameter(type.parameters, "boundary").value_or("");
    absl::StripTrailingAsciiWhitespace(&boundary);
    if (boundary.empty() || boundary.size() > kMaxBoundaryBytes) {
      type = PlainText();
    } else {
      part->kind = Part::Kind::kMultipart;
      open_.back().boundary = std::move(boundary);
    }
  } else if (IsMessageType(type)) {
    if (IsIdentity(part->encoding)) {
      part->kind = Part::Kind::kMessage;
    } else {
      type = OctetStream();
    }
  }
}

bool StructureParser::InDigest() const {
  if (open_.size() < 2) return false;
  const Part& parent = structure_.parts[open_[open_.size() - 2].index];
  return parent.content_type.Is("multipart", "digest");
}

// ---- Parts

void StructureParser::OpenPartAt(uint64_t offset, uint64_t lines_before, bool is_message) {
  if (open_.size() >= limits_.mime_depth || structure_.parts.size() >= limits_.mime_parts) {
    if (!open_.empty()) return BecomeOpaque();
  }
  OpenPart open;
  open.index = static_cast<uint32_t>(structure_.parts.size());
  open.is_message = is_message;
  open.lines_before = lines_before;
  open_.push_back(std::move(open));
  structure_.parts.emplace_back();
  structure_.parts.back().header_offset = offset;
  state_ = State::kHeader;
}

void StructureParser::BecomeOpaque() {
  state_ = State::kOpaque;
  open_.resize(1);
  open_[0].boundary.clear();
  structure_.opaque = true;
  structure_.envelopes.resize(1);
  structure_.parts.resize(1);
  Part& part = structure_.parts[0];
  part.kind = Part::Kind::kLeaf;
  part.content_type = OctetStream();
  if (!IsIdentity(part.encoding)) part.encoding.clear();
}

void StructureParser::ClosePartsFrom(size_t level, uint64_t end, uint64_t lines_before_end) {
  if (open_.size() > level) {
    // Where nothing is between two boundary lines, they share a line end.
    const Part& part = structure_.parts[open_[level].index];
    if (end < part.header_offset) {
      end = part.header_offset;
      lines_before_end = open_[level].lines_before - part.header_lines;
    }
  }
  while (open_.size() > level) {
    const OpenPart& open = open_.back();
    Part& part = structure_.parts[open.index];
    if (part.body_offset() > end) {
      EndInHeader(open, end, lines_before_end, &part);
    } else {
      part.body_bytes = end - part.body_offset();
      part.body_lines = lines_before_end - open.lines_before;
    }
    part.subtree_parts = static_cast<uint32_t>(structure_.parts.size() - open.index);
    if (part.kind == Part::Kind::kMultipart && part.subtree_parts == 1) {
      part.kind = Part::Kind::kLeaf;
      part.content_type = PlainText();
    }
    open_.pop_back();
  }
}

// The line end before a boundary line belongs to the boundary (RFC 2046 s5.1.1), be it that of the
// empty line or of the last field: then there is no body.
void StructureParser::EndInHeader(const OpenPart& open, uint64_t end, uint64_t lines_before_end,
                                  Part* part) {
  const uint64_t lines_before_header = open.lines_before - part->header_lines;
  const bool begun = part->header_offset <= end;
  part->header_offset = std::min(part->header_offset, end);
  part->header_bytes = end - part->header_offset;
  part->header_lines = begun ? lines_before_end - lines_before_header : 0;
  part->body_bytes = 0;
  part->body_lines = 0;
}

// ---- Text

std::string StructureParser::Keep(absl::string_view text) {
  if (text.size() > limits_.structure_text_bytes - kept_text_bytes_) {
    structure_.text_cut = true;
    return "";
  }
  kept_text_bytes_ += text.size();
  return std::string(text);
}

std::string StructureParser::TakeField(Field field) {
  return Keep(absl::StripAsciiWhitespace(fields_[field].value_or("")));
}

std::optional<std::string> StructureParser::TakeOptional(Field field) {
  if (!fields_[field]) return std::nullopt;
  return TakeField(field);
}

void StructureParser::KeepContentType(ContentType* content_type) {
  content_type->type = Keep(content_type->type);
  content_type->subtype = Keep(content_type->subtype);
  KeepParameters(&content_type->parameters);
  if (content_type->type.empty() || content_type->subtype.empty()) *content_type = OctetStream();
}

void StructureParser::KeepDisposition(std::optional<ContentDisposition>* disposition) {
  (*disposition)->type = Keep((*disposition)->type);
  KeepParameters(&(*disposition)->parameters);
  if ((*disposition)->type.empty()) disposition->reset();
}

void StructureParser::KeepParameters(std::vector<Parameter>* parameters) {
  size_t kept = 0;
  for (Parameter& parameter : *parameters) {
    const size_t bytes = parameter.name.size() + parameter.value.size();
    if (bytes > limits_.structure_text_bytes - kept_text_bytes_) {
      structure_.text_cut = true;
      break;
    }
    kept_text_bytes_ += bytes;
    ++kept;
  }
  parameters->resize(kept);
}

Structure ParseStructure(absl::string_view message) {
  StructureParser parser;
  parser.Feed(message);
  return parser.Finish();
}

}  // namespace packetboat::message
