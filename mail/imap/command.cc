#include "mail/imap/command.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace packetboat::imap {
namespace {

// One function for each command: its name, without UID.
struct NameOf {
  absl::string_view operator()(const Capability&) const { return "CAPABILITY"; }
  absl::string_view operator()(const Noop&) const { return "NOOP"; }
  absl::string_view operator()(const Logout&) const { return "LOGOUT"; }
  absl::string_view operator()(const Id&) const { return "ID"; }
  absl::string_view operator()(const StartTls&) const { return "STARTTLS"; }
  absl::string_view operator()(const Authenticate&) const { return "AUTHENTICATE"; }
  absl::string_view operator()(const Login&) const { return "LOGIN"; }
  absl::string_view operator()(const Enable&) const { return "ENABLE"; }
  absl::string_view operator()(const Select& c) const { return c.read_only ? "EXAMINE" : "SELECT"; }
  absl::string_view operator()(const Create&) const { return "CREATE"; }
  absl::string_view operator()(const Delete&) const { return "DELETE"; }
  absl::string_view operator()(const Rename&) const { return "RENAME"; }
  absl::string_view operator()(const Subscribe&) const { return "SUBSCRIBE"; }
  absl::string_view operator()(const Unsubscribe&) const { return "UNSUBSCRIBE"; }
  absl::string_view operator()(const List&) const { return "LIST"; }
  absl::string_view operator()(const Lsub&) const { return "LSUB"; }
  absl::string_view operator()(const Namespace&) const { return "NAMESPACE"; }
  absl::string_view operator()(const Status&) const { return "STATUS"; }
  absl::string_view operator()(const Append&) const { return "APPEND"; }
  absl::string_view operator()(const Idle&) const { return "IDLE"; }
  absl::string_view operator()(const Check&) const { return "CHECK"; }
  absl::string_view operator()(const Close&) const { return "CLOSE"; }
  absl::string_view operator()(const Unselect&) const { return "UNSELECT"; }
  absl::string_view operator()(const Expunge& c) const {
    return c.uids.has_value() ? "UID EXPUNGE" : "EXPUNGE";
  }
  absl::string_view operator()(const Search& c) const { return c.uid ? "UID SEARCH" : "SEARCH"; }
  absl::string_view operator()(const Sort& c) const { return c.uid ? "UID SORT" : "SORT"; }
  absl::string_view operator()(const Thread& c) const { return c.uid ? "UID THREAD" : "THREAD"; }
  absl::string_view operator()(const Fetch& c) const { return c.uid ? "UID FETCH" : "FETCH"; }
  absl::string_view operator()(const Store& c) const { return c.uid ? "UID STORE" : "STORE"; }
  absl::string_view operator()(const Copy& c) const { return c.uid ? "UID COPY" : "COPY"; }
  absl::string_view operator()(const Move& c) const { return c.uid ? "UID MOVE" : "MOVE"; }
};

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
}

std::string QuotedList(const std::vector<std::string>& texts) {
  return absl::StrJoin(texts, " ", [](std::string* out, const std::string& text) {
    absl::StrAppend(out, Quoted(text));
  });
}

std::string FlagsText(const FlagSet& flags) {
  std::vector<absl::string_view> names;
  for (int bit = 1; bit <= static_cast<int>(SystemFlag::kDraft); bit <<= 1) {
    const auto flag = static_cast<SystemFlag>(bit);
    if (flags.Has(flag)) names.push_back(SystemFlagName(flag));
  }
  names.insert(names.end(), flags.keywords.begin(), flags.keywords.end());
  return absl::StrCat("(", absl::StrJoin(names, " "), ")");
}

std::string StatusItemsText(const std::vector<StatusItem>& items) {
  return absl::StrCat("(",
                      absl::StrJoin(items, " ",
                                    [](std::string* out, StatusItem item) {
                                      absl::StrAppend(out, StatusItemName(item));
                                    }),
                      ")");
}

std::string SectionText(const Section& section) {
  std::string out = absl::StrJoin(section.part, ".");
  if (!section.part.empty() && section.kind != Section::Kind::kWhole) out.push_back('.');
  absl::StrAppend(&out, SectionName(section.kind));
  if (!section.fields.empty()) absl::StrAppend(&out, " (", QuotedList(section.fields), ")");
  return out;
}

std::string FetchItemText(const FetchItem& item) {
  std::string out = absl::StrCat(FetchItemName(item.kind), item.peek ? ".PEEK" : "");
  if (item.HasSection()) absl::StrAppend(&out, "[", SectionText(item.section), "]");
  if (item.partial.has_value()) {
    absl::StrAppend(&out, "<", item.partial->offset, ".", item.partial->length, ">");
  }
  return out;
}

