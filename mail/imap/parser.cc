#include "mail/imap/parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "mail/imap/char_class.h"
#include "mail/imap/grammar.h"
#include "mail/imap/token_reader.h"

namespace packetboat::imap {
namespace {

// base64 as RFC 3501 s9 has it: padded, nothing else in it.
bool DecodeBase64(absl::string_view text, std::string* out) {
  const absl::string_view digits =
      absl::EndsWith(text, "==") ? text.substr(0, text.size() - 2) : absl::StripSuffix(text, "=");
  const bool valid = text.size() % 4 == 0 && std::all_of(digits.begin(), digits.end(), [](char c) {
                       return absl::ascii_isalnum(c) || c == '+' || c == '/';
                     });
  return valid && absl::Base64Unescape(text, out);
}

// Without arguments.
template <typename T>
bool ParseNothing(TokenReader&, CommandArguments* out) {
  *out = T();
  return true;
}

// With arguments that a function of grammar.h reads.
template <typename T, bool (*kParse)(TokenReader&, T*)>
bool ParseWith(TokenReader& in, CommandArguments* out) {
  return kParse(in, &out->emplace<T>());
}

// The same with UID in front.
template <typename T, bool (*kParse)(TokenReader&, T*)>
bool ParseUid(TokenReader& in, CommandArguments* out) {
  T& arguments = out->emplace<T>();
  arguments.uid = true;
  return kParse(in, &arguments);
}

template <bool kReadOnly>
bool ParseSelection(TokenReader& in, CommandArguments* out) {
  return ParseSelect(in, kReadOnly, &out->emplace<Select>());
}

// With a mailbox name for all arguments.
template <typename T>
bool ParseMailbox(TokenReader& in, T* out) {
  return TakeSpace(in) && TakeMailbox(in, &out->mailbox);
}

// COPY, MOVE.
template <typename T>
bool ParseSetAndMailbox(TokenReader& in, T* out) {
  return TakeSpace(in) && TakeSequenceSet(in, &out->set) && TakeSpace(in) &&
         TakeMailbox(in, &out->mailbox);
}

bool ParseUidExpunge(TokenReader& in, CommandArguments* out) {
  return TakeSpace(in) && TakeSequenceSet(in, &out->emplace<Expunge>().uids.emplace());
}

bool ParseIdPairs(TokenReader& in, Id* out) {
  do {
    if (out->params.size() == in.limits().max_id_pairs) return in.Fail("Too many ID fields");
    auto& [name, value] = out->params.emplace_back();
    if (!in.TakeString(&name) || !TakeSpace(in) || !in.TakeNstring(&value)) return false;
  } while (in.TakeListSpace());
  return in.TakeClose() || in.Fail("Invalid ID fields");
}

bool ParseId(TokenReader& in, Id* out) {
  if (!TakeSpace(in)) return false;
  if (in.TakeWord("NIL")) return true;
  if (!in.TakeOpen()) return in.Fail("ID fields expected");
  return in.TakeClose() || ParseIdPairs(in, out);
}

bool ParseAuthenticate(TokenReader& in, Authenticate* out) {
  if (!TakeSpace(in)) return false;
  out->mechanism = in.TakeUpperAtom();
  if (out->mechanism.empty()) return in.Fail("Mechanism expected");
  if (!in.TakeSpaces() || in.AtEnd()) return true;
  const absl::string_view response =
      in.TakeRun([](char c) { return absl::ascii_isalnum(c) || c == '+' || c == '/' || c == '='; });
  if (response == "=") {
    out->initial_response.emplace();
    return true;
  }
  return (!response.empty() && DecodeBase64(response, &out->initial_response.emplace())) ||
         in.Fail("Invalid base64 in initial response");
}

bool ParseLogin(TokenReader& in, Login* out) {
  return TakeSpace(in) && in.TakeAstring(&out->user) && TakeSpace(in) &&
         in.TakeAstring(&out->password);
}

bool ParseEnable(TokenReader& in, Enable* out) {
  if (!TakeSpace(in)) return false;
  do {
    const std::string name = in.TakeUpperAtom();
    if (name.empty()) return in.Fail("Capability expected");
    out->capabilities.push_back(name);
  } while (in.TakeSpaces() && !in.AtEnd());
  return true;
}

struct CommandSyntax {
  // In upper case.
  absl::string_view name;
  bool (*parse)(TokenReader& in, CommandArguments* out);
  // With UID in front; null if the command has no such form.
  bool (*parse_uid)(TokenReader& in, CommandArguments* out) = nullptr;
};

constexpr CommandSyntax kCommands[] = {
    {"APPEND", ParseWith<Append, ParseAppendArguments>},
    {"AUTHENTICATE", ParseWith<Authenticate, ParseAuthenticate>},
    {"CAPABILITY", ParseNothing<Capability>},
    {"CHECK", ParseNothing<Check>},
    {"CLOSE", ParseNothing<Close>},
    {"COPY", ParseWith<Copy, ParseSetAndMailbox>, ParseUid<Copy, ParseSetAndMailbox>},
    {"CREATE", ParseWith<Create, ParseCreate>},
    {"DELETE", ParseWith<Delete, ParseMailbox>},
    {"ENABLE", ParseWith<Enable, ParseEnable>},
    {"EXAMINE", ParseSelection<true>},
    {"EXPUNGE", ParseNothing<Expunge>, ParseUidExpunge},
    {"FETCH", ParseWith<Fetch, ParseFetch>, ParseUid<Fetch, ParseFetch>},
    {"ID", ParseWith<Id, ParseId>},
    {"IDLE", ParseNothing<Idle>},
    {"LIST", ParseWith<List, ParseList>},
    {"LOGIN", ParseWith<Login, ParseLogin>},
    {"LOGOUT", ParseNothing<Logout>},
    {"LSUB", ParseWith<Lsub, ParseLsub>},
    {"MOVE", ParseWith<Move, ParseSetAndMailbox>, ParseUid<Move, ParseSetAndMailbox>},
    {"NAMESPACE", ParseNothing<Namespace>},
    {"NOOP", ParseNothing<Noop>},
    {"RENAME", ParseWith<Rename, ParseRename>},
    {"SEARCH", ParseWith<Search, ParseSearch>, ParseUid<Search, ParseSearch>},
    {"SELECT", ParseSelection<false>},
    {"SORT", ParseWith<Sort, ParseSort>, ParseUid<Sort, ParseSort>},
    {"STARTTLS", ParseNothing<StartTls>},
    {"STATUS", ParseWith<Status, ParseStatus>},
    {"STORE", ParseWith<Store, ParseStore>, ParseUid<Store, ParseStore>},
    {"SUBSCRIBE", ParseWith<Subscribe, ParseMailbox>},
    {"THREAD", ParseWith<Thread, ParseThread>, ParseUid<Thread, ParseThread>},
    {"UNSELECT", ParseNothing<Unselect>},
    {"UNSUBSCRIBE", ParseWith<Unsubscribe, ParseMailbox>},
};

const CommandSyntax* FindCommand(absl::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kCommands), std::end(kCommands),
                   [name](const CommandSyntax& command) { return command.name == name; });
  return found == std::end(kCommands) ? nullptr : found;
}

