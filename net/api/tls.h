#ifndef PACKETBOAT_NET_API_TLS_H_
#define PACKETBOAT_NET_API_TLS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace packetboat::net {

// What a finished handshake agreed on.
struct TlsInfo {
  std::string version;      // "TLSv1.2", "TLSv1.3"
  std::string cipher;       // the IANA name: "TLS_AES_128_GCM_SHA256"
  std::string server_name;  // SNI as asked for by the client; empty if it sent none

  // The peer's certificates as it sent them, leaf first, DER. Empty if it sent none.
  std::vector<std::string> peer_chain_der;
  // OK if the peer's chain leads to a trusted root and, seen from a client, is valid for the name
  // asked for; else why not. kUnauthenticated if there was no certificate to check.
  absl::Status peer_verified = absl::UnauthenticatedError("no certificate");
};

// What a server shows and accepts in a handshake: TLS 1.2 and 1.3 with forward secrecy and
// authenticated ciphers only. Shared by any number of listeners and connections; thread-safe. Made
// by net/asio/tls_context.h, faked by net/testing.
class TlsServerContext {
 public:
  virtual ~TlsServerContext() = default;

  // Reads certificates and keys again. Connections that handshake after this returns see the new
  // ones; those that are up keep theirs. On an error the old ones stay in use, and the error is
  // also in last_reload().
  virtual absl::Status Reload() = 0;

  // The outcome of the most recent Reload(), for health.
  virtual absl::Status last_reload() const = 0;

  // The first moment at which a certificate in use is no longer valid.
  virtual absl::Time not_after() const = 0;
};

// How a client checks the server that it reached.
struct TlsClientOptions {
  enum class Verify {
    kNone,    // encrypt only; the outcome of a check is still told in TlsInfo (opportunistic TLS)
    kSystem,  // against the machine's roots and `server_name`
    kRoots,   // against `roots_pem` and `server_name`
  };

  // Sent as SNI unless it is an address, and what the certificate must be valid for.
  std::string server_name;
  Verify verify = Verify::kSystem;
  std::string roots_pem;
  // Shown if the server asks; PEM, both or neither.
  std::string certificate_pem;
  std::string key_pem;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_API_TLS_H_