std::string KeyText(const SearchKey& key);

std::string NestedKeys(absl::string_view name, const SearchKey& key) {
  return absl::StrCat(name, "(",
                      absl::StrJoin(key.children, " ",
                                    [](std::string* out, const SearchKey& child) {
                                      absl::StrAppend(out, KeyText(child));
                                    }),
                      ")");
}

std::string KeyText(const SearchKey& key) {
  const auto text = [&](absl::string_view name) {
    return absl::StrCat(name, " ", Quoted(key.text));
  };
  const auto date = [&](absl::string_view name) {
    return absl::StrCat(name, " ", absl::FormatCivilTime(key.date));
  };
  const auto number = [&](absl::string_view name) { return absl::StrCat(name, " ", key.number); };
  using Kind = SearchKey::Kind;
  switch (key.kind) {
    case Kind::kAll:
      return "ALL";
    case Kind::kAnd:
      return NestedKeys("AND", key);
    case Kind::kOr:
      return NestedKeys("OR", key);
    case Kind::kNot:
      return NestedKeys("NOT", key);
    case Kind::kSequence:
      return key.set.ToString();
    case Kind::kUid:
      return absl::StrCat("UID ", key.set.ToString());
    case Kind::kSystemFlag:
      return std::string(SystemFlagName(key.flag));
    case Kind::kKeyword:
      return text("KEYWORD");
    case Kind::kRecent:
      return "RECENT";
    case Kind::kHeader:
      return absl::StrCat("HEADER ", Quoted(key.header), " ", Quoted(key.text));
    case Kind::kBcc:
      return text("BCC");
    case Kind::kCc:
      return text("CC");
    case Kind::kFrom:
      return text("FROM");
    case Kind::kSubject:
      return text("SUBJECT");
    case Kind::kTo:
      return text("TO");
    case Kind::kBody:
      return text("BODY");
    case Kind::kText:
      return text("TEXT");
    case Kind::kBefore:
      return date("BEFORE");
    case Kind::kOn:
      return date("ON");
    case Kind::kSince:
      return date("SINCE");
    case Kind::kSentBefore:
      return date("SENTBEFORE");
    case Kind::kSentOn:
      return date("SENTON");
    case Kind::kSentSince:
      return date("SENTSINCE");
    case Kind::kLarger:
      return number("LARGER");
    case Kind::kSmaller:
      return number("SMALLER");
    case Kind::kOlder:
      return number("OLDER");
    case Kind::kYounger:
      return number("YOUNGER");
    case Kind::kModSeq:
      return number("MODSEQ");
    case Kind::kEmailId:
      return text("EMAILID");
    case Kind::kThreadId:
      return text("THREADID");
  }
  return "";
}

std::string CharsetText(absl::string_view charset) {
  return charset.empty() ? "" : absl::StrCat(" CHARSET ", Quoted(charset));
}

absl::string_view CriterionName(SortCriterion::Kind kind) {
  switch (kind) {
    case SortCriterion::Kind::kArrival:
      return "ARRIVAL";
    case SortCriterion::Kind::kCc:
      return "CC";
    case SortCriterion::Kind::kDate:
      return "DATE";
    case SortCriterion::Kind::kFrom:
      return "FROM";
    case SortCriterion::Kind::kSize:
      return "SIZE";
    case SortCriterion::Kind::kSubject:
      return "SUBJECT";
    case SortCriterion::Kind::kTo:
      return "TO";
    case SortCriterion::Kind::kDisplayFrom:
      return "DISPLAYFROM";
    case SortCriterion::Kind::kDisplayTo:
      return "DISPLAYTO";
  }
  return "";
}

std::string ReturnText(const std::optional<SearchReturn>& result) {
  if (!result.has_value()) return "";
  std::string out = absl::StrCat(" RETURN (", result->min ? "MIN " : "", result->max ? "MAX " : "",
                                 result->all ? "ALL " : "", result->count ? "COUNT " : "");
  out.back() = ')';
  return out;
}

// One function for each command: its arguments, each with a space in front.
struct ArgumentsOf {
  template <typename WithoutArguments>
  std::string operator()(const WithoutArguments&) const {
    return "";
  }

  std::string operator()(const Id& c) const {
    std::string out;
    for (const auto& [name, value] : c.params) {
      absl::StrAppend(&out, " ", Quoted(name), "=", value.has_value() ? Quoted(*value) : "NIL");
    }
    return out;
  }

  std::string operator()(const Authenticate& c) const {
    return absl::StrCat(" ", c.mechanism, c.initial_response.has_value() ? " <response>" : "");
  }

  std::string operator()(const Login& c) const {
    return absl::StrCat(" ", Quoted(c.user), " <password>");
  }

