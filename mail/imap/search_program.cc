#include "mail/imap/search_program.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "mail/address/list.h"
#include "mail/imap/object_id.h"
#include "mail/imap/text_search.h"
#include "mail/message/charset_decoder.h"
#include "mail/message/encoded_word.h"
#include "mail/message/header.h"

namespace packetboat::imap {
namespace {

using Kind = SearchKey::Kind;

bool HasText(Kind kind) {
  switch (kind) {
    case Kind::kHeader:
    case Kind::kBcc:
    case Kind::kCc:
    case Kind::kFrom:
    case Kind::kSubject:
    case Kind::kTo:
    case Kind::kBody:
    case Kind::kText:
      return true;
    default:
      return false;
  }
}

// The field that a key looks in.
absl::string_view FieldOf(const SearchKey& key) {
  switch (key.kind) {
    case Kind::kBcc:
      return "Bcc";
    case Kind::kCc:
      return "Cc";
    case Kind::kFrom:
      return "From";
    case Kind::kSubject:
      return "Subject";
    case Kind::kTo:
      return "To";
    default:
      return key.header;
  }
}

// The field as the envelope keeps it; nothing if the envelope has no such member.
struct EnvelopeField {
  bool present = false;
  absl::string_view value;
};

EnvelopeField Present(const std::optional<std::string>& value) {
  return {value.has_value(), value.has_value() ? absl::string_view(*value) : ""};
}

EnvelopeField Present(const std::string& value) { return {!value.empty(), value}; }

// An empty address field looks like an absent one: only a value decides.
std::optional<EnvelopeField> FindInEnvelope(const message::Envelope& envelope,
                                            absl::string_view name) {
  const std::array<std::pair<absl::string_view, EnvelopeField>, 10> fields = {{
      {"Date", Present(envelope.date)},
      {"Subject", Present(envelope.subject)},
      {"In-Reply-To", Present(envelope.in_reply_to)},
      {"Message-ID", Present(envelope.message_id)},
      {"From", Present(envelope.from)},
      {"Sender", Present(envelope.sender)},
      {"Reply-To", Present(envelope.reply_to)},
      {"To", Present(envelope.to)},
      {"Cc", Present(envelope.cc)},
      {"Bcc", Present(envelope.bcc)},
  }};
  for (const auto& [field, value] : fields) {
    if (absl::EqualsIgnoreCase(field, name)) return value;
  }
  return std::nullopt;
}

bool ValueContains(absl::string_view value, absl::string_view mapped) {
  return ContainsMapped(message::DecodeHeaderText(value, message::ConvertCharsetByIcu), mapped);
}

// The addresses of a field as a reader sees them: `Name <mailbox@host>, Group: ...;`.
std::string AddressesText(absl::string_view value) {
  std::string text;
  for (const address::ListEntry& entry : address::ParseAddressList(value).entries) {
    if (entry.kind == address::ListEntry::Kind::kMailbox) {
      const std::string name = message::DecodeHeaderText(entry.name, message::ConvertCharsetByIcu);
      absl::StrAppend(&text, name, " <", entry.route, entry.mailbox, "@", entry.host, ">, ");
    } else {
      absl::StrAppend(&text, entry.mailbox, entry.mailbox.empty() ? "; " : ": ");
    }
  }
  return text;
}

absl::CivilDay DayOf(absl::Time time, int zone_minutes) {
  return absl::ToCivilDay(time, absl::FixedTimeZone(zone_minutes * 60));
}

bool CompareDay(Kind kind, absl::CivilDay day, absl::CivilDay wanted) {
  switch (kind) {
    case Kind::kBefore:
    case Kind::kSentBefore:
      return day < wanted;
    case Kind::kOn:
    case Kind::kSentOn:
      return day == wanted;
    default:
      return day >= wanted;
  }
}

}  // namespace

std::variant<SearchProgram, Reply> SearchProgram::Compile(const SearchKey& key,
                                                          absl::string_view charset,
                                                          const View& view, absl::Time now) {
  if (!charset.empty() && !message::CharsetDecoder::Open(charset).has_value()) {
    return No("BADCHARSET (US-ASCII UTF-8)", "Unknown charset");
  }
  SearchProgram program(view, now);
  // Without a charset it would be US-ASCII; octets beyond that are what clients mean by UTF-8.
  const std::optional<Reply> refused =
      program.CompileNode(key, charset.empty() ? "UTF-8" : charset, &program.root_);
  if (refused.has_value()) return *refused;
  return program;
}

std::optional<Reply> SearchProgram::CompileSet(const SearchKey& key, Node* node) const {
  if (key.kind == Kind::kUid) {
    node->numbers = view_->ResolveUids(key.set);
    return std::nullopt;
  }
  const std::optional<NumberSet> numbers = view_->ResolveNumbers(key.set);
  if (!numbers.has_value()) return Bad("No such message");
  node->numbers = *numbers;
  return std::nullopt;
}

std::optional<Reply> SearchProgram::CompileNode(const SearchKey& key, absl::string_view charset,
                                                Node* node) {
  node->kind = key.kind;
  node->flag = key.flag;
  node->text = key.text;
  node->header = std::string(FieldOf(key));
  node->date = key.date;
  node->number = key.number;
  if (HasText(key.kind)) {
    std::string utf8;
    message::ConvertCharsetByIcu(charset, key.text, &utf8);
    node->text = Casemap(utf8);
  }
  if (key.kind == Kind::kBody || key.kind == Kind::kText) {
    node->text_index = texts_.size();
    texts_.push_back({node->text, key.kind == Kind::kText});
  } else if (HasText(key.kind)) {
    needs_header_ = true;
  }
  if (key.kind == Kind::kSequence || key.kind == Kind::kUid) return CompileSet(key, node);
  for (const SearchKey& child : key.children) {
    node->children.emplace_back();
    const std::optional<Reply> refused = CompileNode(child, charset, &node->children.back());
    if (refused.has_value()) return refused;
  }
  return std::nullopt;
}

std::optional<bool> SearchProgram::Evaluate(const Node& node, const SearchFacts& facts) const {
  switch (node.kind) {
    case Kind::kAll:
      return true;
    case Kind::kAnd:
      return EvaluateAll(node, facts);
    case Kind::kOr:
      return EvaluateEither(node, facts);
    case Kind::kNot: {
      const std::optional<bool> inner = Evaluate(node.children.front(), facts);
      if (!inner.has_value()) return std::nullopt;
      return !*inner;
    }
    case Kind::kSequence:
    case Kind::kUid:
      return node.numbers.Contains(facts.number.value());
    case Kind::kModSeq:
      return view_->ModSeqOf(facts.number).value() >= node.number;
    case Kind::kSystemFlag:
    case Kind::kKeyword:
    case Kind::kRecent:
      return EvaluateFlags(node, facts);
    case Kind::kHeader:
    case Kind::kBcc:
    case Kind::kCc:
    case Kind::kFrom:
    case Kind::kSubject:
    case Kind::kTo:
      return EvaluateEnvelope(node, facts);
    case Kind::kBody:
    case Kind::kText:
      if (facts.found == nullptr) return std::nullopt;
      return (*facts.found)[node.text_index];
    default:
      return EvaluateMetadata(node, facts);
  }
}

std::optional<bool> SearchProgram::EvaluateAll(const Node& node, const SearchFacts& facts) const {
  bool known = true;
  for (const Node& child : node.children) {
    const std::optional<bool> matches = Evaluate(child, facts);
    if (matches == false) return false;
    known &= matches.has_value();
  }
  if (!known) return std::nullopt;
  return true;
}

std::optional<bool> SearchProgram::EvaluateEither(const Node& node,
                                                  const SearchFacts& facts) const {
  bool known = true;
  for (const Node& child : node.children) {
    const std::optional<bool> matches = Evaluate(child, facts);
    if (matches == true) return true;
    known &= matches.has_value();
  }
  if (!known) return std::nullopt;
  return false;
}

std::optional<bool> SearchProgram::EvaluateFlags(const Node& node, const SearchFacts& facts) const {
  if (node.kind == Kind::kRecent) return view_->IsRecent(facts.number);
  if (node.kind == Kind::kKeyword) return view_->HasKeyword(facts.number, node.text);
  return view_->Has(facts.number, node.flag);
}

std::optional<bool> SearchProgram::EvaluateMetadata(const Node& node,
                                                    const SearchFacts& facts) const {
  if (facts.metadata == nullptr) return std::nullopt;
  const MessageMetadata& metadata = *facts.metadata;
  switch (node.kind) {
    case Kind::kBefore:
    case Kind::kOn:
    case Kind::kSince:
      return CompareDay(node.kind, DayOf(metadata.internal_date, 0), node.date);
    case Kind::kSentBefore:
    case Kind::kSentOn:
    case Kind::kSentSince: {
      const std::optional<message::DateTime>& date = facts.structure->date;
      return date.has_value() &&
             CompareDay(node.kind, DayOf(date->time, date->zone_minutes), node.date);
    }
    case Kind::kLarger:
      return metadata.size > node.number;
    case Kind::kSmaller:
      return metadata.size < node.number;
    case Kind::kEmailId:
      return metadata.email_id == node.text;
    case Kind::kThreadId:
      return ThreadIdOf(*facts.structure) == node.text;
    case Kind::kOlder:
      return metadata.internal_date <= now_ - absl::Seconds(static_cast<int64_t>(node.number));
    case Kind::kYounger:
      return metadata.internal_date >= now_ - absl::Seconds(static_cast<int64_t>(node.number));
    default:
      return false;
  }
}

// What the structure keeps of the header saves reading it, unless values had to be left out of it.
std::optional<bool> SearchProgram::EvaluateEnvelope(const Node& node,
                                                    const SearchFacts& facts) const {
  if (facts.structure == nullptr) return std::nullopt;
  if (node.kind != Kind::kHeader && !facts.structure->text_cut) {
    return MatchesEnvelope(facts.structure->envelopes.front(), node);
  }
  const std::optional<std::string>& common = facts.structure->common_fields;
  if (common.has_value() && message::IsCommonField(node.header)) return HasField(*common, node);
  if (!facts.structure->text_cut) {
    const auto field = FindInEnvelope(facts.structure->envelopes.front(), node.header);
    if (field.has_value() && (field->present || !node.text.empty())) {
      return field->present && ValueContains(field->value, node.text);
    }
  }
  return EvaluateHeader(node, facts);
}

std::optional<bool> SearchProgram::EvaluateHeader(const Node& node,
                                                  const SearchFacts& facts) const {
  if (facts.header == nullptr) return std::nullopt;
  return HasField(*facts.header, node);
}

// RFC 3501 s6.4.4: these look in the envelope structure.
bool SearchProgram::MatchesEnvelope(const message::Envelope& envelope, const Node& node) {
  if (node.kind == Kind::kSubject) {
    return envelope.subject.has_value() && ValueContains(*envelope.subject, node.text);
  }
  const std::optional<EnvelopeField> field = FindInEnvelope(envelope, node.header);
  return field->present && ContainsMapped(AddressesText(field->value), node.text);
}

bool SearchProgram::HasField(absl::string_view header, const Node& node) {
  const std::vector<message::HeaderField> fields = message::FindFields(header, node.header);
  return std::any_of(fields.begin(), fields.end(), [&](const message::HeaderField& field) {
    return ValueContains(message::Unfold(field.Value(header)), node.text);
  });
}

}  // namespace packetboat::imap
