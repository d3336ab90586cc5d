#ifndef PACKETBOAT_MAIL_IMAP_LIMITS_H_
#define PACKETBOAT_MAIL_IMAP_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace packetboat::imap {

// What one command may cost before it is refused: the bounds of the fragmenter and the parser. Each
// is inclusive (n is accepted, n + 1 is refused) and is tested so. RFC 3501 gives no minimum for
// any of them; RFC 2683 s3.2.1.5 asks for command lines of 8,000 octets.
struct SyntaxLimits {
  // Octets of one command outside its literals, line ends not counted. BAD.
  size_t max_line_octets = 64 * 1024;
  // Literals in one command. BAD.
  size_t max_literals = 256;
  // Octets of all literals of one command that are arguments (anything but a message of APPEND);
  // these are held in memory. BAD.
  uint64_t max_argument_literal_octets = 64 * 1024;
  // Octets of the message literal of APPEND, which is streamed and never held. NO [TOOBIG].
  uint64_t max_message_octets = 50 * 1000 * 1000;
  // A refused literal that the client does not wait with is read and dropped up to this size (all
  // such literals of one command together); beyond it the connection ends.
  uint64_t max_skipped_octets = uint64_t{1} << 30;
  // The largest `{n+}` under LITERAL- (RFC 7888 s5). BAD.
  uint64_t max_literal_minus_octets = 4096;
  // One line that answers a continuation request of AUTHENTICATE or IDLE; the value of RFC 4954 s4.
  // BAD.
  size_t max_continuation_line_octets = 12 * 1024;

  size_t max_tag_octets = 128;
  // Mailbox names and LIST patterns, as UTF-8.
  size_t max_mailbox_octets = 1024;
  size_t max_list_patterns = 64;
  size_t max_keyword_octets = 256;
  size_t max_flags = 64;
  // Ranges in one sequence set: `1,3:5` has two.
  size_t max_sequence_ranges = 16 * 1024;
  size_t max_fetch_items = 128;
  size_t max_header_fields = 256;
  // Part numbers in one section: `1.2.3` has three.
  size_t max_section_depth = 128;
  // Keys of one SEARCH, the implied AND of a list not counted.
  size_t max_search_keys = 1000;
  // How deep NOT, OR and parentheses may stand in each other.
  size_t max_search_depth = 32;
  // RFC 2971 s3.3 says 30 pairs, names of 30 octets, values of 1,024.
  size_t max_id_pairs = 30;
  // RFC 5256 s3 has seven kinds.
  size_t max_sort_criteria = 16;
};

// The bounds before login: room for LOGIN with long credentials, no more.
inline SyntaxLimits LoginSyntaxLimits() {
  SyntaxLimits limits;
  limits.max_line_octets = 8 * 1024;
  limits.max_literals = 8;
  limits.max_argument_literal_octets = 4 * 1024;
  limits.max_skipped_octets = 64 * 1024;
  return limits;
}

// What one session may cost, and how long it may take (session.h). Inclusive, tested at n and n
// + 1.
struct SessionLimits {
  // From the connection to a login, whatever is sent meanwhile. BYE.
  absl::Duration login_timeout = absl::Minutes(3);
  // Without a command after login; RFC 3501 s5.4 asks for at least 30 minutes. BYE.
  absl::Duration autologout = absl::Minutes(30);
  // How long a client may leave what was sent to it unread. Close.
  absl::Duration write_timeout = absl::Minutes(5);
  // The message of APPEND comes at least at this pace while the session waits for it: so many
  // octets, or what is left, in each interval. BYE.
  absl::Duration append_interval = absl::Minutes(1);
  uint64_t append_interval_octets = 16 * 1024;
  // IDLE says something after so long a silence, lest a NAT forgets the connection.
  absl::Duration idle_keepalive = absl::Minutes(2);
  // IDLE asks again after so long if the backend could not tell what is new.
  absl::Duration idle_retry = absl::Seconds(1);

  // Commands refused with BAD, one after the other. BYE.
  size_t max_bad_commands = 20;
  // Logins refused. BYE.
  size_t max_failed_logins = 6;
  // Input that waits for its turn, pipelined commands for the most part; beyond, the session does
  // not want input.
  size_t max_pending_input_octets = 64 * 1024;
  // Output that has not left for the client; beyond, the session makes no more.
  size_t max_output_octets = 256 * 1024;
  // Keywords in one mailbox that a client may bring about. NO [LIMIT].
  size_t max_mailbox_keywords = 256;
  // Octets of the header of a message of APPEND, with its empty line. NO [TOOBIG]. Of the larger
  // header of a message that came otherwise, or of an attached one, so much is looked at for
  // BODY[HEADER.FIELDS] and SEARCH.
  size_t max_header_octets = 1024 * 1024;
  // What one SORT or THREAD may hold about the messages that it puts in order: a million of them
  // take some 60 octets each and their texts. NO [LIMIT].
  size_t max_sort_octets = 256 * 1024 * 1024;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_LIMITS_H_