  std::string operator()(const Enable& c) const {
    return absl::StrCat(" ", absl::StrJoin(c.capabilities, " "));
  }

  std::string operator()(const Select& c) const {
    std::string out = absl::StrCat(" ", Quoted(c.mailbox), c.condstore ? " CONDSTORE" : "");
    if (!c.qresync.has_value()) return out;
    absl::StrAppend(&out, " QRESYNC ", c.qresync->uid_validity.value(), " ",
                    c.qresync->mod_seq.value());
    if (c.qresync->known_uids.has_value()) {
      absl::StrAppend(&out, " KNOWN ", c.qresync->known_uids->ToString());
    }
    if (c.qresync->sequence_match.has_value()) {
      absl::StrAppend(&out, " MATCH ", c.qresync->sequence_match->first.ToString(), "=",
                      c.qresync->sequence_match->second.ToString());
    }
    return out;
  }

  std::string operator()(const Create& c) const {
    std::string out = absl::StrCat(" ", Quoted(c.mailbox));
    for (const SpecialUse use : c.special_use) absl::StrAppend(&out, " ", SpecialUseName(use));
    if (c.unknown_use) absl::StrAppend(&out, " UNKNOWN-USE");
    return out;
  }

  std::string operator()(const Delete& c) const { return absl::StrCat(" ", Quoted(c.mailbox)); }
  std::string operator()(const Subscribe& c) const { return absl::StrCat(" ", Quoted(c.mailbox)); }
  std::string operator()(const Unsubscribe& c) const {
    return absl::StrCat(" ", Quoted(c.mailbox));
  }
  std::string operator()(const Rename& c) const {
    return absl::StrCat(" ", Quoted(c.from), " ", Quoted(c.to));
  }

  std::string operator()(const List& c) const {
    return absl::StrCat(c.extended ? " EXTENDED" : "", c.select_subscribed ? " SUBSCRIBED" : "",
                        c.select_remote ? " REMOTE" : "",
                        c.select_recursive_match ? " RECURSIVEMATCH" : "",
                        c.select_special_use ? " SPECIAL-USE" : "", " ", Quoted(c.reference), " ",
                        QuotedList(c.patterns)) +
           absl::StrCat(c.return_subscribed ? " RETURN SUBSCRIBED" : "",
                        c.return_children ? " RETURN CHILDREN" : "",
                        c.return_special_use ? " RETURN SPECIAL-USE" : "",
                        c.return_status.empty() ? "" : " RETURN STATUS ",
                        c.return_status.empty() ? "" : StatusItemsText(c.return_status));
  }

  std::string operator()(const Lsub& c) const {
    return absl::StrCat(" ", Quoted(c.reference), " ", Quoted(c.pattern));
  }

  std::string operator()(const Status& c) const {
    return absl::StrCat(" ", Quoted(c.mailbox), " ", StatusItemsText(c.items));
  }

  std::string operator()(const Append& c) const {
    return absl::StrCat(
        " ", Quoted(c.mailbox), " ", FlagsText(c.flags), " ",
        c.internal_date.has_value()
            ? absl::FormatTime(absl::RFC3339_sec, *c.internal_date, absl::UTCTimeZone())
            : "now",
        c.binary ? " ~{" : " {", c.message_octets, "}");
  }

  std::string operator()(const Expunge& c) const {
    return c.uids.has_value() ? absl::StrCat(" ", c.uids->ToString()) : "";
  }

  std::string operator()(const Search& c) const {
    return absl::StrCat(ReturnText(c.result), CharsetText(c.charset), " ", KeyText(c.key));
  }

  std::string operator()(const Sort& c) const {
    const std::string criteria =
        absl::StrJoin(c.criteria, " ", [](std::string* out, const SortCriterion& criterion) {
          absl::StrAppend(out, criterion.reverse ? "REVERSE " : "", CriterionName(criterion.kind));
        });
    return absl::StrCat(ReturnText(c.result), " (", criteria, ")", CharsetText(c.charset), " ",
                        KeyText(c.key));
  }

  std::string operator()(const Thread& c) const {
    return absl::StrCat(" ", c.algorithm, CharsetText(c.charset), " ", KeyText(c.key));
  }

  std::string operator()(const Fetch& c) const {
    const std::string items = absl::StrJoin(
        c.items, " ",
        [](std::string* out, const FetchItem& item) { absl::StrAppend(out, FetchItemText(item)); });
    std::string out = absl::StrCat(" ", c.set.ToString(), " (", items, ")");
    if (c.changed_since.has_value()) {
      absl::StrAppend(&out, " CHANGEDSINCE ", c.changed_since->value());
    }
    return absl::StrCat(out, c.vanished ? " VANISHED" : "");
  }

