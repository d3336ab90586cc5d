#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "mail/imap/grammar.h"

// APPEND, FETCH, STORE: RFC 3501 s6.3.11, s6.4.5, s6.4.6 and what extends them.

namespace packetboat::imap {
namespace {

using Kind = FetchItem::Kind;

struct NamedFetchItem {
  absl::string_view name;
  Kind kind;
};

// Those without brackets.
constexpr NamedFetchItem kFetchItems[] = {
    {"BODY", Kind::kBody},
    {"BODYSTRUCTURE", Kind::kBodyStructure},
    {"EMAILID", Kind::kEmailId},
    {"ENVELOPE", Kind::kEnvelope},
    {"FLAGS", Kind::kFlags},
    {"INTERNALDATE", Kind::kInternalDate},
    {"MODSEQ", Kind::kModSeq},
    {"RFC822", Kind::kRfc822},
    {"RFC822.HEADER", Kind::kRfc822Header},
    {"RFC822.SIZE", Kind::kRfc822Size},
    {"RFC822.TEXT", Kind::kRfc822Text},
    {"THREADID", Kind::kThreadId},
    {"UID", Kind::kUid},
};

struct NamedSection {
  absl::string_view name;
  Section::Kind kind;
};

constexpr NamedSection kSections[] = {
    {"HEADER", Section::Kind::kHeader},
    {"HEADER.FIELDS", Section::Kind::kHeaderFields},
    {"HEADER.FIELDS.NOT", Section::Kind::kHeaderFieldsNot},
    {"TEXT", Section::Kind::kText},
    {"MIME", Section::Kind::kMime},
};

// Letters, digits and dots: what the names of items and sections are made of.
std::string TakeDottedName(TokenReader& in) {
  return absl::AsciiStrToUpper(
      in.TakeRun([](char c) { return absl::ascii_isalnum(c) || c == '.'; }));
}

bool TakeFieldNames(TokenReader& in, Section* out) {
  if (!TakeSpace(in) || !in.TakeOpen()) return in.Fail("List of header fields expected");
  do {
    if (out->fields.size() == in.limits().max_header_fields) {
      return in.Fail("Too many header fields");
    }
    if (!in.TakeAstring(&out->fields.emplace_back())) return false;
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid list of header fields");
}

// section-part, and the dot behind it if there is one: then `*more` is set.
bool TakePart(TokenReader& in, Section* out, bool* more) {
  *more = true;
  while (*more && in.AtDigit()) {
    if (out->part.size() == in.limits().max_section_depth) return in.Fail("Section too deep");
    if (!TakeNonZero32(in, &out->part.emplace_back())) return false;
    *more = in.TakeChar('.');
  }
  return true;
}

// section-msgtext or MIME.
bool TakeSectionText(TokenReader& in, Section* out) {
  const std::string name = TakeDottedName(in);
  const auto* const section =
      std::find_if(std::begin(kSections), std::end(kSections),
                   [&](const NamedSection& section) { return section.name == name; });
  if (section == std::end(kSections)) return in.Fail("Unknown section");
  out->kind = section->kind;
  if (out->kind == Section::Kind::kMime && out->part.empty()) {
    return in.Fail("MIME needs a part number");
  }
  const bool has_fields =
      out->kind == Section::Kind::kHeaderFields || out->kind == Section::Kind::kHeaderFieldsNot;
  return !has_fields || TakeFieldNames(in, out);
}

// section, from behind the `[`. Of a binary section only the part numbers.
bool TakeSection(TokenReader& in, bool binary, Section* out) {
  bool more = false;
  if (!TakePart(in, out, &more)) return false;
  const bool text_follows = out->part.empty() ? in.Peek() != ']' : more;
  if (text_follows && (binary || !TakeSectionText(in, out))) return in.Fail("Invalid section");
  return in.TakeChar(']') || in.Fail("Section is not closed");
}

bool TakePartial(TokenReader& in, std::optional<Partial>* out) {
  if (!in.TakeChar('<')) return true;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  Partial partial;
  if (!in.TakeNumber(kMax, &partial.offset) || !in.TakeChar('.') ||
      !in.TakeNumber(kMax, &partial.length) || !in.TakeChar('>')) {
    return in.Fail("Invalid partial");
  }
  *out = partial;
  return partial.length > 0 || in.Fail("Length of a partial must not be zero");
}

// Behind the `[` of an item with a section.
bool TakeSectionItem(TokenReader& in, absl::string_view name, FetchItem* out) {
  const bool binary = name == "BINARY" || name == "BINARY.PEEK" || name == "BINARY.SIZE";
  if (!binary && name != "BODY" && name != "BODY.PEEK") return in.Fail("Unknown FETCH item");
  out->kind = name == "BINARY.SIZE" ? Kind::kBinarySize
              : binary              ? Kind::kBinary
                                    : Kind::kBodySection;
  out->peek = name == "BODY.PEEK" || name == "BINARY.PEEK";
  if (!TakeSection(in, binary, &out->section)) return false;
  return out->kind == Kind::kBinarySize || TakePartial(in, &out->partial);
}

bool AddItem(TokenReader& in, FetchItem item, Fetch* out) {
  if (std::find(out->items.begin(), out->items.end(), item) != out->items.end()) return true;
  if (out->items.size() == in.limits().max_fetch_items) return in.Fail("Too many FETCH items");
  out->items.push_back(std::move(item));
  return true;
}

bool TakeFetchItem(TokenReader& in, const std::string& name, Fetch* out) {
  FetchItem item;
  if (in.TakeChar('[')) return TakeSectionItem(in, name, &item) && AddItem(in, item, out);
  const auto* const named =
      std::find_if(std::begin(kFetchItems), std::end(kFetchItems),
                   [&](const NamedFetchItem& named) { return named.name == name; });
  if (named == std::end(kFetchItems)) return in.Fail("Unknown FETCH item");
  item.kind = named->kind;
  return AddItem(in, std::move(item), out);
}

// ALL, FAST, FULL: RFC 3501 s6.4.5.
bool ExpandMacro(absl::string_view name, Fetch* out) {
  if (name != "ALL" && name != "FAST" && name != "FULL") return false;
  for (const Kind kind : {Kind::kFlags, Kind::kInternalDate, Kind::kRfc822Size}) {
    out->items.push_back({.kind = kind});
  }
  if (name != "FAST") out->items.push_back({.kind = Kind::kEnvelope});
  if (name == "FULL") out->items.push_back({.kind = Kind::kBody});
  return true;
}

bool TakeFetchItems(TokenReader& in, Fetch* out) {
  if (!in.TakeOpen()) {
    const std::string name = TakeDottedName(in);
    return ExpandMacro(name, out) || TakeFetchItem(in, name, out);
  }
  do {
    if (!TakeFetchItem(in, TakeDottedName(in), out)) return false;
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid list of FETCH items");
}

// fetch-modifiers (RFC 4466), of RFC 7162.
bool TakeFetchModifiers(TokenReader& in, Fetch* out) {
  if (!in.TakeOpen()) return in.Fail("FETCH modifiers expected");
  do {
    const std::string name = in.TakeUpperAtom();
    if (name == "CHANGEDSINCE" && !out->changed_since.has_value()) {
      if (!TakeSpace(in) || !TakeModSeq(in, &out->changed_since.emplace())) return false;
    } else if (name == "VANISHED" && !out->vanished) {
      out->vanished = true;
    } else {
      return in.Fail("Unknown or repeated FETCH modifier");
    }
  } while (in.TakeListSpace());
  if (!in.TakeClose()) return in.Fail("Invalid FETCH modifiers");
  if (!out->vanished) return true;
  return (out->uid && out->changed_since.has_value()) ||
         in.Fail("VANISHED needs UID FETCH and CHANGEDSINCE");
}

bool TakeStoreModifiers(TokenReader& in, Store* out) {
  if (in.Peek() != '(') return true;
  return (in.TakeOpen() && in.TakeWord("UNCHANGEDSINCE") && TakeSpace(in) &&
          TakeModSeq(in, &out->unchanged_since.emplace()) && in.TakeClose() && TakeSpace(in)) ||
         in.Fail("Invalid STORE modifiers");
}

bool TakeStoreMode(TokenReader& in, Store* out) {
  if (in.TakeChar('+')) {
    out->mode = Store::Mode::kAdd;
  } else if (in.TakeChar('-')) {
    out->mode = Store::Mode::kRemove;
  }
  const std::string name = in.TakeUpperAtom();
  out->silent = name == "FLAGS.SILENT";
  return out->silent || name == "FLAGS" || in.Fail("FLAGS or FLAGS.SILENT expected");
}

}  // namespace

bool ParseAppendArguments(TokenReader& in, Append* out) {
  if (!TakeSpace(in) || !TakeMailbox(in, &out->mailbox) || !TakeSpace(in)) return false;
  if (in.Peek() == '(' && (!TakeFlagList(in, &out->flags) || !TakeSpace(in))) return false;
  if (in.Peek() == '"' && (!TakeDateTime(in, &out->internal_date.emplace()) || !TakeSpace(in))) {
    return false;
  }
  return in.TakeMessage(&out->message_octets, &out->binary);
}

bool ParseFetch(TokenReader& in, Fetch* out) {
  if (!TakeSpace(in) || !TakeSequenceSet(in, &out->set) || !TakeSpace(in) ||
      !TakeFetchItems(in, out)) {
    return false;
  }
  if (!in.TakeSpaces() || in.AtEnd()) return true;
  return TakeFetchModifiers(in, out);
}

bool ParseStore(TokenReader& in, Store* out) {
  if (!TakeSpace(in) || !TakeSequenceSet(in, &out->set) || !TakeSpace(in) ||
      !TakeStoreModifiers(in, out) || !TakeStoreMode(in, out) || !TakeSpace(in)) {
    return false;
  }
  return in.Peek() == '(' ? TakeFlagList(in, &out->flags) : TakeBareFlags(in, &out->flags);
}

}  // namespace packetboat::imap
