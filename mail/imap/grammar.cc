#include "mail/imap/grammar.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "mail/imap/utf7.h"
#include "mail/message/date_time.h"

namespace packetboat::imap {
namespace {

constexpr SystemFlag kSystemFlags[] = {SystemFlag::kAnswered, SystemFlag::kFlagged,
                                       SystemFlag::kDeleted, SystemFlag::kSeen, SystemFlag::kDraft};

constexpr StatusItem kStatusItems[] = {
    StatusItem::kMessages,    StatusItem::kRecent,    StatusItem::kUidNext,
    StatusItem::kUidValidity, StatusItem::kUnseen,    StatusItem::kHighestModSeq,
    StatusItem::kSize,        StatusItem::kMailboxId, StatusItem::kAppendLimit};

constexpr absl::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

constexpr uint64_t kMaxModSeq = std::numeric_limits<int64_t>::max();

bool TakeSystemFlag(TokenReader& in, FlagSet* out) {
  const std::string name = absl::StrCat("\\", in.TakeAtom());
  for (const SystemFlag flag : kSystemFlags) {
    if (!absl::EqualsIgnoreCase(name, SystemFlagName(flag))) continue;
    out->Add(flag);
    return true;
  }
  return in.Fail("Unknown system flag");
}

// Adds one flag; `*count` is how many were named, repetitions and all.
bool TakeFlag(TokenReader& in, size_t* count, FlagSet* out) {
  if (++*count > in.limits().max_flags) return in.Fail("Too many flags");
  if (in.TakeChar('\\')) return TakeSystemFlag(in, out);
  std::string keyword;
  if (!TakeKeyword(in, &keyword)) return false;
  out->AddKeyword(keyword);
  return true;
}

// Exactly as many digits as allowed.
bool TakeDigits(TokenReader& in, size_t least, size_t most, int* out) {
  const absl::string_view digits = in.TakeRun([](char c) { return absl::ascii_isdigit(c); });
  if (digits.size() < least || digits.size() > most) return false;
  *out = 0;
  for (const char digit : digits) *out = *out * 10 + (digit - '0');
  return true;
}

bool TakeMonth(TokenReader& in, int* out) {
  const absl::string_view name = in.TakeRun([](char c) { return absl::ascii_isalpha(c); });
  for (size_t i = 0; i < std::size(kMonths); ++i) {
    if (!absl::EqualsIgnoreCase(name, kMonths[i])) continue;
    *out = static_cast<int>(i) + 1;
    return true;
  }
  return false;
}

// 1*2DIGIT "-" date-month "-" 4DIGIT, a day that exists.
bool TakeDay(TokenReader& in, absl::CivilDay* out) {
  int day = 0, month = 0, year = 0;
  if (!TakeDigits(in, 1, 2, &day) || !in.TakeChar('-') || !TakeMonth(in, &month) ||
      !in.TakeChar('-') || !TakeDigits(in, 4, 4, &year)) {
    return in.Fail("Invalid date");
  }
  *out = absl::CivilDay(year, month, day);
  return (out->day() == day && out->month() == month) || in.Fail("Date does not exist");
}

}  // namespace

bool TakeSpace(TokenReader& in) {
  const bool taken = in.TakeSpaces();
  if (in.AtEnd()) return in.Fail("Argument missing");
  return taken || in.Fail("Space expected");
}

bool DecodeMailbox(TokenReader& in, std::string* name) {
  std::optional<std::string> decoded = DecodeMailboxName(*name);
  if (!decoded.has_value()) return in.Fail("Mailbox name is not modified UTF-7");
  if (decoded->size() > in.limits().max_mailbox_octets) return in.Fail("Mailbox name too long");
  *name = *std::move(decoded);
  return true;
}

bool TakeMailbox(TokenReader& in, std::string* out) {
  if (!in.TakeAstring(out) || !DecodeMailbox(in, out)) return false;
  if (absl::EqualsIgnoreCase(*out, "INBOX")) *out = "INBOX";
  return true;
}

bool TakeSequenceSet(TokenReader& in, SequenceSet* out) {
  const absl::string_view text =
      in.TakeRun([](char c) { return absl::ascii_isdigit(c) || c == ':' || c == ',' || c == '*'; });
  const std::optional<SequenceSet> set = SequenceSet::Parse(text, in.limits().max_sequence_ranges);
  if (!set.has_value()) return in.Fail("Invalid sequence set");
  *out = *set;
  return true;
}

bool TakeKnownSet(TokenReader& in, SequenceSet* out) {
  return TakeSequenceSet(in, out) && (!out->has_star() || in.Fail("No * allowed in this set"));
}

bool TakeKeyword(TokenReader& in, std::string* out) {
  *out = std::string(in.TakeAtom());
  if (out->empty()) return in.Fail("Flag expected");
  return out->size() <= in.limits().max_keyword_octets || in.Fail("Keyword too long");
}

bool TakeFlagList(TokenReader& in, FlagSet* out) {
  if (!in.TakeOpen()) return in.Fail("Flag list expected");
  if (in.TakeClose()) return true;
  size_t count = 0;
  do {
    if (!TakeFlag(in, &count, out)) return false;
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid flag list");
}

bool TakeBareFlags(TokenReader& in, FlagSet* out) {
  size_t count = 0;
  do {
    if (!TakeFlag(in, &count, out)) return false;
  } while (in.TakeSpaces() && !in.AtEnd());
  return true;
}

bool TakeNumber32(TokenReader& in, uint32_t* out) {
  uint64_t number = 0;
  if (!in.TakeNumber(UINT32_MAX, &number)) return false;
  *out = static_cast<uint32_t>(number);
  return true;
}

bool TakeNonZero32(TokenReader& in, uint32_t* out) {
  return TakeNumber32(in, out) && (*out > 0 || in.Fail("Number must not be zero"));
}

bool TakeModSeq(TokenReader& in, ModSeq* out) {
  uint64_t number = 0;
  if (!in.TakeNumber(kMaxModSeq, &number)) return false;
  *out = ModSeq(number);
  return true;
}

bool TakeDate(TokenReader& in, absl::CivilDay* out) {
  const bool quoted = in.TakeChar('"');
  if (!TakeDay(in, out)) return false;
  return !quoted || in.TakeChar('"') || in.Fail("Invalid date");
}

bool TakeDateTime(TokenReader& in, absl::Time* out) {
  std::string text;
  if (in.Peek() != '"' || !in.TakeString(&text)) return in.Fail("Date and time expected");
  const std::optional<message::DateTime> date_time = message::ParseInternalDate(text);
  if (!date_time.has_value()) return in.Fail("Invalid date and time");
  *out = date_time->time;
  return true;
}

bool TakeStatusItems(TokenReader& in, std::vector<StatusItem>* out) {
  if (!in.TakeOpen()) return in.Fail("List of status items expected");
  do {
    const std::string name = in.TakeUpperAtom();
    const auto item = std::find_if(std::begin(kStatusItems), std::end(kStatusItems),
                                   [&](StatusItem item) { return StatusItemName(item) == name; });
    if (item == std::end(kStatusItems)) return in.Fail("Unknown status item");
    if (std::find(out->begin(), out->end(), *item) == out->end()) out->push_back(*item);
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid list of status items");
}

}  // namespace packetboat::imap
