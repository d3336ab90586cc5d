#include "store/imap_options.h"

#include "absl/time/time.h"

namespace packetboat::store {
namespace {

absl::Duration Milliseconds(uint64_t value) {
  return absl::Milliseconds(static_cast<int64_t>(value));
}

imap::SyntaxLimits ToSyntaxLimits(const config::Store& store) {
  const config::ImapLimits& config = store.imap_limits();
  imap::SyntaxLimits limits;
  limits.max_message_octets = store.append_bytes();
  limits.max_line_octets = config.line_bytes();
  limits.max_literals = config.literals();
  limits.max_argument_literal_octets = config.literal_bytes();
  limits.max_skipped_octets = config.skipped_bytes();
  limits.max_continuation_line_octets = config.continuation_line_bytes();
  limits.max_tag_octets = config.tag_bytes();
  limits.max_mailbox_octets = config.mailbox_name_bytes();
  limits.max_list_patterns = config.list_patterns();
  limits.max_keyword_octets = config.keyword_bytes();
  limits.max_flags = config.flags();
  limits.max_sequence_ranges = config.sequence_ranges();
  limits.max_fetch_items = config.fetch_items();
  limits.max_header_fields = config.header_fields();
  limits.max_section_depth = config.section_depth();
  limits.max_search_keys = config.search_keys();
  limits.max_search_depth = config.search_depth();
  limits.max_id_pairs = config.id_pairs();
  return limits;
}

imap::SyntaxLimits ToLoginSyntaxLimits(const config::Store& store) {
  const config::ImapLimits& config = store.imap_limits();
  imap::SyntaxLimits limits = ToSyntaxLimits(store);
  limits.max_line_octets = config.login_line_bytes();
  limits.max_literals = config.login_literals();
  limits.max_argument_literal_octets = config.login_literal_bytes();
  limits.max_skipped_octets = config.login_skipped_bytes();
  return limits;
}

imap::SessionLimits ToSessionLimits(const config::Store& store) {
  const config::ImapLimits& config = store.imap_limits();
  imap::SessionLimits limits;
  limits.login_timeout = Milliseconds(store.imap_login_timeout());
  limits.autologout = Milliseconds(store.imap_idle_timeout());
  limits.write_timeout = Milliseconds(config.write_timeout());
  limits.idle_keepalive = Milliseconds(config.idle_keepalive());
  limits.append_interval = Milliseconds(config.append_interval());
  limits.append_interval_octets = config.append_interval_bytes();
  limits.max_bad_commands = config.bad_commands();
  limits.max_failed_logins = config.failed_logins();
  limits.max_pending_input_octets = config.pending_input_bytes();
  limits.max_output_octets = config.output_bytes();
  limits.max_mailbox_keywords = config.mailbox_keywords();
  limits.max_header_octets = config.header_bytes();
  limits.max_sort_octets = config.sort_bytes();
  return limits;
}

}  // namespace

imap::SessionOptions ToSessionOptions(const config::Store& config, config::ListenerTls tls) {
  imap::SessionOptions options;
  options.starttls = tls == config::STARTTLS;
  options.literal_minus = config.imap_literal_minus();
  options.syntax = ToSyntaxLimits(config);
  options.login_syntax = ToLoginSyntaxLimits(config);
  options.limits = ToSessionLimits(config);
  return options;
}

}  // namespace packetboat::store
