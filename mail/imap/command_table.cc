#include "mail/imap/command_table.h"

#include <algorithm>

namespace packetboat::imap {
namespace {

constexpr auto kLogin = static_cast<uint8_t>(SessionState::kNotAuthenticated);
constexpr auto kSelected = static_cast<uint8_t>(SessionState::kSelected);
constexpr uint8_t kUser = static_cast<uint8_t>(SessionState::kAuthenticated) | kSelected;
constexpr uint8_t kAny = kLogin | kUser;

using Spec = CommandSpec;

constexpr CommandSpec kTable[] = {
    // RFC 3501 s6.1
    {"CAPABILITY", kAny, Spec::kNone},
    {"NOOP", kAny, Spec::kFresh},
    {"LOGOUT", kAny, Spec::kNoUpdates},
    {"ID", kAny, Spec::kNone},
    // s6.2
    {"STARTTLS", kLogin, Spec::kEndsPipeline | Spec::kBeforeTls},
    {"AUTHENTICATE", kLogin, Spec::kSecret},
    {"LOGIN", kLogin, Spec::kSecret},
    // s6.3
    {"ENABLE", kUser, Spec::kNone},
    {"SELECT", kUser, Spec::kNoUpdates},
    {"EXAMINE", kUser, Spec::kNoUpdates},
    {"CREATE", kUser, Spec::kNone},
    {"DELETE", kUser, Spec::kNone},
    {"RENAME", kUser, Spec::kNone},
    {"SUBSCRIBE", kUser, Spec::kNone},
    {"UNSUBSCRIBE", kUser, Spec::kNone},
    {"LIST", kUser, Spec::kNone},
    {"LSUB", kUser, Spec::kNone},
    {"NAMESPACE", kUser, Spec::kNone},
    {"STATUS", kUser, Spec::kNone},
    {"APPEND", kUser, Spec::kNone},
    {"IDLE", kUser, Spec::kNoUpdates},
    // s6.4
    {"CHECK", kSelected, Spec::kFresh},
    {"CLOSE", kSelected, Spec::kNoUpdates},
    {"UNSELECT", kSelected, Spec::kNoUpdates},
    {"EXPUNGE", kSelected, Spec::kWrites | Spec::kTellsModSeq},
    {"UID EXPUNGE", kSelected, Spec::kWrites | Spec::kUid | Spec::kTellsModSeq},
    {"SEARCH", kSelected, Spec::kKeepsNumbers},
    {"UID SEARCH", kSelected, Spec::kUid},
    {"SORT", kSelected, Spec::kKeepsNumbers},
    {"UID SORT", kSelected, Spec::kUid},
    {"THREAD", kSelected, Spec::kKeepsNumbers},
    {"UID THREAD", kSelected, Spec::kUid},
    {"FETCH", kSelected, Spec::kKeepsNumbers},
    {"UID FETCH", kSelected, Spec::kUid},
    {"STORE", kSelected, Spec::kKeepsNumbers | Spec::kWrites},
    {"UID STORE", kSelected, Spec::kWrites | Spec::kUid},
    {"COPY", kSelected, Spec::kNone},
    {"UID COPY", kSelected, Spec::kUid},
    {"MOVE", kSelected, Spec::kWrites | Spec::kTellsModSeq},
    {"UID MOVE", kSelected, Spec::kWrites | Spec::kUid | Spec::kTellsModSeq},
};

}  // namespace

absl::string_view SessionStateName(SessionState state) {
  switch (state) {
    case SessionState::kNotAuthenticated:
      return "before login";
    case SessionState::kAuthenticated:
      return "without a selected mailbox";
    case SessionState::kSelected:
      return "with a selected mailbox";
  }
  return "";
}

absl::Span<const CommandSpec> CommandTable() { return kTable; }

const CommandSpec* FindCommand(absl::string_view name) {
  const auto* found = std::find_if(std::begin(kTable), std::end(kTable),
                                   [name](const CommandSpec& spec) { return spec.name == name; });
  return found == std::end(kTable) ? nullptr : found;
}

}  // namespace packetboat::imap
