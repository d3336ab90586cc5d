#include "store/peers/relay_connection.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace packetboat::store {

std::shared_ptr<RelayConnection> RelayConnection::Open(
    net::EventLoop& loop, net::Endpoint peer, std::shared_ptr<net::ConnectionHandler> handler,
    Wire wire) {
  auto connection = std::shared_ptr<RelayConnection>(
      new RelayConnection(loop, std::move(peer), std::move(handler), std::move(wire)));
  loop.Post([connection] {
    if (connection->handler_ != nullptr) connection->handler_->OnOpen(*connection);
  });
  return connection;
}

RelayConnection::RelayConnection(net::EventLoop& loop, net::Endpoint peer,
                                 std::shared_ptr<net::ConnectionHandler> handler, Wire wire)
    : loop_(loop), peer_(std::move(peer)), handler_(std::move(handler)), wire_(std::move(wire)) {}

// --- What comes in

void RelayConnection::Received(std::string octets, uint64_t taken) {
  loop_.Post([self = shared_from_this(), octets = std::move(octets), taken]() mutable {
    self->Take(std::move(octets), taken);
  });
}

void RelayConnection::Take(std::string octets, uint64_t taken) {
  if (handler_ == nullptr) return;
  if (received_.size() + octets.size() > kRelayWindowBytes || taken > in_flight_) {
    return Abort(absl::InvalidArgumentError("the other store breaks the relay's rules"));
  }
  if (taken > 0) {
    in_flight_ -= taken;
    taken_ += taken;
    handler_->OnWritten(taken_);
    if (closing_) BoundClose();
    Flush();
  }
  received_ += octets;
  Deliver();
}

void RelayConnection::Deliver() {
  if (handler_ == nullptr || paused_ || closing_) return;
  if (!received_.empty()) {
    const std::string octets = std::exchange(received_, {});
    wire_.send("", octets.size());
    handler_->OnData(octets);
  }
  DeliverEnd();
}

void RelayConnection::DeliverEnd() {
  if (handler_ == nullptr || paused_ || closing_) return;
  if (stream_ended_) return Closed(absl::OkStatus());
  if (!input_ended_ || std::exchange(end_told_, true)) return;
  if (!handler_->OnEndOfStream()) Close();
}

void RelayConnection::ResumeReading() {
  if (!std::exchange(paused_, false)) return;
  loop_.Post([self = shared_from_this()] { self->Deliver(); });
}

void RelayConnection::ReceivedEnd() {
  loop_.Post([self = shared_from_this()] {
    self->input_ended_ = true;
    self->Deliver();
  });
}

void RelayConnection::Ended(absl::Status why) {
  loop_.Post([self = shared_from_this(), why = std::move(why)] {
    self->ended_ = true;
    if (!why.ok() || self->closing_) return self->Closed(why);
    self->stream_ended_ = true;
    self->Deliver();
  });
}

// --- What goes out

void RelayConnection::Send(std::string octets) {
  if (closing_ || output_ending_) return;
  unsent_ += octets;
  Flush();
}

void RelayConnection::EndOutput() {
  if (closing_ || std::exchange(output_ending_, true)) return;
  Flush();
}

void RelayConnection::Flush() {
  size_t sent = 0;
  while (sent < unsent_.size() && in_flight_ < kRelayWindowBytes) {
    const size_t size =
        std::min({unsent_.size() - sent, kRelayMessageBytes, kRelayWindowBytes - in_flight_});
    wire_.send(unsent_.substr(sent, size), 0);
    in_flight_ += size;
    sent += size;
  }
  unsent_.erase(0, sent);
  if (!unsent_.empty()) return;
  if (output_ending_ && !std::exchange(output_ended_, true)) wire_.end_output();
  if (closing_) End(absl::OkStatus());
}

// --- Ends

void RelayConnection::Close() {
  if (std::exchange(closing_, true)) return;
  received_.clear();
  if (unsent_.empty()) return End(absl::OkStatus());
  BoundClose();
}

// From now on, anew.
void RelayConnection::BoundClose() {
  loop_.Cancel(close_timer_);
  close_timer_ = loop_.RunAfter(kRelayCloseTimeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->Abort(absl::DeadlineExceededError("the other side takes nothing any more"));
    }
  });
}

void RelayConnection::Abort(absl::Status why) {
  closing_ = true;
  End(why);
}

void RelayConnection::End(const absl::Status& why) {
  if (!std::exchange(ended_, true)) wire_.end(why);
  loop_.Post([self = shared_from_this(), why] { self->Closed(why); });
}

void RelayConnection::Closed(const absl::Status& why) {
  closing_ = true;
  loop_.Cancel(timer_);
  loop_.Cancel(close_timer_);
  if (const auto handler = std::exchange(handler_, nullptr)) handler->OnClosed(why);
}

void RelayConnection::SetDeadline(absl::Time when) {
  loop_.Cancel(std::exchange(timer_, net::TimerId()));
  if (when == absl::InfiniteFuture() || handler_ == nullptr) return;
  timer_ = loop_.RunAfter(when - loop_.Now(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->handler_ != nullptr) self->handler_->OnTimer();
  });
}

void RelayConnection::StartTlsServer(std::shared_ptr<net::TlsServerContext>) {
  Abort(absl::FailedPreconditionError("a relayed session is under TLS from its start"));
}

void RelayConnection::StartTlsClient(net::TlsClientOptions) {
  Abort(absl::FailedPreconditionError("a relayed session is under TLS from its start"));
}

}  // namespace packetboat::store
