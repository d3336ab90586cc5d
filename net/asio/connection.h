#ifndef PACKETBOAT_NET_ASIO_CONNECTION_H_
#define PACKETBOAT_NET_ASIO_CONNECTION_H_

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "net/api/connection.h"
#include "net/api/network.h"
#include "net/asio/loop.h"
#include "net/asio/tls_session.h"

namespace packetboat::net {

// A TCP connection, plain or TLS. Lives in its loop; everything below runs there.
//
// At most one reader, one writer and one handshake are under way; each is a coroutine that waits
// for the socket to be ready, never for octets, so that an idle connection owns no buffer. They are
// started by what gives them work and end when there is none.
//
//   plain ──StartTls──▶ flushing ──old queue out──▶ handshake ──done──▶ secure
//
// The reader works in plain and secure, the writer in all but handshake. Close() waits for the
// writer, then lingers; every end goes through Finish().
class AsioConnection : public Connection, public std::enable_shared_from_this<AsioConnection> {
 public:
  // `socket` belongs to the loop's context and is connected. `on_gone` runs on the loop when all is
  // over.
  AsioConnection(AsioLoop& loop, asio::ip::tcp::socket socket, const Endpoint& peer,
                 const Endpoint& local, const ConnectionLimits& limits,
                 std::shared_ptr<ConnectionHandler> handler,
                 absl::AnyInvocable<void(bool)> on_gone);
  ~AsioConnection() override;

  // Once, after the loop has adopted it: tells the handler and starts to read.
  void Open();

  EventLoop& loop() override { return loop_; }
  const Endpoint& peer() const override { return peer_; }
  const Endpoint& local() const override { return local_; }
  void Send(std::string octets) override;
  size_t unsent_bytes() const override { return unsent_bytes_; }
  void PauseReading() override { paused_ = true; }
  void ResumeReading() override;
  void StartTlsServer(std::shared_ptr<TlsServerContext> context) override;
  void StartTlsClient(TlsClientOptions options) override;
  void Close() override;
  void Abort(absl::Status why) override;
  void SetDeadline(absl::Time when) override;

 private:
  enum class Tls { kPlain, kFlushing, kHandshake, kSecure };

  bool MayRead() const;
  bool MayWrite() const;
  bool encrypted() const { return tls_ == Tls::kHandshake || tls_ == Tls::kSecure; }

  void StartReader();
  void StartWriter();
  asio::awaitable<void> ReadWhilePossible();
  asio::awaitable<void> WriteWhilePossible();
  asio::awaitable<void> Handshake();
  asio::awaitable<void> Linger();
  asio::awaitable<void> WaitReadable();
  asio::awaitable<void> WaitWritable();

  IoResult ReadSome();
  IoResult WriteSome();
  IoResult WritePlain();
  void Wrote(size_t bytes);
  void OnPeerEnd();
  // What waits for an empty queue: a handshake or the end.
  void OnFlushed();
  void BeginTls(absl::StatusOr<std::unique_ptr<TlsSession>> session);
  void OnHandshakeDone();
  void ArmDeadline();
  void OnDeadline();
  void Finish(absl::Status why);

  template <typename Coroutine>
  void Spawn(Coroutine coroutine);
  // Finishes with kDeadlineExceeded unless cancelled before.
  TimerId FailAfter(absl::Duration timeout, const char* what);

  AsioLoop& loop_;
  asio::ip::tcp::socket socket_;
  const Endpoint peer_;
  const Endpoint local_;
  const ConnectionLimits limits_;
  std::shared_ptr<ConnectionHandler> handler_;
  absl::AnyInvocable<void(bool)> on_gone_;

  bool paused_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool peer_ended_ = false;
  bool closing_ = false;
  bool lingering_ = false;
  bool finished_ = false;

  Tls tls_ = Tls::kPlain;
  std::unique_ptr<TlsSession> session_;
  size_t plain_left_ = 0;  // while flushing: octets that still go out in the clear
  TimerId handshake_timer_;

  std::deque<std::string> queue_;
  size_t head_sent_ = 0;  // octets of queue_.front() that the kernel has
  size_t unsent_bytes_ = 0;
  uint64_t written_bytes_ = 0;

  absl::Time deadline_ = absl::InfiniteFuture();
  absl::Time deadline_armed_ = absl::InfiniteFuture();
  TimerId deadline_timer_;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_ASIO_CONNECTION_H_
