#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "mail/imap/grammar.h"

// SEARCH, SORT, THREAD: RFC 3501 s6.4.4, RFC 4731, RFC 5032, RFC 5256, RFC 5267 s3, RFC 5957, RFC
// 7162 s3.1.5, RFC 8474 s6.

namespace packetboat::imap {
namespace {

using Kind = SearchKey::Kind;

SearchKey Simple(Kind kind) {
  SearchKey key;
  key.kind = kind;
  return key;
}

SearchKey HasFlag(SystemFlag flag) {
  SearchKey key;
  key.kind = Kind::kSystemFlag;
  key.flag = flag;
  return key;
}

SearchKey Not(SearchKey child) {
  SearchKey key;
  key.kind = Kind::kNot;
  key.children.push_back(std::move(child));
  return key;
}

SearchKey And(std::vector<SearchKey> children) {
  if (children.size() == 1) return std::move(children.front());
  SearchKey key;
  key.kind = Kind::kAnd;
  key.children = std::move(children);
  return key;
}

// What follows the name of a key.
enum class Argument {
  kNone,
  kKeyword,
  kText,
  kHeader,  // field name, text
  kDate,
  kNumber,   // 32 bits
  kSeconds,  // 32 bits, not zero
  kModSeq,
  kUidSet,
  kObjectId,
  kOneKey,
  kTwoKeys,
};

struct NamedKey {
  absl::string_view name;
  Kind kind;
  Argument argument;
};

constexpr NamedKey kKeys[] = {
    {"ALL", Kind::kAll, Argument::kNone},
    {"BCC", Kind::kBcc, Argument::kText},
    {"BEFORE", Kind::kBefore, Argument::kDate},
    {"BODY", Kind::kBody, Argument::kText},
    {"CC", Kind::kCc, Argument::kText},
    {"EMAILID", Kind::kEmailId, Argument::kObjectId},
    {"FROM", Kind::kFrom, Argument::kText},
    {"HEADER", Kind::kHeader, Argument::kHeader},
    {"KEYWORD", Kind::kKeyword, Argument::kKeyword},
    {"LARGER", Kind::kLarger, Argument::kNumber},
    {"MODSEQ", Kind::kModSeq, Argument::kModSeq},
    {"NOT", Kind::kNot, Argument::kOneKey},
    {"OLDER", Kind::kOlder, Argument::kSeconds},
    {"ON", Kind::kOn, Argument::kDate},
    {"OR", Kind::kOr, Argument::kTwoKeys},
    {"RECENT", Kind::kRecent, Argument::kNone},
    {"SENTBEFORE", Kind::kSentBefore, Argument::kDate},
    {"SENTON", Kind::kSentOn, Argument::kDate},
    {"SENTSINCE", Kind::kSentSince, Argument::kDate},
    {"SINCE", Kind::kSince, Argument::kDate},
    {"SMALLER", Kind::kSmaller, Argument::kNumber},
    {"SUBJECT", Kind::kSubject, Argument::kText},
    {"TEXT", Kind::kText, Argument::kText},
    {"THREADID", Kind::kThreadId, Argument::kObjectId},
    {"TO", Kind::kTo, Argument::kText},
    {"UID", Kind::kUid, Argument::kUidSet},
    {"YOUNGER", Kind::kYounger, Argument::kSeconds},
};

struct NamedFlagKey {
  absl::string_view name;
  SystemFlag flag;
};

// Each also with UN in front.
constexpr NamedFlagKey kFlagKeys[] = {
    {"ANSWERED", SystemFlag::kAnswered}, {"DELETED", SystemFlag::kDeleted},
    {"DRAFT", SystemFlag::kDraft},       {"FLAGGED", SystemFlag::kFlagged},
    {"SEEN", SystemFlag::kSeen},
};

// Keys that are words for combinations of others.
bool ExpandFlagKey(absl::string_view name, SearchKey* out) {
  if (name == "NEW") {
    *out = And({Simple(Kind::kRecent), Not(HasFlag(SystemFlag::kSeen))});
    return true;
  }
  if (name == "OLD") {
    *out = Not(Simple(Kind::kRecent));
    return true;
  }
  const bool negated = absl::ConsumePrefix(&name, "UN");
  for (const NamedFlagKey& named : kFlagKeys) {
    if (name != named.name) continue;
    *out = negated ? Not(HasFlag(named.flag)) : HasFlag(named.flag);
    return true;
  }
  return false;
}

// Reads search-key, counting keys and depth.
class KeyReader {
 public:
  explicit KeyReader(TokenReader& in) : in_(in) {}

