#include "net/asio/connection.h"

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "net/asio/tls_factory.h"

namespace packetboat::net {
namespace {

using asio::ip::tcp;
using Outcome = IoResult::Outcome;

// Small pieces are put together up to this, so that a reply of many lines is one packet and one TLS
// record.
constexpr size_t kCoalesceBytes = 16384;
// Buffers given to one system call.
constexpr size_t kMaxGather = 16;

absl::Status ToStatus(const asio::error_code& error, absl::string_view doing) {
  return absl::ErrnoToStatus(error.value(), doing);
}

IoResult FromAsio(const asio::error_code& error, size_t bytes, absl::string_view doing,
                  Outcome would_block) {
  if (!error) return {Outcome::kDone, bytes, {}};
  if (error == asio::error::would_block || error == asio::error::try_again ||
      error == asio::error::interrupted) {
    return {would_block, 0, {}};
  }
  if (error == asio::error::eof) return {Outcome::kEnd, 0, {}};
  return {Outcome::kFailed, 0, ToStatus(error, doing)};
}

}  // namespace

AsioConnection::AsioConnection(AsioLoop& loop, tcp::socket socket, const Endpoint& peer,
                               const Endpoint& local, const ConnectionLimits& limits,
                               std::shared_ptr<ConnectionHandler> handler,
                               absl::AnyInvocable<void(bool)> on_gone)
    : loop_(loop),
      socket_(std::move(socket)),
      peer_(peer),
      local_(local),
      limits_(limits),
      handler_(std::move(handler)),
      on_gone_(std::move(on_gone)) {
  asio::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
}

AsioConnection::~AsioConnection() = default;

void AsioConnection::Open() {
  handler_->OnOpen(*this);
  StartReader();
}

bool AsioConnection::MayRead() const {
  return !finished_ && !paused_ && !closing_ && !peer_ended_ &&
         (tls_ == Tls::kPlain || tls_ == Tls::kSecure);
}

bool AsioConnection::MayWrite() const {
  if (finished_ || queue_.empty()) return false;
  switch (tls_) {
    case Tls::kPlain:
    case Tls::kSecure:
      return true;
    case Tls::kFlushing:
      return plain_left_ > 0;
    case Tls::kHandshake:
      break;
  }
  return false;
}

template <typename Coroutine>
void AsioConnection::Spawn(Coroutine coroutine) {
  // Posted, since co_spawn would run the first part here, inside of whoever calls us.
  asio::post(loop_.context(), [self = shared_from_this(), coroutine] {
    asio::co_spawn(self->loop_.context(), (self.get()->*coroutine)(),
                   [self](std::exception_ptr exception) {
                     if (exception) std::rethrow_exception(exception);
                   });
  });
}

void AsioConnection::StartReader() {
  if (reading_ || !MayRead()) return;
  reading_ = true;
  Spawn(&AsioConnection::ReadWhilePossible);
}

void AsioConnection::StartWriter() {
  if (writing_ || tls_ == Tls::kHandshake || finished_) return;
  writing_ = true;
  Spawn(&AsioConnection::WriteWhilePossible);
}

// Errors of a wait show in the next attempt; a cancelled one means that the state has changed.
asio::awaitable<void> AsioConnection::WaitReadable() {
  asio::error_code ignored;
  co_await socket_.async_wait(tcp::socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> AsioConnection::WaitWritable() {
  asio::error_code ignored;
  co_await socket_.async_wait(tcp::socket::wait_write,
                              asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> AsioConnection::ReadWhilePossible() {
  while (MayRead()) {
    const IoResult result = ReadSome();
    switch (result.outcome) {
      case Outcome::kDone:
        handler_->OnData(absl::string_view(loop_.read_buffer().data(), result.bytes));
        // Others get their turn before more of this one.
        co_await asio::post(loop_.context(), asio::use_awaitable);
        break;
      case Outcome::kWantsRead:
        co_await WaitReadable();
        break;
      case Outcome::kWantsWrite:
        co_await WaitWritable();
        break;
      case Outcome::kEnd:
        OnPeerEnd();
        break;
      case Outcome::kFailed:
        Finish(result.status);
        break;
    }
  }
  reading_ = false;
}

IoResult AsioConnection::ReadSome() {
  std::vector<char>& buffer = loop_.read_buffer();
  if (encrypted()) return session_->Read(absl::MakeSpan(buffer));
  asio::error_code error;
  const size_t bytes = socket_.read_some(asio::buffer(buffer), error);
  return FromAsio(error, bytes, "read", Outcome::kWantsRead);
}

void AsioConnection::OnPeerEnd() {
  peer_ended_ = true;
  if (!handler_->OnEndOfStream()) Close();
}

void AsioConnection::Send(std::string octets) {
  if (closing_ || finished_ || octets.empty()) return;
  unsent_bytes_ += octets.size();
  if (unsent_bytes_ > limits_.max_unsent_bytes) {
    return Abort(absl::ResourceExhaustedError("the peer does not read what it asked for"));
  }
  if (!queue_.empty() && queue_.back().size() + octets.size() <= kCoalesceBytes) {
    queue_.back().append(octets);
  } else {
    queue_.push_back(std::move(octets));
  }
  StartWriter();
}

asio::awaitable<void> AsioConnection::WriteWhilePossible() {
  while (MayWrite()) {
    const IoResult result = WriteSome();
    if (result.outcome == Outcome::kDone) {
      Wrote(result.bytes);
    } else if (result.outcome == Outcome::kFailed || result.outcome == Outcome::kEnd) {
      Finish(result.status.ok() ? absl::UnavailableError("write: closed by the peer")
                                : result.status);
    } else {
      const TimerId timer = FailAfter(limits_.write_timeout, "the peer takes nothing");
      co_await WaitWritable();
      loop_.Cancel(timer);
    }
  }
  writing_ = false;
  OnFlushed();
}

IoResult AsioConnection::WriteSome() {
  if (!encrypted()) return WritePlain();
  return session_->Write(absl::string_view(queue_.front()).substr(head_sent_));
}

IoResult AsioConnection::WritePlain() {
  // What was sent after StartTls waits for the handshake.
  size_t allowed = tls_ == Tls::kFlushing ? plain_left_ : unsent_bytes_;
  std::array<asio::const_buffer, kMaxGather> buffers;
  size_t skip = head_sent_;
  for (size_t i = 0; i < std::min(queue_.size(), kMaxGather); ++i) {
    buffers[i] = asio::buffer(asio::buffer(queue_[i]) + skip, allowed);
    allowed -= buffers[i].size();
    skip = 0;
  }
  asio::error_code error;
  const size_t bytes = socket_.write_some(buffers, error);
  return FromAsio(error, bytes, "write", Outcome::kWantsWrite);
}

void AsioConnection::Wrote(size_t bytes) {
  unsent_bytes_ -= bytes;
  written_bytes_ += bytes;
  if (tls_ == Tls::kFlushing) plain_left_ -= bytes;
  head_sent_ += bytes;
  while (!queue_.empty() && head_sent_ >= queue_.front().size()) {
    head_sent_ -= queue_.front().size();
    queue_.pop_front();
  }
  handler_->OnWritten(written_bytes_);
}

void AsioConnection::OnFlushed() {
  if (finished_) return;
  if (closing_ && queue_.empty()) {
    if (!lingering_) Spawn(&AsioConnection::Linger);
    lingering_ = true;
  } else if (tls_ == Tls::kFlushing && plain_left_ == 0) {
    tls_ = Tls::kHandshake;
    Spawn(&AsioConnection::Handshake);
  }
}

void AsioConnection::ResumeReading() {
  paused_ = false;
  StartReader();
}

void AsioConnection::StartTlsServer(std::shared_ptr<TlsServerContext> context) {
  BeginTls(NewTlsServerSession(*context, socket_.native_handle()));
}

void AsioConnection::StartTlsClient(TlsClientOptions options) {
  BeginTls(NewTlsClientSession(options, socket_.native_handle()));
}

void AsioConnection::BeginTls(absl::StatusOr<std::unique_ptr<TlsSession>> session) {
  if (closing_ || finished_) return;
  CHECK(tls_ == Tls::kPlain) << "TLS is started once";
  if (!session.ok()) return Abort(session.status());
  session_ = *std::move(session);
  tls_ = Tls::kFlushing;
  plain_left_ = unsent_bytes_;
  handshake_timer_ = FailAfter(limits_.handshake_timeout, "TLS handshake");
  // A reader that waits for the socket must not take the handshake's octets.
  asio::error_code ignored;
  socket_.cancel(ignored);
  StartWriter();
}

asio::awaitable<void> AsioConnection::Handshake() {
  while (!finished_) {
    const IoResult result = session_->Handshake();
    switch (result.outcome) {
      case Outcome::kDone:
        OnHandshakeDone();
        co_return;
      case Outcome::kWantsRead:
        co_await WaitReadable();
        break;
      case Outcome::kWantsWrite:
        co_await WaitWritable();
        break;
      case Outcome::kEnd:
      case Outcome::kFailed:
        Finish(result.status);
        break;
    }
  }
}

void AsioConnection::OnHandshakeDone() {
  loop_.Cancel(handshake_timer_);
  tls_ = Tls::kSecure;
  handler_->OnTlsEstablished(session_->info());
  StartReader();
  // Also without anything queued: Close() may be waiting.
  StartWriter();
}

void AsioConnection::Close() {
  if (closing_ || finished_) return;
  closing_ = true;
  // During a handshake nothing can be told any more that the peer would understand.
  if (tls_ == Tls::kHandshake && queue_.empty()) return Abort(absl::OkStatus());
  StartWriter();
}

asio::awaitable<void> AsioConnection::Linger() {
  if (finished_) co_return;
  if (tls_ == Tls::kSecure) session_->SendCloseNotify();
  asio::error_code error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  const TimerId timer = loop_.RunAfter(
      limits_.linger_timeout, [self = shared_from_this()] { self->Finish(absl::OkStatus()); });
  size_t dropped = 0;
  while (!finished_ && !error && !peer_ended_ && dropped <= limits_.linger_bytes) {
    const size_t bytes = socket_.read_some(asio::buffer(loop_.read_buffer()), error);
    dropped += bytes;
    if (error == asio::error::would_block) {
      error.clear();
      co_await WaitReadable();
    }
  }
  loop_.Cancel(timer);
  Finish(absl::OkStatus());
}

void AsioConnection::Abort(absl::Status why) {
  asio::post(loop_.context(),
             [self = shared_from_this(), why = std::move(why)] { self->Finish(why); });
  // Until then nothing more happens.
  closing_ = true;
  queue_.clear();
  unsent_bytes_ = 0;
  head_sent_ = 0;
}

TimerId AsioConnection::FailAfter(absl::Duration timeout, const char* what) {
  return loop_.RunAfter(timeout, [self = shared_from_this(), what] {
    self->Finish(absl::DeadlineExceededError(absl::StrCat(what, ": timed out")));
  });
}

void AsioConnection::SetDeadline(absl::Time when) {
  deadline_ = when;
  // A timer that is armed too early costs less than arming one for each move of the deadline.
  if (deadline_ < deadline_armed_) ArmDeadline();
}

void AsioConnection::ArmDeadline() {
  loop_.Cancel(deadline_timer_);
  deadline_armed_ = deadline_;
  deadline_timer_ = loop_.RunAfter(deadline_ - loop_.Now(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnDeadline();
  });
}

void AsioConnection::OnDeadline() {
  deadline_armed_ = absl::InfiniteFuture();
  if (finished_ || deadline_ == absl::InfiniteFuture()) return;
  if (loop_.Now() < deadline_) return ArmDeadline();
  deadline_ = absl::InfiniteFuture();
  handler_->OnTimer();
}

void AsioConnection::Finish(absl::Status why) {
  if (finished_) return;
  finished_ = true;
  loop_.Cancel(handshake_timer_);
  loop_.Cancel(deadline_timer_);
  asio::error_code ignored;
  socket_.close(ignored);
  queue_.clear();
  unsent_bytes_ = 0;
  // A coroutine may be in the middle of something above us: the handler hears of it when that has
  // returned.
  asio::post(loop_.context(), [self = shared_from_this(), why = std::move(why)] {
    const std::shared_ptr<ConnectionHandler> handler = std::move(self->handler_);
    handler->OnClosed(why);
    self->on_gone_(self->tls_ == Tls::kHandshake);
    self->loop_.Release(self.get());
  });
}

}  // namespace packetboat::net
