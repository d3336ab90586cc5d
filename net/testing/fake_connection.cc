#include "net/testing/fake_connection.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/testing/fake_port.h"

namespace packetboat::net::testing {

FakeConnection::FakeConnection(FakeNetwork& network, uint64_t id, const Endpoint& peer,
                               const Endpoint& local, const ConnectionLimits& limits,
                               std::shared_ptr<ConnectionHandler> handler,
                               std::shared_ptr<FakePort> port)
    : network_(network),
      id_(id),
      peer_(peer),
      local_(local),
      limits_(limits),
      handler_(std::move(handler)),
      port_(std::move(port)) {}

void FakeConnection::Join(const std::shared_ptr<FakeConnection>& a,
                          const std::shared_ptr<FakeConnection>& b) {
  a->other_ = b;
  b->other_ = a;
}

void FakeConnection::Open() {
  handler_->OnOpen(*this);
  StartReader();
}

template <typename Method, typename... Args>
void FakeConnection::Later(Method method, Args... args) {
  loop().Post([self = shared_from_this(), method, ... args = std::move(args)]() mutable {
    (self.get()->*method)(std::move(args)...);
  });
}

void FakeConnection::Send(std::string octets) {
  if (closing_ || finished_ || octets.empty()) return;
  unsent_bytes_ += octets.size();
  if (unsent_bytes_ > limits_.max_unsent_bytes) {
    return Abort(absl::ResourceExhaustedError("the peer does not read what it asked for"));
  }
  Piece piece;
  piece.octets = std::move(octets);
  queue_.push_back(std::move(piece));
  StartWriter();
}

void FakeConnection::StartWriter() {
  if (writing_ || finished_) return;
  writing_ = true;
  Later(&FakeConnection::Write);
}

void FakeConnection::Write() {
  writing_ = false;
  bool progress = false;
  while (!finished_ && WritePiece()) progress = true;
  if (finished_) return;
  if (progress || queue_.empty()) loop().Cancel(std::exchange(write_timer_, TimerId()));
  WatchProgress();
}

bool FakeConnection::WritePiece() {
  // Between its hello and the other's an end has nothing more to say.
  if (queue_.empty() || (tls_ == Tls::kHandshake && hello_sent_)) return false;
  if (other_.expired()) {
    Finish(absl::UnavailableError("write: closed by the peer"));
    return false;
  }
  Piece& front = queue_.front();
  if (front.kind != Piece::Kind::kOctets) {
    hello_sent_ = true;
    if (front.kind != Piece::Kind::kLastPlain) Transmit(std::move(front));
    queue_.pop_front();
    return true;
  }
  const size_t window = network_.link_.window_bytes;
  if (in_flight_bytes_ >= window) return false;
  const size_t bytes =
      network_.PieceBytes(std::min(front.octets.size(), window - in_flight_bytes_));
  Piece piece;
  piece.octets = front.octets.substr(0, bytes);
  front.octets.erase(0, bytes);
  if (front.octets.empty()) queue_.pop_front();
  in_flight_bytes_ += bytes;
  unsent_bytes_ -= bytes;
  written_bytes_ += bytes;
  Transmit(std::move(piece));
  handler_->OnWritten(written_bytes_);
  return true;
}

void FakeConnection::WatchProgress() {
  if (closing_ && queue_.empty() && !end_sent_) {
    end_sent_ = true;
    Piece end;
    end.kind = Piece::Kind::kEnd;
    Transmit(std::move(end));
    if (peer_ended_) return Finish(absl::OkStatus());
    linger_timer_ = loop().RunAfter(
        limits_.linger_timeout, [self = shared_from_this()] { self->Finish(absl::OkStatus()); });
  } else if (!queue_.empty() && tls_ != Tls::kHandshake && write_timer_ == TimerId()) {
    write_timer_ = loop().RunAfter(limits_.write_timeout, [self = shared_from_this()] {
      self->Finish(absl::DeadlineExceededError("the peer takes nothing: timed out"));
    });
  }
}

void FakeConnection::Transmit(Piece piece) {
  // Never before what was sent earlier.
  last_arrival_ = std::max(last_arrival_, loop().Now() + network_.Latency());
  loop().RunAfter(last_arrival_ - loop().Now(), [weak = other_, piece = std::move(piece)] {
    if (const auto other = weak.lock()) other->Arrive(piece);
  });
}

void FakeConnection::Arrive(Piece piece) {
  if (finished_) return;
  inbox_.push_back(std::move(piece));
  StartReader();
}

void FakeConnection::ResumeReading() {
  paused_ = false;
  StartReader();
}

void FakeConnection::StartReader() {
  if (reading_ || finished_ || inbox_.empty()) return;
  reading_ = true;
  Later(&FakeConnection::Read);
}

void FakeConnection::Read() {
  reading_ = false;
  // A connection that closes takes everything, and throws it away.
  if (finished_ || inbox_.empty() || (paused_ && !closing_ && tls_ != Tls::kHandshake)) return;
  Piece piece = std::move(inbox_.front());
  inbox_.pop_front();
  Take(std::move(piece));
  StartReader();
}

void FakeConnection::Take(Piece piece) {
  switch (piece.kind) {
    case Piece::Kind::kOctets:
      if (const auto other = other_.lock()) {
        other->in_flight_bytes_ -= piece.octets.size();
        other->StartWriter();
      }
      return TakeOctets(piece.octets);
    case Piece::Kind::kClientHello:
      return TakeClientHello(piece.client);
    case Piece::Kind::kServerHello:
      return TakeServerHello(*piece.server);
    case Piece::Kind::kEnd:
      return TakeEnd();
    case Piece::Kind::kLastPlain:
      break;  // never travels
  }
}

void FakeConnection::TakeOctets(const std::string& octets) {
  if (closing_) return;
  if (tls_ == Tls::kHandshake) {
    return Finish(absl::InvalidArgumentError("TLS handshake: the peer does not speak TLS"));
  }
  handler_->OnData(octets);
}

void FakeConnection::TakeClientHello(const TlsClientOptions& client) {
  if (closing_) return;
  if (tls_ != Tls::kHandshake || server_context_ == nullptr) return TakeOctets("\x16\x03\x01");
  Piece hello;
  hello.kind = Piece::Kind::kServerHello;
  hello.server = server_context_;
  Transmit(std::move(hello));
  TlsInfo info;
  info.server_name = client.server_name;
  Established(std::move(info));
}

void FakeConnection::TakeServerHello(const FakeTlsServerContext& server) {
  if (closing_) return;
  const std::string& name = client_options_.server_name;
  TlsInfo info;
  info.server_name = name;
  info.peer_verified = server.IsValidFor(name)
                           ? absl::OkStatus()
                           : absl::UnauthenticatedError("the certificate is for another name");
  if (client_options_.verify != TlsClientOptions::Verify::kNone && !info.peer_verified.ok()) {
    return Finish(info.peer_verified);
  }
  Established(std::move(info));
}

void FakeConnection::TakeEnd() {
  peer_ended_ = true;
  if (closing_) {
    if (end_sent_) Finish(absl::OkStatus());
  } else if (tls_ == Tls::kHandshake) {
    Finish(absl::UnavailableError("TLS handshake: the peer closed the connection"));
  } else if (!handler_->OnEndOfStream()) {
    Close();
  }
}

void FakeConnection::StartTlsServer(std::shared_ptr<TlsServerContext> context) {
  if (closing_ || finished_) return;
  CHECK(tls_ == Tls::kPlain) << "TLS is started once";
  server_context_ = std::dynamic_pointer_cast<FakeTlsServerContext>(std::move(context));
  CHECK(server_context_ != nullptr) << "a TLS context of another network";
  Piece last;
  last.kind = Piece::Kind::kLastPlain;
  BeginTls(std::move(last));
}

void FakeConnection::StartTlsClient(TlsClientOptions options) {
  if (closing_ || finished_) return;
  CHECK(tls_ == Tls::kPlain) << "TLS is started once";
  client_options_ = std::move(options);
  Piece hello;
  hello.kind = Piece::Kind::kClientHello;
  hello.client = client_options_;
  BeginTls(std::move(hello));
}

void FakeConnection::BeginTls(Piece hello) {
  tls_ = Tls::kHandshake;
  handshake_timer_ = loop().RunAfter(limits_.handshake_timeout, [self = shared_from_this()] {
    self->Finish(absl::DeadlineExceededError("TLS handshake: timed out"));
  });
  queue_.push_back(std::move(hello));
  StartWriter();
  StartReader();
}

void FakeConnection::Established(TlsInfo info) {
  loop().Cancel(handshake_timer_);
  tls_ = Tls::kSecure;
  info.version = "TLSv1.3";
  info.cipher = "TLS_AES_128_GCM_SHA256";
  handler_->OnTlsEstablished(info);
  StartWriter();
}

void FakeConnection::Close() {
  if (closing_ || finished_) return;
  closing_ = true;
  if (tls_ == Tls::kHandshake && unsent_bytes_ == 0) return Abort(absl::OkStatus());
  StartWriter();
  StartReader();
}

void FakeConnection::Abort(absl::Status why) {
  closing_ = true;
  queue_.clear();
  unsent_bytes_ = 0;
  Later(&FakeConnection::Finish, std::move(why));
}

void FakeConnection::Break(const absl::Status& why) {
  other_.reset();
  Finish(why);
}

void FakeConnection::SetDeadline(absl::Time when) {
  deadline_ = when;
  loop().Cancel(deadline_timer_);
  if (when == absl::InfiniteFuture()) return;
  deadline_timer_ = loop().RunAfter(when - loop().Now(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnDeadline();
  });
}

void FakeConnection::OnDeadline() {
  if (!finished_) handler_->OnTimer();
}

void FakeConnection::Finish(absl::Status why) {
  if (finished_) return;
  finished_ = true;
  for (TimerId timer : {handshake_timer_, write_timer_, linger_timer_, deadline_timer_}) {
    loop().Cancel(timer);
  }
  if (!end_sent_) {
    Piece end;
    end.kind = Piece::Kind::kEnd;
    Transmit(std::move(end));
  }
  queue_.clear();
  inbox_.clear();
  unsent_bytes_ = 0;
  loop().Post([self = shared_from_this(), why = std::move(why)] {
    std::exchange(self->handler_, nullptr)->OnClosed(why);
    if (self->port_ != nullptr) --self->port_->open;
    self->network_.connections_.erase(self->id_);
  });
}

}  // namespace packetboat::net::testing
