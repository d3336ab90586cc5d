#ifndef PACKETBOAT_MAIL_IMAP_SYNTAX_TRACE_H_
#define PACKETBOAT_MAIL_IMAP_SYNTAX_TRACE_H_

#include <string>
#include <vector>

#include "mail/imap/fragmenter.h"
#include "mail/imap/limits.h"

namespace packetboat::imap {

// For tests and fuzz targets: feeds chunks to a fragmenter and what it finds to the parser, as a
// session that lets every literal in would, and tells what came, one line each:
//
//   a1 NOOP                        a command, as DebugString() says it
//   a1 BAD Unknown command         a syntax error, or a command that was dropped
//   + 11                           a literal of 11 octets that the client waits to send
//   message "..."                  what came of an APPEND's message, before its command
//   BYE                            the connection has to end
//
// A message whose command is wrong up to there is rejected.
std::string SyntaxTrace(const std::vector<std::string>& chunks, const SyntaxLimits& limits = {},
                        LiteralPolicy policy = LiteralPolicy::kPlus);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_SYNTAX_TRACE_H_