  // search-key *(SP search-key), up to the end of the command or to a `)`.
  bool TakeKeys(SearchKey* out) {
    std::vector<SearchKey> keys;
    do {
      if (!TakeKey(&keys.emplace_back())) return false;
    } while (in_.TakeListSpace() && !in_.AtEnd());
    *out = And(std::move(keys));
    return true;
  }

 private:
  bool TakeKey(SearchKey* out) {
    if (++count_ > in_.limits().max_search_keys) return in_.Fail("Too many search keys");
    if (in_.Peek() == '(') return Nested([&] { return TakeParenthesised(out); });
    if (in_.AtDigit() || in_.Peek() == '*') {
      out->kind = Kind::kSequence;
      return TakeSequenceSet(in_, &out->set);
    }
    const std::string name = in_.TakeUpperAtom();
    if (ExpandFlagKey(name, out)) return true;
    if (name == "UNKEYWORD") {
      SearchKey keyword = Simple(Kind::kKeyword);
      if (!TakeSpace(in_) || !TakeKeyword(in_, &keyword.text)) return false;
      *out = Not(std::move(keyword));
      return true;
    }
    const auto* const named =
        std::find_if(std::begin(kKeys), std::end(kKeys),
                     [&](const NamedKey& named) { return named.name == name; });
    if (named == std::end(kKeys)) return in_.Fail("Unknown search key");
    out->kind = named->kind;
    return named->argument == Argument::kNone ||
           (TakeSpace(in_) && TakeArgument(named->argument, out));
  }

  template <typename Take>
  bool Nested(Take take) {
    if (depth_ == in_.limits().max_search_depth) return in_.Fail("Search keys nested too deep");
    ++depth_;
    const bool taken = take();
    --depth_;
    return taken;
  }

  bool TakeParenthesised(SearchKey* out) {
    return in_.TakeOpen() && TakeKeys(out) &&
           (in_.TakeClose() || in_.Fail("Search keys are not closed"));
  }

  bool TakeArgument(Argument argument, SearchKey* out) {
    switch (argument) {
      case Argument::kNone:
        return true;
      case Argument::kKeyword:
        return TakeKeyword(in_, &out->text);
      case Argument::kText:
        return in_.TakeAstring(&out->text);
      case Argument::kHeader:
        return in_.TakeAstring(&out->header) && TakeSpace(in_) && in_.TakeAstring(&out->text);
      case Argument::kDate:
        return TakeDate(in_, &out->date);
      case Argument::kNumber:
        return in_.TakeNumber(UINT32_MAX, &out->number);
      case Argument::kSeconds:
        return in_.TakeNumber(UINT32_MAX, &out->number) &&
               (out->number > 0 || in_.Fail("Interval must not be zero"));
      case Argument::kModSeq:
        return TakeModSeqKey(out);
      case Argument::kUidSet:
        return TakeSequenceSet(in_, &out->set);
      case Argument::kObjectId:
        return in_.TakeAstring(&out->text) &&
               (IsObjectId(out->text) || in_.Fail("Invalid object id"));
      case Argument::kOneKey:
        return Nested([&] { return TakeKey(&out->children.emplace_back()); });
      case Argument::kTwoKeys:
        out->children.resize(2);
        return Nested([&] {
          return TakeKey(&out->children[0]) && TakeSpace(in_) && TakeKey(&out->children[1]);
        });
    }
    return false;
  }

  // [entry-name SP entry-type-req SP] mod-sequence-valzer: the entry selects among MODSEQs that one
  // message may have for each flag; there is one for all.
  bool TakeModSeqKey(SearchKey* out) {
    if (in_.AtString()) {
      std::string entry;
      if (!in_.TakeString(&entry) || !absl::StartsWithIgnoreCase(entry, "/flags/") ||
          !TakeSpace(in_)) {
        return in_.Fail("Invalid MODSEQ entry");
      }
      const std::string type = in_.TakeUpperAtom();
      if ((type != "ALL" && type != "PRIV" && type != "SHARED") || !TakeSpace(in_)) {
        return in_.Fail("Invalid MODSEQ entry type");
      }
    }
    ModSeq mod_seq;
    if (!TakeModSeq(in_, &mod_seq)) return false;
    out->number = mod_seq.value();
    return true;
  }

