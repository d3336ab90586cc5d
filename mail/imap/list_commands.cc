#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/list_pattern.h"
#include "mail/imap/mailbox_name.h"
#include "mail/imap/status_response.h"

// LIST and LSUB (RFC 3501 s6.3.8, s6.3.9), LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819).

namespace packetboat::imap {
namespace {

// A name as LIST shows it.
struct Level {
  MailboxEntry entry;
  bool has_children = false;
  // Some name below it is what the command selects.
  bool selected_below = false;
  // Nothing but a level above other names.
  bool implied = false;
};

// Every name and every level above one, in the order of names.
using Hierarchy = std::map<std::string, Level>;

Hierarchy MakeHierarchy(std::vector<MailboxEntry> entries,
                        absl::FunctionRef<bool(const MailboxEntry&)> selects) {
  Hierarchy levels;
  for (MailboxEntry& entry : entries) {
    const std::string name = entry.name;
    levels[name].entry = std::move(entry);
  }
  const std::vector<std::pair<std::string, Level>> named(levels.begin(), levels.end());
  for (const auto& [name, level] : named) {
    for (size_t end = name.rfind(kHierarchyDelimiter); end != std::string::npos && end > 0;
         end = name.rfind(kHierarchyDelimiter, end - 1)) {
      const std::string above = name.substr(0, end);
      const auto [at, implied] = levels.try_emplace(above);
      if (implied) {
        at->second.implied = true;
        at->second.entry.name = above;
        at->second.entry.exists = false;
      }
      at->second.has_children |= level.entry.exists;
      at->second.selected_below |= selects(level.entry);
    }
  }
  return levels;
}

bool MatchesAny(const std::vector<ListPattern>& patterns, absl::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [name](const ListPattern& pattern) { return pattern.Matches(name); });
}

// Whether a name meets every selection option (RFC 5258 s3.1, RFC 6154 s3). There are no remote
// mailboxes for REMOTE to add.
bool Selects(const List& command, const MailboxEntry& entry) {
  if (command.select_subscribed && !entry.subscribed) return false;
  return !command.select_special_use || entry.special_use.has_value();
}

bool IsSelected(const List& command, const Level& level) {
  if (!Selects(command, level.entry)) return false;
  if (command.select_subscribed) return true;
  return level.entry.exists || (level.implied && level.has_children);
}

std::string Attributes(const List& command, const Level& level) {
  std::vector<absl::string_view> names;
  const MailboxEntry& entry = level.entry;
  if (!entry.exists) {
    names.push_back(command.extended ? "\\NonExistent" : "\\Noselect");
  } else if (!entry.selectable) {
    names.push_back("\\Noselect");
  }
  if (entry.no_inferiors) {
    names.push_back("\\Noinferiors");
  } else {
    names.push_back(level.has_children ? "\\HasChildren" : "\\HasNoChildren");
  }
  if (entry.subscribed && (command.return_subscribed || command.select_subscribed)) {
    names.push_back("\\Subscribed");
  }
  if (entry.special_use.has_value()) names.push_back(SpecialUseName(*entry.special_use));
  return absl::StrJoin(names, " ");
}

// RFC 5258 s3.5: what RECURSIVEMATCH has found below.
std::string ChildInfo(const List& command) {
  std::vector<absl::string_view> options;
  if (command.select_subscribed) options.push_back("\"SUBSCRIBED\"");
  if (command.select_special_use) options.push_back("\"SPECIAL-USE\"");
  return absl::StrCat(" (\"CHILDINFO\" (", absl::StrJoin(options, " "), "))");
}

std::string ListResponse(absl::string_view attributes, absl::string_view name) {
  return absl::StrCat("LIST (", attributes, ") \"/\" ", WireMailboxName(name));
}

std::vector<ListPattern> MakePatterns(const List& command) {
  std::vector<ListPattern> patterns;
  for (const std::string& pattern : command.patterns) {
    patterns.emplace_back(command.reference, pattern, kHierarchyDelimiter);
  }
  return patterns;
}

// RFC 5819: behind its LIST response; a mailbox that is gone by now has none.
Task<> SendStatus(Context& context, const Level& level, const std::vector<StatusItem>& items) {
  if (!level.entry.exists || !level.entry.selectable) co_return;
  const std::string& name = level.entry.name;
  const auto status = co_await context.Ask<MailboxStatus>(
      [&](Callback<MailboxStatus> done) { context.account->Status(name, std::move(done)); });
  if (!status.ok()) co_return;
  context.SendUntagged(
      StatusResponse(name, items, *status, context.options.syntax.max_message_octets));
}

Task<> SendLevel(Context& context, const List& command, const Level& level) {
  const bool selected = IsSelected(command, level);
  const bool child_info = command.select_recursive_match && level.selected_below;
  if (!selected && !child_info) co_return;
  std::string line = ListResponse(Attributes(command, level), level.entry.name);
  if (child_info) line += ChildInfo(command);
  context.SendUntagged(line);
  if (!command.return_status.empty()) co_await SendStatus(context, level, command.return_status);
  if (!context.HasRoom()) co_await context.WaitForRoom();
}

}  // namespace

Task<Reply> Execute(Context& context, const List& command) {
  if (!command.extended && command.patterns.front().empty()) {
    context.SendUntagged("LIST (\\Noselect) \"/\" \"\"");
    co_return Ok("List completed");
  }
  auto entries = co_await context.Ask<std::vector<MailboxEntry>>(
      [&](Callback<std::vector<MailboxEntry>> done) { context.account->List(std::move(done)); });
  if (!entries.ok()) co_return NoBecause(entries.status());
  if (AsksForModSeq(command.return_status)) EnableCondstore(context);
  const auto selects = [&](const MailboxEntry& entry) { return Selects(command, entry); };
  const Hierarchy levels = MakeHierarchy(*std::move(entries), selects);
  const std::vector<ListPattern> patterns = MakePatterns(command);
  for (const auto& [name, level] : levels) {
    if (MatchesAny(patterns, name)) co_await SendLevel(context, command, level);
  }
  co_return Ok("List completed");
}

// A level that is not subscribed itself, but above a name that is, is told if the pattern ends
// there (RFC 3501 s6.3.9).
Task<Reply> Execute(Context& context, const Lsub& command) {
  auto entries = co_await context.Ask<std::vector<MailboxEntry>>(
      [&](Callback<std::vector<MailboxEntry>> done) { context.account->List(std::move(done)); });
  if (!entries.ok()) co_return NoBecause(entries.status());
  const auto selects = [](const MailboxEntry& entry) { return entry.subscribed; };
  const Hierarchy levels = MakeHierarchy(*std::move(entries), selects);
  const ListPattern pattern(command.reference, command.pattern, kHierarchyDelimiter);
  const bool may_end_at_level = absl::StrContains(command.pattern, '%');
  for (const auto& [name, level] : levels) {
    if (!pattern.Matches(name)) continue;
    if (!level.entry.subscribed && !(may_end_at_level && level.selected_below)) continue;
    const absl::string_view attributes = level.entry.subscribed ? "" : "\\Noselect";
    context.SendUntagged(absl::StrCat("LSUB (", attributes, ") \"/\" ", WireMailboxName(name)));
    if (!context.HasRoom()) co_await context.WaitForRoom();
  }
  co_return Ok("Lsub completed");
}

}  // namespace packetboat::imap