bool TakeTag(TokenReader& in, std::string* out) {
  const absl::string_view tag = in.TakeRun(IsTagChar);
  const char behind = in.Peek();
  if (tag.empty() || tag.size() > in.limits().max_tag_octets || (behind != ' ' && !in.AtEnd())) {
    return in.Fail("Invalid tag");
  }
  *out = std::string(tag);
  return in.TakeChar(' ') || in.Fail("Command missing");
}

// The command and its arguments; `*name` as soon as it is known to be a command's.
bool TakeCommand(TokenReader& in, std::string* name, CommandArguments* out) {
  std::string word = in.TakeUpperAtom();
  const bool uid = word == "UID";
  if (uid) word = in.TakeSpaces() ? in.TakeUpperAtom() : "";
  const CommandSyntax* const command = FindCommand(word);
  const auto parse = command == nullptr ? nullptr : uid ? command->parse_uid : command->parse;
  if (parse == nullptr) return in.Fail("Unknown command");
  *name = absl::StrCat(uid ? "UID " : "", command->name);
  if (!parse(in, out)) return false;
  in.TakeSpaces();
  return in.AtEnd() || in.Fail("Unexpected text behind the arguments");
}

}  // namespace

std::variant<Command, SyntaxError> ParseCommand(const std::vector<Fragment>& fragments,
                                                const SyntaxLimits& limits) {
  TokenReader in(fragments, limits);
  Command command;
  command.tag = "*";
  std::string name;
  if (TakeTag(in, &command.tag) && TakeCommand(in, &name, &command.arguments)) return command;
  return SyntaxError{std::move(command.tag),
                     name.empty() ? std::string(in.failure())
                                  : absl::StrCat("Error in ", name, ": ", in.failure())};
}

SaslResponse ParseSaslResponse(absl::string_view line) {
  SaslResponse response;
  if (line == "*") {
    response.kind = SaslResponse::Kind::kCancelled;
  } else if (DecodeBase64(line, &response.octets)) {
    response.kind = SaslResponse::Kind::kResponse;
  }
  return response;
}

bool IsIdleDone(absl::string_view line) {
  return absl::EqualsIgnoreCase(absl::StripTrailingAsciiWhitespace(line), "DONE");
}

}  // namespace packetboat::imap