  // RFC 8474 s7.
  static bool IsObjectId(absl::string_view text) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
      return absl::ascii_isalnum(c) || c == '_' || c == '-';
    });
  }

  TokenReader& in_;
  size_t count_ = 0;
  size_t depth_ = 0;
};

bool TakeCharset(TokenReader& in, std::string* out) {
  if (!in.TakeAstring(out)) return false;
  *out = absl::AsciiStrToUpper(*out);
  return true;
}

// search-return-opts of RFC 4731 s3.1; `()` means ALL.
bool TakeReturnOptions(TokenReader& in, SearchReturn* out) {
  if (!in.TakeOpen()) return in.Fail("RETURN options expected");
  if (in.TakeClose()) {
    out->all = true;
    return true;
  }
  do {
    const std::string name = in.TakeUpperAtom();
    bool* const set = name == "MIN"     ? &out->min
                      : name == "MAX"   ? &out->max
                      : name == "ALL"   ? &out->all
                      : name == "COUNT" ? &out->count
                                        : nullptr;
    if (set == nullptr) return in.Fail("Unknown RETURN option");
    *set = true;
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid RETURN options");
}

// [RETURN SP search-return-opts SP].
bool TakeReturn(TokenReader& in, std::optional<SearchReturn>* out) {
  if (!in.TakeWord("RETURN")) return true;
  return TakeSpace(in) && TakeReturnOptions(in, &out->emplace()) && TakeSpace(in);
}

bool TakeSortCriterion(TokenReader& in, SortCriterion* out) {
  constexpr std::pair<absl::string_view, SortCriterion::Kind> kCriteria[] = {
      {"ARRIVAL", SortCriterion::Kind::kArrival},
      {"CC", SortCriterion::Kind::kCc},
      {"DATE", SortCriterion::Kind::kDate},
      {"FROM", SortCriterion::Kind::kFrom},
      {"SIZE", SortCriterion::Kind::kSize},
      {"SUBJECT", SortCriterion::Kind::kSubject},
      {"TO", SortCriterion::Kind::kTo},
      {"DISPLAYFROM", SortCriterion::Kind::kDisplayFrom},
      {"DISPLAYTO", SortCriterion::Kind::kDisplayTo}};
  out->reverse = in.TakeWord("REVERSE");
  if (out->reverse && !TakeSpace(in)) return false;
  const std::string name = in.TakeUpperAtom();
  for (const auto& [criterion, kind] : kCriteria) {
    if (name != criterion) continue;
    out->kind = kind;
    return true;
  }
  return in.Fail("Unknown sort criterion");
}

bool TakeSortCriteria(TokenReader& in, std::vector<SortCriterion>* out) {
  if (!in.TakeOpen()) return in.Fail("Sort criteria expected");
  do {
    if (out->size() == in.limits().max_sort_criteria) return in.Fail("Too many sort criteria");
    if (!TakeSortCriterion(in, &out->emplace_back())) return false;
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid sort criteria");
}

// SP charset SP search-key *(SP search-key).
bool TakeCharsetAndKeys(TokenReader& in, std::string* charset, SearchKey* key) {
  return TakeSpace(in) && TakeCharset(in, charset) && TakeSpace(in) && KeyReader(in).TakeKeys(key);
}

}  // namespace

bool ParseSearch(TokenReader& in, Search* out) {
  if (!TakeSpace(in)) return false;
  if (!TakeReturn(in, &out->result)) return false;
  if (in.TakeWord("CHARSET")) return TakeCharsetAndKeys(in, &out->charset, &out->key);
  return KeyReader(in).TakeKeys(&out->key);
}

bool ParseSort(TokenReader& in, Sort* out) {
  if (!TakeSpace(in) || !TakeReturn(in, &out->result)) return false;
  return TakeSortCriteria(in, &out->criteria) && TakeCharsetAndKeys(in, &out->charset, &out->key);
}

bool ParseThread(TokenReader& in, Thread* out) {
  if (!TakeSpace(in)) return false;
  out->algorithm = in.TakeUpperAtom();
  if (out->algorithm.empty()) return in.Fail("Threading algorithm expected");
  return TakeCharsetAndKeys(in, &out->charset, &out->key);
}

}  // namespace packetboat::imap
