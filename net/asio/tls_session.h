#ifndef PACKETBOAT_NET_ASIO_TLS_SESSION_H_
#define PACKETBOAT_NET_ASIO_TLS_SESSION_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/api/tls.h"

struct ssl_st;

namespace packetboat::net {

// The outcome of one attempt on a socket that does not block.
struct IoResult {
  enum class Outcome {
    kDone,        // `bytes` were moved; for a handshake: it is complete
    kWantsRead,   // try again once the socket is readable
    kWantsWrite,  // ... writable
    kEnd,         // the peer has ended the stream
    kFailed,      // for good, see `status`
  };
  Outcome outcome;
  size_t bytes = 0;
  absl::Status status;
};

// TLS over a socket in non-blocking mode that it does not own. One thread at a time.
class TlsSession {
 public:
  // Takes `ssl`, set up as client or server. `keep_alive` lives as long as the session.
  TlsSession(ssl_st* ssl, int socket, std::shared_ptr<const void> keep_alive);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession();

  IoResult Handshake();
  IoResult Read(absl::Span<char> into);
  // Writes one record at most; kDone means that the kernel has all of it. After kWantsWrite the
  // next call must begin with the same octets.
  IoResult Write(absl::string_view from);
  // Tells the peer that no more will come, if the socket takes it at once.
  void SendCloseNotify();

  // After the handshake.
  TlsInfo info() const;

 private:
  IoResult Classify(int result, absl::string_view doing);

  ssl_st* const ssl_;
  const std::shared_ptr<const void> keep_alive_;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_ASIO_TLS_SESSION_H_
