#ifndef PACKETBOAT_MAIL_SMTP_SERVER_CONFIG_H_
#define PACKETBOAT_MAIL_SMTP_SERVER_CONFIG_H_

#include <string>
#include <vector>

#include "mail/smtp/command_table.h"
#include "mail/smtp/data_reader.h"
#include "mail/smtp/limits.h"

namespace packetboat::smtp {

// What all sessions of one listener share. Not changed once a session uses it; a reload makes a new
// one for the sessions that come.
struct ServerConfig {
  Mode mode = Mode::kMx;

  // What the greeting and EHLO call this host.
  std::string hostname = "localhost";

  BareNewline bare_newline = BareNewline::kReject;

  // STARTTLS is offered: there is a certificate. Without meaning for kSubmissions.
  bool starttls = false;

  // SASL mechanisms, in the order in which they are offered. Never offered before TLS, nor by kMx
  // and kLmtp; empty: not at all.
  std::vector<std::string> auth_mechanisms;

  // kSubmission and kSubmissions: no MAIL without AUTH.
  bool require_auth = true;

  // BDAT (RFC 3030).
  bool chunking = true;

  // End the session of a client that sends more behind a command whose answer it has to wait for
  // (command_table.h, kEndsGroup). Behind STARTTLS that ends every session.
  bool forbid_early_pipelining = true;

  // Which of the questions that not every listener has are asked.
  bool ask_connect = false;  // before the greeting
  bool ask_hello = false;
  bool ask_data = false;  // before the 354

  Limits limits;
};

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_SERVER_CONFIG_H_
