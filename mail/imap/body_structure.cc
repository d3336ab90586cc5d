#include "mail/imap/body_structure.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "mail/address/list.h"
#include "mail/imap/format.h"

namespace packetboat::imap {
namespace {

using address::ListEntry;
using message::Part;
using message::Structure;

// NIL for the empty text: a part's fields do not tell absent from empty.
void AppendText(absl::string_view text, std::string* out) {
  if (text.empty()) {
    *out += "NIL";
  } else {
    AppendString(text, out);
  }
}

// A group starts with its name in the place of the mailbox, and ends with four NIL; a mailbox or
// host that is empty, as in `<>`, is the empty string, or it would be taken for one of them (RFC
// 3501 s7.4.2).
void AppendAddress(const ListEntry& entry, std::string* out) {
  const bool is_mailbox = entry.kind == ListEntry::Kind::kMailbox;
  *out += '(';
  AppendText(is_mailbox ? entry.name : "", out);
  *out += ' ';
  AppendText(is_mailbox ? entry.route : "", out);
  *out += ' ';
  if (entry.kind == ListEntry::Kind::kGroupEnd) {
    *out += "NIL";
  } else {
    AppendString(entry.mailbox, out);
  }
  *out += ' ';
  if (is_mailbox) {
    AppendString(entry.host, out);
  } else {
    *out += "NIL";
  }
  *out += ')';
}

void AppendAddresses(absl::string_view field, std::string* out) {
  const address::AddressList list = address::ParseAddressList(field);
  if (list.entries.empty()) {
    *out += "NIL";
    return;
  }
  *out += '(';
  for (const ListEntry& entry : list.entries) AppendAddress(entry, out);
  *out += ')';
}

// `name*3*` as name, number and whether its value is percent-encoded (RFC 2231 s3, s4.1).
struct Continuation {
  absl::string_view name;
  uint32_t number = 0;
  bool encoded = false;
};

std::optional<Continuation> ParseContinuation(absl::string_view name) {
  Continuation continuation;
  continuation.encoded = absl::ConsumeSuffix(&name, "*");
  const size_t star = name.rfind('*');
  if (star == 0 || star == absl::string_view::npos) return std::nullopt;
  if (!absl::SimpleAtoi(name.substr(star + 1), &continuation.number)) return std::nullopt;
  continuation.name = name.substr(0, star);
  return continuation;
}

// The values of `name*0`, `name*1` and so on as one (RFC 2231 s6: IMAP servers should put them
// together); percent-encoded as a whole if the first of them is.
message::Parameter JoinContinuations(const std::vector<message::Parameter>& parameters,
                                     const Continuation& first) {
  message::Parameter joined;
  joined.name = absl::StrCat(first.name, first.encoded ? "*" : "");
  uint32_t number = 0;
  for (const message::Parameter& parameter : parameters) {
    const std::optional<Continuation> next = ParseContinuation(parameter.name);
    if (!next.has_value() || next->name != first.name || next->number != number) continue;
    ++number;
    const bool plain = first.encoded && !next->encoded;
    joined.value += plain ? absl::StrReplaceAll(parameter.value, {{"%", "%25"}}) : parameter.value;
  }
  return joined;
}

// Continuations put together in the place of their first; what continues nothing goes.
std::vector<message::Parameter> WholeParameters(const std::vector<message::Parameter>& parameters) {
  std::vector<message::Parameter> whole;
  for (const message::Parameter& parameter : parameters) {
    const std::optional<Continuation> part = ParseContinuation(parameter.name);
    if (!part.has_value()) {
      whole.push_back(parameter);
    } else if (part->number == 0) {
      whole.push_back(JoinContinuations(parameters, *part));
    }
  }
  return whole;
}

void AppendParameters(const std::vector<message::Parameter>& kept, bool text, std::string* out) {
  const std::vector<message::Parameter> parameters = WholeParameters(kept);
  const bool charset =
      std::any_of(parameters.begin(), parameters.end(),
                  [](const message::Parameter& parameter) { return parameter.name == "charset"; });
  const bool add_charset = text && !charset;
  if (parameters.empty() && !add_charset) {
    *out += "NIL";
    return;
  }
  absl::string_view separator = "(";
  for (const message::Parameter& parameter : parameters) {
    absl::StrAppend(out, separator);
    AppendString(parameter.name, out);
    *out += ' ';
    AppendString(parameter.value, out);
    separator = " ";
  }
  if (add_charset) absl::StrAppend(out, separator, "\"charset\" \"us-ascii\"");
  *out += ')';
}

void AppendDisposition(const std::optional<message::ContentDisposition>& disposition,
                       std::string* out) {
  if (!disposition.has_value()) {
    *out += "NIL";
    return;
  }
  *out += '(';
  AppendString(disposition->type, out);
  *out += ' ';
  AppendParameters(disposition->parameters, /*text=*/false, out);
  *out += ')';
}

void AppendLanguages(const std::vector<std::string>& languages, std::string* out) {
  if (languages.size() < 2) {
    AppendText(languages.empty() ? "" : languages.front(), out);
    return;
  }
  absl::string_view separator = "(";
  for (const std::string& language : languages) {
    absl::StrAppend(out, separator);
    AppendString(language, out);
    separator = " ";
  }
  *out += ')';
}

// disposition, language and location, which end the extension data of every part.
void AppendExtensionTail(const Part& part, std::string* out) {
  *out += ' ';
  AppendDisposition(part.disposition, out);
  *out += ' ';
  AppendLanguages(part.languages, out);
  *out += ' ';
  AppendText(part.location, out);
}

void AppendPart(const Structure& structure, uint32_t index, bool extended, std::string* out);

void AppendMultipart(const Structure& structure, uint32_t index, bool extended, std::string* out) {
  const Part& part = structure.parts[index];
  for (const uint32_t child : message::ChildrenOf(structure, index)) {
    AppendPart(structure, child, extended, out);
  }
  *out += ' ';
  AppendString(part.content_type.subtype, out);
  if (!extended) return;
  *out += ' ';
  AppendParameters(part.content_type.parameters, /*text=*/false, out);
  AppendExtensionTail(part, out);
}

// Envelope and structure of the message in a message/rfc822 part.
void AppendInnerMessage(const Structure& structure, uint32_t index, bool extended,
                        std::string* out) {
  const uint32_t inner = message::ChildrenOf(structure, index).front();
  *out += ' ';
  AppendEnvelope(structure.envelopes[*structure.parts[inner].envelope], out);
  *out += ' ';
  AppendPart(structure, inner, extended, out);
}

void AppendLeaf(const Structure& structure, uint32_t index, bool extended, std::string* out) {
  const Part& part = structure.parts[index];
  const bool text = part.content_type.type == "text";
  AppendString(part.content_type.type, out);
  *out += ' ';
  AppendString(part.content_type.subtype, out);
  *out += ' ';
  AppendParameters(part.content_type.parameters, text, out);
  *out += ' ';
  AppendText(part.id, out);
  *out += ' ';
  AppendText(part.description, out);
  *out += ' ';
  AppendString(part.encoding.empty() ? absl::string_view("7bit") : part.encoding, out);
  absl::StrAppend(out, " ", part.body_bytes);
  if (part.kind == Part::Kind::kMessage) AppendInnerMessage(structure, index, extended, out);
  if (text || part.kind == Part::Kind::kMessage) absl::StrAppend(out, " ", part.body_lines);
  if (!extended) return;
  *out += ' ';
  AppendText(part.md5, out);
  AppendExtensionTail(part, out);
}

void AppendPart(const Structure& structure, uint32_t index, bool extended, std::string* out) {
  *out += '(';
  if (structure.parts[index].kind == Part::Kind::kMultipart) {
    AppendMultipart(structure, index, extended, out);
  } else {
    AppendLeaf(structure, index, extended, out);
  }
  *out += ')';
}

}  // namespace

void AppendEnvelope(const message::Envelope& envelope, std::string* out) {
  *out += '(';
  AppendNstring(envelope.date, out);
  *out += ' ';
  AppendNstring(envelope.subject, out);
  for (const std::string* field :
       {&envelope.from, &envelope.SenderOrFrom(), &envelope.ReplyToOrFrom(), &envelope.to,
        &envelope.cc, &envelope.bcc}) {
    *out += ' ';
    AppendAddresses(*field, out);
  }
  *out += ' ';
  AppendNstring(envelope.in_reply_to, out);
  *out += ' ';
  AppendNstring(envelope.message_id, out);
  *out += ')';
}

void AppendBodyStructure(const Structure& structure, bool extended, std::string* out) {
  AppendPart(structure, 0, extended, out);
}

}  // namespace packetboat::imap
