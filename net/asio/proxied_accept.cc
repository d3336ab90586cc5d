#include "net/asio/proxied_accept.h"

#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "absl/strings/string_view.h"

namespace packetboat::net {

using asio::ip::tcp;

ProxiedAccept::ProxiedAccept(AsioLoop& loop, tcp::socket socket, absl::Duration timeout, Done done)
    : loop_(loop), socket_(std::move(socket)), timeout_(timeout), done_(std::move(done)) {}

void ProxiedAccept::Start() {
  asio::error_code ignored;
  socket_.non_blocking(true, ignored);
  loop_.Adopt(this,
              [self = shared_from_this()] { self->Cancel(absl::CancelledError("shutting down")); });
  asio::co_spawn(loop_.context(), ReadHeader(),
                 [self = shared_from_this()](std::exception_ptr exception) {
                   if (exception) std::rethrow_exception(exception);
                   self->loop_.Release(self.get());
                 });
}

asio::awaitable<void> ProxiedAccept::ReadHeader() {
  const TimerId timer = loop_.RunAfter(timeout_, [self = shared_from_this()] {
    self->Cancel(absl::DeadlineExceededError("no PROXY header"));
  });
  while (status_.ok() && reader_.wanted() > 0) {
    bool would_block = false;
    const absl::Status read = ReadSome(&would_block);
    if (would_block) {
      asio::error_code ignored;
      co_await socket_.async_wait(tcp::socket::wait_read,
                                  asio::redirect_error(asio::use_awaitable, ignored));
    } else {
      status_.Update(read);
    }
  }
  loop_.Cancel(timer);
  done_(std::move(socket_), status_.ok() ? Outcome(reader_.endpoints()) : Outcome(status_));
}

absl::Status ProxiedAccept::ReadSome(bool* would_block) {
  asio::error_code error;
  char* const buffer = loop_.read_buffer().data();
  const size_t bytes = socket_.read_some(asio::buffer(buffer, reader_.wanted()), error);
  *would_block = error == asio::error::would_block || error == asio::error::try_again;
  if (error) return absl::UnavailableError(error.message());
  return reader_.Consume(absl::string_view(buffer, bytes));
}

void ProxiedAccept::Cancel(absl::Status why) {
  status_.Update(std::move(why));
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace packetboat::net
