#ifndef PACKETBOAT_NET_API_CONNECTION_H_
#define PACKETBOAT_NET_API_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "net/api/address.h"
#include "net/api/event_loop.h"
#include "net/api/tls.h"

namespace packetboat::net {

// A stream connection. Bound to one loop for life: every method is called from that loop, and every
// callback comes from it, so that neither side needs locks. Other threads reach it by
// loop().Post().
//
// No method calls the handler from inside itself: callbacks always come later, from the loop.
//
// The network owns it. It lives until ConnectionHandler::OnClosed returns, and no longer.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual EventLoop& loop() = 0;
  virtual const Endpoint& peer() const = 0;
  virtual const Endpoint& local() const = 0;

  // Queues `octets`. What is still queued counts towards the connection's max_unsent_bytes: who has
  // much to say waits for OnWritten; a queue that grows beyond it closes the connection with
  // kResourceExhausted. Ignored after Close() and Abort().
  virtual void Send(std::string octets) = 0;

  // Octets that were sent but have not reached the kernel.
  virtual size_t unsent_bytes() const = 0;

  // Back-pressure: while reading is paused no OnData comes, the kernel's buffer fills and TCP slows
  // the peer down. The end of the stream goes unnoticed meanwhile, unless a write fails.
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;

  // What has been queued goes out as it is; then the handshake starts. From this call on nothing
  // that arrives is given to OnData before TLS is up. Octets that OnData brought before are the
  // caller's: if any follow the command that asked for TLS, the caller must refuse them and not
  // call this (RFC 3207 s4.2). Ends in OnTlsEstablished, or in OnClosed. At most one StartTls per
  // connection.
  virtual void StartTlsServer(std::shared_ptr<TlsServerContext> context) = 0;
  virtual void StartTlsClient(TlsClientOptions options) = 0;

  // Writes what is queued, ends the stream towards the peer, and waits a little for the peer's end,
  // throwing away what still arrives: a plain close over unread octets would make the kernel take
  // back the last reply (RFC 9293 s3.10.4). No OnData comes after this. Bounded by the connection's
  // linger limits.
  virtual void Close() = 0;

  // Drops the connection now; what is queued is lost. OnClosed gets `why`.
  virtual void Abort(absl::Status why) = 0;

  // At loop().Now() >= `when`, OnTimer is called once. Replaces an earlier deadline;
  // absl::InfiniteFuture() means none.
  virtual void SetDeadline(absl::Time when) = 0;
};

// What happens on a connection. Kept alive by the connection until OnClosed has returned. The
// callbacks of one connection come one at a time, from its loop.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;

  // Once, first of all. `connection` may be used until OnClosed returns. On a listener with
  // implicit TLS this comes before the handshake: what is sent now goes out encrypted, after it.
  virtual void OnOpen(Connection& connection) = 0;

  // Octets in the order in which they were sent; never empty. The view is valid during the call.
  virtual void OnData(absl::string_view octets) = 0;

  // The kernel has taken `total` octets of what was sent on this connection so far (as counted by
  // Send; under TLS with the whole record that carries them). Ascends.
  virtual void OnWritten(uint64_t /*total*/) {}

  // The handshake is done; from here on everything is encrypted.
  virtual void OnTlsEstablished(const TlsInfo& /*info*/) {}

  // The deadline has come.
  virtual void OnTimer() {}

  // The peer will send nothing more, but may still be reading. True: the handler has more to say
  // and will call Close(). False: the connection is closed once all that is queued is written.
  virtual bool OnEndOfStream() { return false; }

  // Once, last of all. OK: the peer ended the stream in order, or Close() went through. Otherwise
  // why it broke; a Dial that failed also ends here, then OnOpen was never called. The handler may
  // have unsaved input: a peer that ended the stream in the middle of something is OK too.
  virtual void OnClosed(const absl::Status& why) = 0;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_API_CONNECTION_H_
