#ifndef PACKETBOAT_MAIL_SMTP_SERVER_CONFIG_H_
#define PACKETBOAT_MAIL_SMTP_SERVER_CONFIG_H_

#include <string>
#include <vector>

#include "mail/smtp/command_table.h"
#include "mail/smtp/data_reader.h"
#include "mail/smtp/limits.h"
#include "net/api/address.h"

namespace packetboat::smtp {

// What all sessions of one listener share. Not changed once a session uses it; a reload makes a new
// one for the sessions that come.
struct ServerConfig {
  Mode mode = Mode::kMx;

  // What the greeting and EHLO call this host.
  std::string hostname = "localhost";

  BareNewline bare_newline = BareNewline::kReject;

  // TLS comes before the greeting. Always so for kSubmissions.
  bool implicit_tls = false;

  // STARTTLS is offered: there is a certificate. Without meaning where TLS comes first.
  bool starttls = false;

  // SASL mechanisms, in the order in which they are offered. Never offered before TLS, nor by kMx
  // and kLmtp; empty: not at all.
  std::vector<std::string> auth_mechanisms;

  // kSubmission and kSubmissions: no MAIL without AUTH.
  bool require_auth = true;

  // BDAT (RFC 3030).
  bool chunking = true;

  // Peers in these networks may speak for another client: XCLIENT.
  std::vector<net::IpNetwork> xclient_from;

  // End the session of a client that sends more behind a command whose answer it has to wait for
  // (command_table.h, kEndsGroup). Behind STARTTLS that ends every session.
  bool forbid_early_pipelining = true;

  // Which of the questions that not every listener has are asked.
  bool ask_connect = false;  // before the greeting, and before the one that answers XCLIENT
  bool ask_hello = false;
  bool ask_data = false;  // before the 354

  Limits limits;

  bool BeginsWithTls() const { return implicit_tls || mode == Mode::kSubmissions; }
};

}  // namespace packetboat::smtp

#endif  // PACKETBOAT_MAIL_SMTP_SERVER_CONFIG_H_
