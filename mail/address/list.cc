#include "mail/address/list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mail/address/limits.h"

namespace packetboat::address {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Everything that means nothing in the grammar counts as part of an atom: 8-bit octets are common
// in the wild.
bool IsAtomOctet(char c) {
  const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  return !is_control && absl::string_view(" ()<>@,;:\\\".[]").find(c) == absl::string_view::npos;
}

// A run of words and dots, which is a phrase or a local part depending on what follows.
struct Words {
  std::string phrase;      // words separated as they were, by one space at most
  std::string local_part;  // without any space
  // Two words without a dot between them cannot be a local part.
  bool is_local_part = true;
  bool empty = true;
};

class ListParser {
 public:
  explicit ListParser(absl::string_view value) : rest_(value) {}

  AddressList Parse() {
    while (SkipSpaceAndComments(), !rest_.empty() && !full_) ParseElement();
    if (in_group_) {
      MarkBroken();
      EndGroup();
    }
    return std::move(list_);
  }

 private:
  void ParseElement();
  void ParseAngleAddress(std::string name);
  void ParseDomain(ListEntry* entry);
  void Finish(ListEntry entry);
  void BeginGroup(std::string name);
  void EndGroup();
  void Emit(ListEntry entry);
  void MarkBroken() { list_.well_formed = false; }

