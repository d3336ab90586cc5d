#ifndef PACKETBOAT_MAIL_SMTP_LIMITS_H_
#define PACKETBOAT_MAIL_SMTP_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace packetboat::smtp {

// Everything that one SMTP server session bounds. The defaults are ours, the minimum in each
// comment is the standard's: what a server has to bear. Names are the configuration's keys; every
// one has a test at n and n+1.
struct Limits {
  // A command line with its CRLF. RFC 5321 s4.5.3.1.4: 512 at least, more with extensions
  // (SIZE +26, BODY +17, SMTPUTF8 +10, AUTH +500).
  size_t max_command_line_bytes = 2048;

  // A line of an AUTH exchange with its CRLF. RFC 4954 s4: 12,288.
  size_t max_auth_line_bytes = 12288;

  // A message, its dots unstuffed. RFC 5321 s4.5.3.1.7: 64 KiB at least. Announced by SIZE (RFC
  // 1870).
  uint64_t max_message_bytes = 50 * 1000 * 1000;

  // The header section: what stands before the first empty line (RFC 5322 s2.1). No minimum is set.
  uint64_t max_header_bytes = 512 * 1024;

  // Received fields in an arriving message. RFC 5321 s6.3: 100 at least.
  uint32_t max_received = 100;

  // RCPTs of one transaction that were accepted. RFC 5321 s4.5.3.1.8: 100 at least; RFC 9422 can
  // announce 999,999 at most.
  uint32_t max_recipients = 1000;

  // MAIL commands of one session, whatever became of them. RFC 9422: from 1 to 999,999.
  uint32_t max_transactions = 10'000;

  // Commands answered 5xx until the session is closed.
  uint32_t max_errors = 20;

  // NOOP, RSET, VRFY, HELP and hellos between two accepted messages, beyond which each counts as an
  // error.
  uint32_t max_junk_commands = 100;

  // AUTH exchanges of one session that may fail.
  uint32_t max_auth_failures = 3;

  // Octets of a refused message that are read on towards its end before the session is closed.
  uint64_t max_discarded_bytes = 256 * 1024 * 1024;

  // The wait for the next complete command, from the last reply on. RFC 5321 s4.5.3.2.7: 5 minutes
  // at least.
  absl::Duration command_timeout = absl::Minutes(5);

  // The wait for the next `data_block_bytes` of a message. RFC 5321 s4.5.3.2.5: 3 minutes.
  absl::Duration data_block_timeout = absl::Minutes(3);

  // One text line (RFC 5321 s4.5.3.1.6): who sends less than this in `data_block_timeout` is not
  // sending.
  size_t data_block_bytes = 1000;

  // From the 220 after STARTTLS (or from connect, with implicit TLS) to the end of the handshake.
  absl::Duration tls_handshake_timeout = absl::Minutes(1);

  // Input kept while an answer is awaited; at this fill the session wants no more.
  size_t max_buffered_input_bytes = 16 * 1024;

  // Replies not yet written to a peer that does not read; beyond, no further command is carried
  // out.
  size_t max_unwritten_bytes = 64 * 1024;

  // Body octets handed out and not yet reported as taken; beyond, no further input is wanted.
  size_t max_untaken_body_bytes = 256 * 1024;
};

// The name behind HELO, EHLO and LHLO (RFC 5321 s4.5.3.1.2).
inline constexpr size_t kMaxHelloNameBytes = 255;

// Replies to messages of one session that may still be confirmed by what the client sends next. An
// older one is forgotten: nothing is lost by that but an early end of its delivery keys.
inline constexpr size_t kMaxUnconfirmedReplies = 100;

// A reply line with its CRLF (RFC 5321 s4.5.3.1.5); longer texts are split into several lines.
inline constexpr size_t kMaxReplyLineBytes = 512;

// A line of a trace field without its CRLF (RFC 5322 s2.1.1): must and should.
inline constexpr size_t kMaxTraceLineBytes = 998;
inline constexpr size_t kFoldTraceLineBytes = 78;

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_LIMITS_H_
