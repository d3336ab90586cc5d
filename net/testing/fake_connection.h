#ifndef PACKETBOAT_NET_TESTING_FAKE_CONNECTION_H_
#define PACKETBOAT_NET_TESTING_FAKE_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "net/testing/fake_network.h"

namespace packetboat::net::testing {

// One end of a connection of a FakeNetwork.
class FakeConnection : public Connection, public std::enable_shared_from_this<FakeConnection> {
 public:
  FakeConnection(FakeNetwork& network, uint64_t id, const Endpoint& peer, const Endpoint& local,
                 const ConnectionLimits& limits, std::shared_ptr<ConnectionHandler> handler,
                 std::shared_ptr<FakePort> port);

  // Makes each the other's end.
  static void Join(const std::shared_ptr<FakeConnection>& a,
                   const std::shared_ptr<FakeConnection>& b);
  void Open();
  // Ends both sides without a word over the wire.
  void Break(const absl::Status& why);

  EventLoop& loop() override { return network_.loop_; }
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
  enum class Tls { kPlain, kHandshake, kSecure };

  // What travels: octets, the opening of a client's or a server's TLS, or the end of the stream.
  // kLastPlain stays in a server's queue and marks what goes out in the clear before its TLS.
  struct Piece {
    enum class Kind { kOctets, kLastPlain, kClientHello, kServerHello, kEnd };
    Kind kind = Kind::kOctets;
    std::string octets;
    TlsClientOptions client;                       // with kClientHello
    std::shared_ptr<FakeTlsServerContext> server;  // with kServerHello
  };

  template <typename Method, typename... Args>
  void Later(Method method, Args... args);
  void StartWriter();
  void Write();
  bool WritePiece();
  void Transmit(Piece piece);
  void Arrive(Piece piece);
  void StartReader();
  void Read();
  void Take(Piece piece);
  void TakeOctets(const std::string& octets);
  void TakeClientHello(const TlsClientOptions& client);
  void TakeServerHello(const FakeTlsServerContext& server);
  void TakeEnd();
  void BeginTls(Piece hello);
  void Established(TlsInfo info);
  void OnDeadline();
  void WatchProgress();
  void Finish(absl::Status why);

  FakeNetwork& network_;
  const uint64_t id_;
  const Endpoint peer_;
  const Endpoint local_;
  const ConnectionLimits limits_;
  std::shared_ptr<ConnectionHandler> handler_;
  const std::shared_ptr<FakePort> port_;  // of an accepted connection
  std::weak_ptr<FakeConnection> other_;

  bool paused_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool peer_ended_ = false;
  bool closing_ = false;
  bool end_sent_ = false;
  bool finished_ = false;

  Tls tls_ = Tls::kPlain;
  bool hello_sent_ = false;
  std::shared_ptr<FakeTlsServerContext> server_context_;
  TlsClientOptions client_options_;
  TimerId handshake_timer_;
  TimerId write_timer_;
  TimerId linger_timer_;

  std::deque<Piece> queue_;
  size_t unsent_bytes_ = 0;
  uint64_t written_bytes_ = 0;
  size_t in_flight_bytes_ = 0;  // sent, not yet taken by the other end's handler
  absl::Time last_arrival_ = absl::InfinitePast();
  std::deque<Piece> inbox_;

  absl::Time deadline_ = absl::InfiniteFuture();
  TimerId deadline_timer_;
};

}  // namespace packetboat::net::testing

#endif  // PACKETBOAT_NET_TESTING_FAKE_CONNECTION_H_
