#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "mail/imap/grammar.h"

// SELECT, EXAMINE, CREATE, RENAME, LIST, LSUB, STATUS: RFC 3501 s6.3 and what extends them.

namespace packetboat::imap {
namespace {

constexpr SpecialUse kSpecialUses[] = {
    SpecialUse::kAll,  SpecialUse::kArchive, SpecialUse::kDrafts, SpecialUse::kFlagged,
    SpecialUse::kJunk, SpecialUse::kSent,    SpecialUse::kTrash};

// Numbers in a set without `*`, counted as often as named.
uint64_t CountNumbers(const SequenceSet& set) {
  uint64_t count = 0;
  for (const SequenceSet::Item& item : set.items()) {
    count += uint64_t{std::max(item.from, item.to)} - std::min(item.from, item.to) + 1;
  }
  return count;
}

// seq-match-data (RFC 7162 s7).
bool TakeSequenceMatch(TokenReader& in, QresyncParameters* out) {
  SequenceSet numbers, uids;
  if (!in.TakeOpen() || !TakeKnownSet(in, &numbers) || !TakeSpace(in) || !TakeKnownSet(in, &uids) ||
      !in.TakeClose()) {
    return in.Fail("Invalid QRESYNC sequence match data");
  }
  if (CountNumbers(numbers) != CountNumbers(uids)) {
    return in.Fail("QRESYNC sequence match data are not equally many");
  }
  out->sequence_match.emplace(std::move(numbers), std::move(uids));
  return true;
}

// Behind the word QRESYNC (RFC 7162 s3.2.5).
bool TakeQresync(TokenReader& in, QresyncParameters* out) {
  uint32_t uid_validity = 0;
  if (!TakeSpace(in) || !in.TakeOpen() || !TakeNonZero32(in, &uid_validity) || !TakeSpace(in) ||
      !TakeModSeq(in, &out->mod_seq)) {
    return in.Fail("Invalid QRESYNC parameters");
  }
  out->uid_validity = UidValidity(uid_validity);
  bool more = in.TakeListSpace();
  if (more && in.AtDigit()) {
    if (!TakeKnownSet(in, &out->known_uids.emplace())) return false;
    more = in.TakeListSpace();
  }
  if (more && !TakeSequenceMatch(in, out)) return false;
  return in.TakeClose() || in.Fail("Invalid QRESYNC parameters");
}

bool TakeSelectParameters(TokenReader& in, Select* out) {
  if (!in.TakeOpen()) return in.Fail("Parameter list expected");
  do {
    const std::string name = in.TakeUpperAtom();
    if (name == "CONDSTORE") {
      out->condstore = true;
    } else if (name == "QRESYNC" && !out->qresync.has_value()) {
      if (!TakeQresync(in, &out->qresync.emplace())) return false;
    } else {
      return in.Fail("Unknown or repeated parameter");
    }
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid parameter list");
}

bool TakeSpecialUse(TokenReader& in, Create* out) {
  if (!in.TakeChar('\\')) return in.Fail("Special-use attribute expected");
  const std::string name = absl::StrCat("\\", in.TakeAtom());
  if (name.size() == 1) return in.Fail("Special-use attribute expected");
  std::vector<SpecialUse>& uses = out->special_use;
  for (const SpecialUse use : kSpecialUses) {
    if (!absl::EqualsIgnoreCase(name, SpecialUseName(use))) continue;
    if (std::find(uses.begin(), uses.end(), use) == uses.end()) uses.push_back(use);
    return true;
  }
  out->unknown_use = true;
  return true;
}

// `(` option *(SP option) `)` or `()`, each option taken by `take`.
template <typename Take>
bool TakeOptions(TokenReader& in, Take take) {
  if (!in.TakeOpen()) return in.Fail("Option list expected");
  if (in.TakeClose()) return true;
  do {
    if (!take(in.TakeUpperAtom())) return in.Fail("Unknown option");
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid option list");
}

// RFC 5258 s3.1.
bool TakeSelectionOptions(TokenReader& in, List* out) {
  const bool valid = TakeOptions(in, [out](const std::string& option) {
    bool* const set = option == "SUBSCRIBED"       ? &out->select_subscribed
                      : option == "REMOTE"         ? &out->select_remote
                      : option == "RECURSIVEMATCH" ? &out->select_recursive_match
                      : option == "SPECIAL-USE"    ? &out->select_special_use
                                                   : nullptr;
    if (set != nullptr) *set = true;
    return set != nullptr;
  });
  if (!valid) return false;
  if (out->select_recursive_match && !out->select_subscribed && !out->select_special_use) {
    return in.Fail("RECURSIVEMATCH needs another selection option");
  }
  return true;
}

// RFC 5258 s3.2, RFC 5819, RFC 6154.
bool TakeReturnOptions(TokenReader& in, List* out) {
  return TakeOptions(in, [&in, out](const std::string& option) {
    if (option == "STATUS") return TakeSpace(in) && TakeStatusItems(in, &out->return_status);
    bool* const set = option == "SUBSCRIBED"    ? &out->return_subscribed
                      : option == "CHILDREN"    ? &out->return_children
                      : option == "SPECIAL-USE" ? &out->return_special_use
                                                : nullptr;
    if (set != nullptr) *set = true;
    return set != nullptr;
  });
}

bool TakePattern(TokenReader& in, List* out) {
  if (out->patterns.size() == in.limits().max_list_patterns) return in.Fail("Too many patterns");
  std::string& pattern = out->patterns.emplace_back();
  return in.TakeListMailbox(&pattern) && DecodeMailbox(in, &pattern);
}

// mbox-or-pat.
bool TakePatterns(TokenReader& in, List* out) {
  if (!in.TakeOpen()) return TakePattern(in, out);
  out->extended = true;
  do {
    if (!TakePattern(in, out)) return false;
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid list of patterns");
}

}  // namespace

bool ParseSelect(TokenReader& in, bool read_only, Select* out) {
  out->read_only = read_only;
  if (!TakeSpace(in) || !TakeMailbox(in, &out->mailbox)) return false;
  if (!in.TakeSpaces() || in.AtEnd()) return true;
  return TakeSelectParameters(in, out);
}

bool ParseCreate(TokenReader& in, Create* out) {
  if (!TakeSpace(in) || !TakeMailbox(in, &out->mailbox)) return false;
  if (!in.TakeSpaces() || in.AtEnd()) return true;
  if (!in.TakeOpen() || !in.TakeWord("USE") || !TakeSpace(in) || !in.TakeOpen()) {
    return in.Fail("Unknown parameter");
  }
  if (!in.TakeClose()) {
    do {
      if (!TakeSpecialUse(in, out)) return false;
    } while (in.TakeListSpace());
    if (!in.TakeClose()) return in.Fail("Invalid list of special uses");
  }
  return in.TakeClose() || in.Fail("Invalid parameter list");
}

bool ParseRename(TokenReader& in, Rename* out) {
  return TakeSpace(in) && TakeMailbox(in, &out->from) && TakeSpace(in) && TakeMailbox(in, &out->to);
}

bool ParseList(TokenReader& in, List* out) {
  if (!TakeSpace(in)) return false;
  if (in.Peek() == '(') {
    out->extended = true;
    if (!TakeSelectionOptions(in, out) || !TakeSpace(in)) return false;
  }
  if (!TakeMailbox(in, &out->reference) || !TakeSpace(in) || !TakePatterns(in, out)) return false;
  if (!in.TakeSpaces() || in.AtEnd()) return true;
  out->extended = true;
  if (!in.TakeWord("RETURN")) return in.Fail("RETURN expected");
  return TakeSpace(in) && TakeReturnOptions(in, out);
}

bool ParseLsub(TokenReader& in, Lsub* out) {
  return TakeSpace(in) && TakeMailbox(in, &out->reference) && TakeSpace(in) &&
         in.TakeListMailbox(&out->pattern) && DecodeMailbox(in, &out->pattern);
}

bool ParseStatus(TokenReader& in, Status* out) {
  return TakeSpace(in) && TakeMailbox(in, &out->mailbox) && TakeSpace(in) &&
         TakeStatusItems(in, &out->items);
}

}  // namespace packetboat::imap