  std::string operator()(const Store& c) const {
    std::string out = absl::StrCat(" ", c.set.ToString());
    if (c.unchanged_since.has_value()) {
      absl::StrAppend(&out, " UNCHANGEDSINCE ", c.unchanged_since->value());
    }
    const absl::string_view sign = c.mode == Store::Mode::kAdd      ? "+"
                                   : c.mode == Store::Mode::kRemove ? "-"
                                                                    : "";
    return absl::StrCat(out, " ", sign, "FLAGS", c.silent ? ".SILENT " : " ", FlagsText(c.flags));
  }

  std::string operator()(const Copy& c) const {
    return absl::StrCat(" ", c.set.ToString(), " ", Quoted(c.mailbox));
  }
  std::string operator()(const Move& c) const {
    return absl::StrCat(" ", c.set.ToString(), " ", Quoted(c.mailbox));
  }
};

}  // namespace

absl::string_view SpecialUseName(SpecialUse use) {
  switch (use) {
    case SpecialUse::kAll:
      return "\\All";
    case SpecialUse::kArchive:
      return "\\Archive";
    case SpecialUse::kDrafts:
      return "\\Drafts";
    case SpecialUse::kFlagged:
      return "\\Flagged";
    case SpecialUse::kJunk:
      return "\\Junk";
    case SpecialUse::kSent:
      return "\\Sent";
    case SpecialUse::kTrash:
      return "\\Trash";
  }
  return "";
}

absl::string_view StatusItemName(StatusItem item) {
  switch (item) {
    case StatusItem::kMessages:
      return "MESSAGES";
    case StatusItem::kRecent:
      return "RECENT";
    case StatusItem::kUidNext:
      return "UIDNEXT";
    case StatusItem::kUidValidity:
      return "UIDVALIDITY";
    case StatusItem::kUnseen:
      return "UNSEEN";
    case StatusItem::kHighestModSeq:
      return "HIGHESTMODSEQ";
    case StatusItem::kSize:
      return "SIZE";
    case StatusItem::kMailboxId:
      return "MAILBOXID";
    case StatusItem::kAppendLimit:
      return "APPENDLIMIT";
  }
  return "";
}

absl::string_view SectionName(Section::Kind kind) {
  switch (kind) {
    case Section::Kind::kWhole:
      return "";
    case Section::Kind::kHeader:
      return "HEADER";
    case Section::Kind::kHeaderFields:
      return "HEADER.FIELDS";
    case Section::Kind::kHeaderFieldsNot:
      return "HEADER.FIELDS.NOT";
    case Section::Kind::kText:
      return "TEXT";
    case Section::Kind::kMime:
      return "MIME";
  }
  return "";
}

absl::string_view FetchItemName(FetchItem::Kind kind) {
  switch (kind) {
    case FetchItem::Kind::kBody:
    case FetchItem::Kind::kBodySection:
      return "BODY";
    case FetchItem::Kind::kBodyStructure:
      return "BODYSTRUCTURE";
    case FetchItem::Kind::kEnvelope:
      return "ENVELOPE";
    case FetchItem::Kind::kFlags:
      return "FLAGS";
    case FetchItem::Kind::kInternalDate:
      return "INTERNALDATE";
    case FetchItem::Kind::kRfc822:
      return "RFC822";
    case FetchItem::Kind::kRfc822Header:
      return "RFC822.HEADER";
    case FetchItem::Kind::kRfc822Size:
      return "RFC822.SIZE";
    case FetchItem::Kind::kRfc822Text:
      return "RFC822.TEXT";
    case FetchItem::Kind::kUid:
      return "UID";
    case FetchItem::Kind::kModSeq:
      return "MODSEQ";
    case FetchItem::Kind::kBinary:
      return "BINARY";
    case FetchItem::Kind::kBinarySize:
      return "BINARY.SIZE";
    case FetchItem::Kind::kEmailId:
      return "EMAILID";
    case FetchItem::Kind::kThreadId:
      return "THREADID";
  }
  return "";
}

bool FetchItem::HasSection() const {
  return kind == Kind::kBodySection || kind == Kind::kBinary || kind == Kind::kBinarySize;
}

bool FetchItem::SetsSeen() const {
  switch (kind) {
    case Kind::kRfc822:
    case Kind::kRfc822Text:
      return true;
    case Kind::kBodySection:
    case Kind::kBinary:
      return !peek;
    default:
      return false;
  }
}

absl::string_view CommandName(const CommandArguments& arguments) {
  return std::visit(NameOf(), arguments);
}

std::string DebugString(const Command& command) {
  return absl::StrCat(command.tag, " ", CommandName(command.arguments),
                      std::visit(ArgumentsOf(), command.arguments));
}

}  // namespace packetboat::imap