  bool Accept(char c);
  bool At(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool SkipSpaceAndComments();
  void SkipComment();
  Words TakeWords();
  std::string TakeWord();
  std::string TakeAtom();
  std::string TakeQuotedString();
  std::string TakeDomain();
  std::string TakeDomainLiteral();
  std::string TakeRoute();
  void SkipTo(absl::string_view stops);

  absl::string_view rest_;
  std::string comment_;  // the last one since the element began
  bool in_group_ = false;
  bool full_ = false;
  AddressList list_;
};

void ListParser::ParseElement() {
  if (Accept(',')) return comment_.clear();
  if (Accept(';')) return in_group_ ? EndGroup() : MarkBroken();
  Words words = TakeWords();
  if (Accept('<')) return ParseAngleAddress(std::move(words.phrase));
  if (Accept(':')) return BeginGroup(std::move(words.phrase));
  if (words.empty && !At('@')) {
    rest_.remove_prefix(1);  // a loose `>`
    return MarkBroken();
  }
  if (!words.is_local_part || words.empty) MarkBroken();
  ListEntry entry;
  entry.mailbox = std::move(words.local_part);
  ParseDomain(&entry);
  if (Accept('<')) {
    // `joe@example.com <joe@example.com>` lacks the quotes around its name.
    MarkBroken();
    return ParseAngleAddress(absl::StrCat(entry.mailbox, "@", entry.host));
  }
  Finish(std::move(entry));
}

// Behind the `<`. Ends behind the `>`, or, where there is none, before the next comma.
void ListParser::ParseAngleAddress(std::string name) {
  ListEntry entry;
  entry.name = std::move(name);
  SkipSpaceAndComments();
  if (At('@') || At(',')) entry.route = TakeRoute();
  Words words = TakeWords();
  if (!words.is_local_part || words.empty) MarkBroken();
  entry.mailbox = std::move(words.local_part);
  ParseDomain(&entry);
  if (!At('>')) {
    MarkBroken();
    SkipTo(">,;");
  }
  Accept('>');
  Finish(std::move(entry));
}

void ListParser::ParseDomain(ListEntry* entry) {
  if (Accept('@')) {
    SkipSpaceAndComments();
    entry->host = TakeDomain();
  }
  if (entry->host.empty()) MarkBroken();
  SkipSpaceAndComments();
}

void ListParser::Finish(ListEntry entry) {
  SkipSpaceAndComments();
  if (!rest_.empty() && !At(',') && !(At(';') && in_group_)) {
    MarkBroken();
    SkipTo(",;");
  }
  if (entry.name.empty()) entry.name = comment_;
  comment_.clear();
  Emit(std::move(entry));
}

void ListParser::BeginGroup(std::string name) {
  if (in_group_) {  // groups do not nest
    MarkBroken();
    EndGroup();
  }
  if (name.empty()) MarkBroken();
  ListEntry entry;
  entry.kind = ListEntry::Kind::kGroupStart;
  entry.mailbox = std::move(name);
  Emit(std::move(entry));
  in_group_ = !full_;
}

void ListParser::EndGroup() {
  in_group_ = false;
  ListEntry entry;
  entry.kind = ListEntry::Kind::kGroupEnd;
  Emit(std::move(entry));
}

// A group start needs room for its end too, which nothing in the group may take.
void ListParser::Emit(ListEntry entry) {
  const bool leaves_group_open = in_group_ || entry.kind == ListEntry::Kind::kGroupStart;
  const size_t room = leaves_group_open ? kMaxListEntries - 1 : kMaxListEntries;
  if (list_.entries.size() < room) {
    list_.entries.push_back(std::move(entry));
    return;
  }
  MarkBroken();
  full_ = true;
}

bool ListParser::Accept(char c) {
  if (!At(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

// Whether there was anything to skip.
bool ListParser::SkipSpaceAndComments() {
  const size_t before = rest_.size();
  while (!rest_.empty()) {
    if (IsSpace(rest_.front())) {
      rest_.remove_prefix(1);
    } else if (Accept('(')) {
      SkipComment();
    } else {
      break;
    }
  }
  return rest_.size() != before;
}

// Behind the opening parenthesis. Comments nest (RFC 5322 s3.2.2): counted, not recursed into.
void ListParser::SkipComment() {
  comment_.clear();
  int depth = 1;
  for (; !rest_.empty(); rest_.remove_prefix(1)) {
    char c = rest_.front();
    if (c == '\\' && rest_.size() > 1) {
      rest_.remove_prefix(1);
      c = rest_.front();
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      rest_.remove_prefix(1);
      return;
    } else if (c == '\r' || c == '\n') {
      continue;
    }
    comment_.push_back(c);
  }
  MarkBroken();
}

// Up to what ends a phrase or a local part; other specials that stand loose become part of the
// phrase.
Words ListParser::TakeWords() {
  Words words;
  bool after_dot = true;
  while (true) {
    const bool spaced = SkipSpaceAndComments();
    if (rest_.empty() ||
        absl::string_view("<>:@,;").find(rest_.front()) != absl::string_view::npos) {
      if (after_dot) words.is_local_part = false;
      return words;
    }
    const bool is_dot = At('.');
    const std::string word = TakeWord();
    if (is_dot == after_dot) words.is_local_part = false;
    after_dot = is_dot;
    if (spaced && !words.empty) words.phrase.push_back(' ');
    words.phrase += word;
    words.local_part += word;
    words.empty = false;
  }
}

// Takes at least one octet.
std::string ListParser::TakeWord() {
  if (Accept('"')) return TakeQuotedString();
  if (std::string atom = TakeAtom(); !atom.empty()) return atom;
  if (!At('.')) MarkBroken();
  std::string special(1, rest_.front());
  rest_.remove_prefix(1);
  return special;
}

std::string ListParser::TakeAtom() {
  size_t size = 0;
  while (size < rest_.size() && IsAtomOctet(rest_[size])) ++size;
  std::string atom(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return atom;
}

// Behind the opening quote.
std::string ListParser::TakeQuotedString() {
  std::string content;
  for (; !rest_.empty(); rest_.remove_prefix(1)) {
    char c = rest_.front();
    if (c == '"') {
      rest_.remove_prefix(1);
      return content;
    }
    if (c == '\r' || c == '\n') continue;
    if (c == '\\' && rest_.size() > 1) {
      rest_.remove_prefix(1);
      c = rest_.front();
    }
    content.push_back(c);
  }
  MarkBroken();
  return content;
}

std::string ListParser::TakeDomain() {
  if (At('[')) return TakeDomainLiteral();
  std::string domain;
  bool after_dot = true;
  while (true) {
    SkipSpaceAndComments();
    if (At('.')) {
      rest_.remove_prefix(1);
      if (after_dot) MarkBroken();
      domain.push_back('.');
      after_dot = true;
    } else if (after_dot) {
      const std::string label = TakeAtom();
      if (label.empty()) {
        MarkBroken();
        return domain;
      }
      domain += label;
      after_dot = false;
    } else {
      return domain;
    }
  }
}

std::string ListParser::TakeDomainLiteral() {
  std::string literal;
  for (; !rest_.empty(); rest_.remove_prefix(1)) {
    const char c = rest_.front();
    if (!IsSpace(c)) literal.push_back(c);
    if (c != ']') continue;
    rest_.remove_prefix(1);
    return literal;
  }
  MarkBroken();
  return literal;
}

// `@one,@two:`, RFC 5322 s4.4. Without its colon it is no route, and what was read is lost.
std::string ListParser::TakeRoute() {
  std::string route;
  while (!rest_.empty() && !At(':') && !At('>')) {
    if (SkipSpaceAndComments()) continue;
    if (Accept(',')) {
      if (!route.empty()) route.push_back(',');
    } else if (Accept('@')) {
      route.push_back('@');
      SkipSpaceAndComments();
      route += TakeDomain();
    } else {
      break;
    }
  }
  if (!Accept(':')) MarkBroken();
  return route;
}

void ListParser::SkipTo(absl::string_view stops) {
  rest_.remove_prefix(std::min(rest_.find_first_of(stops), rest_.size()));
}

}  // namespace

AddressList ParseAddressList(absl::string_view value) { return ListParser(value).Parse(); }

absl::StatusOr<Mailbox> ToMailbox(const ListEntry& entry) {
  absl::StatusOr<LocalPart> local_part = LocalPart::FromUnquoted(entry.mailbox);
  if (!local_part.ok()) return local_part.status();
  absl::StatusOr<Domain> domain = Domain::Parse(entry.host);
  if (!domain.ok()) return domain.status();
  return Mailbox::Make(*std::move(local_part), *std::move(domain));
}

}  // namespace packetboat::address
