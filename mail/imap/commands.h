#ifndef PACKETBOAT_MAIL_IMAP_COMMANDS_H_
#define PACKETBOAT_MAIL_IMAP_COMMANDS_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "mail/imap/command.h"
#include "mail/imap/context.h"
#include "mail/imap/reply.h"
#include "mail/imap/task.h"

// What each command does: sends its untagged responses and says how it ended. The session has made
// sure of what the command table demands and does what the table says of updates; so these never
// look at the state again.
//
// The arguments outlive the task.

namespace packetboat::imap {

// session_commands.cc: RFC 3501 s6.1, s6.2.
Task<Reply> Execute(Context& context, const Capability& command);
Task<Reply> Execute(Context& context, const Noop& command);
Task<Reply> Execute(Context& context, const Logout& command);
Task<Reply> Execute(Context& context, const Id& command);
Task<Reply> Execute(Context& context, const StartTls& command);
Task<Reply> Execute(Context& context, const Authenticate& command);
Task<Reply> Execute(Context& context, const Login& command);
Task<Reply> Execute(Context& context, const Enable& command);
Task<Reply> Execute(Context& context, const Namespace& command);

// mailbox_commands.cc: RFC 3501 s6.3.
Task<Reply> Execute(Context& context, const Select& command);
Task<Reply> Execute(Context& context, const Create& command);
Task<Reply> Execute(Context& context, const Delete& command);
Task<Reply> Execute(Context& context, const Rename& command);
Task<Reply> Execute(Context& context, const Subscribe& command);
Task<Reply> Execute(Context& context, const Unsubscribe& command);
Task<Reply> Execute(Context& context, const Status& command);

// list_commands.cc
Task<Reply> Execute(Context& context, const List& command);
Task<Reply> Execute(Context& context, const Lsub& command);

// message_commands.cc: RFC 3501 s6.4.
Task<Reply> Execute(Context& context, const Check& command);
Task<Reply> Execute(Context& context, const Close& command);
Task<Reply> Execute(Context& context, const Unselect& command);
Task<Reply> Execute(Context& context, const Expunge& command);
Task<Reply> Execute(Context& context, const Store& command);
Task<Reply> Execute(Context& context, const Copy& command);
Task<Reply> Execute(Context& context, const Move& command);

// fetch_command.cc, search_command.cc, sort_command.cc, idle_command.cc
Task<Reply> Execute(Context& context, const Fetch& command);
Task<Reply> Execute(Context& context, const Search& command);
Task<Reply> Execute(Context& context, const Sort& command);
Task<Reply> Execute(Context& context, const Thread& command);
Task<Reply> Execute(Context& context, const Idle& command);

// append_command.cc. The message of `command` is announced, its octets are still to come; they are
// read to the end of the command whatever happens. Nothing: something else came than the end of the
// command, and is the context's held_event.
Task<std::optional<Reply>> Execute(Context& context, const Append& command, bool synchronizing);
// The same for a message that is not wanted. False: there is a held_event.
Task<bool> SkipMessage(Context& context);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_COMMANDS_H_
