#ifndef PACKETBOAT_STORE_PEERS_RELAY_CONNECTION_H_
#define PACKETBOAT_STORE_PEERS_RELAY_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "net/api/connection.h"

namespace packetboat::store {

// Octets that one side of a relayed session sends ahead of the other's word that it has taken them.
inline constexpr size_t kRelayWindowBytes = size_t{256} << 10;
// Octets in one message.
inline constexpr size_t kRelayMessageBytes = size_t{64} << 10;
// How long a connection that was closed waits for the other side to take anything of what it was
// still sent.
inline constexpr absl::Duration kRelayCloseTimeout = absl::Seconds(30);

// One side of a relayed session as a connection: octets and the word of what was taken travel in
// messages of a stream. Bound to a loop like every connection; Received() and Ended() may be called
// from any thread. Without TLS: the stream has it.
class RelayConnection : public net::Connection,
                        public std::enable_shared_from_this<RelayConnection> {
 public:
  // The stream. Both are called on the loop, must not block, and must not call back.
  struct Wire {
    // Queues a message.
    std::function<void(std::string octets, uint64_t taken)> send;
    // Says, behind what is queued, that no octets follow.
    std::function<void()> end_output;
    // Ends the stream; OK: after what is queued.
    std::function<void(const absl::Status& why)> end;
  };

  // `handler` is called from `loop` from now on, OnOpen first.
  static std::shared_ptr<RelayConnection> Open(net::EventLoop& loop, net::Endpoint peer,
                                               std::shared_ptr<net::ConnectionHandler> handler,
                                               Wire wire);

  // A message of the other side.
  void Received(std::string octets, uint64_t taken);
  // The other side sends no more octets, and may still take some.
  void ReceivedEnd();
  // The stream has ended by itself, or was ended. OK: in order, and what was received before is
  // still given to the handler.
  void Ended(absl::Status why);

  // On the loop: nothing more will be sent. What was goes out first; octets are still received.
  void EndOutput();

  // --- net::Connection

  net::EventLoop& loop() override { return loop_; }
  const net::Endpoint& peer() const override { return peer_; }
  const net::Endpoint& local() const override { return local_; }
  void Send(std::string octets) override;
  size_t unsent_bytes() const override { return unsent_.size(); }
  void PauseReading() override { paused_ = true; }
  void ResumeReading() override;
  void StartTlsServer(std::shared_ptr<net::TlsServerContext> context) override;
  void StartTlsClient(net::TlsClientOptions options) override;
  void Close() override;
  void Abort(absl::Status why) override;
  void SetDeadline(absl::Time when) override;

 private:
  RelayConnection(net::EventLoop& loop, net::Endpoint peer,
                  std::shared_ptr<net::ConnectionHandler> handler, Wire wire);

  void Take(std::string octets, uint64_t taken);
  void Deliver();
  void DeliverEnd();
  void Flush();
  void BoundClose();
  void End(const absl::Status& why);
  void Closed(const absl::Status& why);

  net::EventLoop& loop_;
  const net::Endpoint peer_;
  const net::Endpoint local_;
  std::shared_ptr<net::ConnectionHandler> handler_;  // until OnClosed
  const Wire wire_;

  std::string unsent_;
  size_t in_flight_ = 0;  // sent, and not said to be taken
  uint64_t taken_ = 0;    // by the other side, of all that was sent
  bool output_ending_ = false;
  bool output_ended_ = false;
  std::string received_;
  bool input_ended_ = false;  // behind received_
  bool end_told_ = false;     // of the input, to the handler
  bool paused_ = false;
  bool closing_ = false;
  bool stream_ended_ = false;  // by the other side in order, behind received_
  bool ended_ = false;         // nothing goes out any more
  net::TimerId timer_;
  net::TimerId close_timer_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_PEERS_RELAY_CONNECTION_H_
