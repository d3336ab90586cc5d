#include "net/asio/asio_network.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "net/asio/connection.h"
#include "net/asio/listener.h"
#include "net/asio/loop.h"

namespace packetboat::net {
namespace {

using asio::ip::tcp;
using Loops = std::vector<std::unique_ptr<AsioLoop>>;

class AsioListener : public Listener {
 public:
  AsioListener(std::shared_ptr<Loops> loops, std::shared_ptr<Acceptor> acceptor)
      : loops_(std::move(loops)), acceptor_(std::move(acceptor)) {}
  ~AsioListener() override { StopAccepting(); }

  const Endpoint& endpoint() const override { return acceptor_->endpoint(); }
  void StopAccepting() override { acceptor_->Stop(); }
  size_t open_connections() const override { return acceptor_->open_connections(); }

 private:
  const std::shared_ptr<Loops> loops_;  // the acceptor's socket belongs to one of them
  const std::shared_ptr<Acceptor> acceptor_;
};

// One attempt to connect. Lives in its loop, which may cancel it.
class Dialer : public std::enable_shared_from_this<Dialer> {
 public:
  Dialer(AsioLoop& loop, DialOptions options, std::shared_ptr<ConnectionHandler> handler)
      : loop_(loop),
        options_(std::move(options)),
        handler_(std::move(handler)),
        socket_(loop.context()) {}

  void Start() {
    loop_.Adopt(
        this, [self = shared_from_this()] { self->Cancel(absl::CancelledError("shutting down")); });
    asio::co_spawn(loop_.context(), Connect(),
                   [self = shared_from_this()](std::exception_ptr exception) {
                     if (exception) std::rethrow_exception(exception);
                     self->loop_.Release(self.get());
                   });
  }

 private:
  asio::awaitable<void> Connect() {
    absl::Status status = OpenSocket();
    if (status.ok()) {
      const TimerId timer = loop_.RunAfter(options_.connect_timeout, [self = shared_from_this()] {
        self->Cancel(absl::DeadlineExceededError("no answer"));
      });
      asio::error_code error;
      co_await socket_.async_connect(ToAsio(options_.endpoint),
                                     asio::redirect_error(asio::use_awaitable, error));
      loop_.Cancel(timer);
      status = !cancelled_.ok() ? cancelled_ : ErrorOf(error);
    }
    if (status.ok()) {
      OpenConnection();
    } else {
      handler_->OnClosed(
          Annotate(status, absl::StrCat("connect to ", options_.endpoint.ToString())));
    }
  }

  absl::Status OpenSocket() {
    asio::error_code error;
    socket_.open(ToAsio(options_.endpoint).protocol(), error);
    if (!error && options_.from.has_value()) socket_.bind(ToAsio(*options_.from), error);
    return ErrorOf(error);
  }

  void OpenConnection() {
    asio::error_code error;
    const tcp::endpoint local = socket_.local_endpoint(error);
    const auto connection =
        std::make_shared<AsioConnection>(loop_, std::move(socket_), options_.endpoint,
                                         FromAsio(local), options_.limits, handler_, [](bool) {});
    loop_.Adopt(connection);
    if (options_.tls.has_value()) connection->StartTlsClient(*std::move(options_.tls));
    connection->Open();
  }

  void Cancel(absl::Status why) {
    cancelled_ = std::move(why);
    asio::error_code ignored;
    socket_.close(ignored);
  }

  static absl::Status ErrorOf(const asio::error_code& error) {
    if (!error) return absl::OkStatus();
    return absl::UnavailableError(error.message());
  }

  AsioLoop& loop_;
  DialOptions options_;
  const std::shared_ptr<ConnectionHandler> handler_;
  tcp::socket socket_;
  absl::Status cancelled_;
};

std::shared_ptr<Loops> StartLoops(size_t threads) {
  auto loops = std::make_shared<Loops>();
  for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) {
    loops->push_back(std::make_unique<AsioLoop>());
  }
  return loops;
}

}  // namespace

AsioNetwork::AsioNetwork(size_t threads, MetricsRegistry* metrics)
    : metrics_(metrics), loops_(StartLoops(threads)) {}

AsioNetwork::~AsioNetwork() { Stop(); }

void AsioNetwork::Stop() {
  for (const auto& loop : *loops_) loop->Stop();
}

EventLoop& AsioNetwork::NextLoop() {
  return *(*loops_)[next_.fetch_add(1, std::memory_order_relaxed) % loops_->size()];
}

absl::StatusOr<std::unique_ptr<Listener>> AsioNetwork::Listen(ListenOptions options,
                                                              AcceptCallback accept) {
  const auto next = [this]() -> AsioLoop& { return static_cast<AsioLoop&>(NextLoop()); };
  const ListenerMetrics metrics =
      metrics_ == nullptr ? ListenerMetrics() : ListenerMetrics::For(options.name, *metrics_);
  ASSIGN_OR_RETURN(std::shared_ptr<Acceptor> acceptor,
                   Acceptor::Open(next(), std::move(options), std::move(accept), next, metrics));
  acceptor->Start();
  return std::make_unique<AsioListener>(loops_, std::move(acceptor));
}

void AsioNetwork::Dial(EventLoop& loop, DialOptions options,
                       std::shared_ptr<ConnectionHandler> handler) {
  const auto owner = std::find_if(loops_->begin(), loops_->end(),
                                  [&loop](const auto& own) { return own.get() == &loop; });
  CHECK(owner != loops_->end()) << "a loop of another network";
  AsioLoop& own = **owner;
  own.Post([&own, options = std::move(options), handler = std::move(handler)]() mutable {
    std::make_shared<Dialer>(own, std::move(options), std::move(handler))->Start();
  });
}

}  // namespace packetboat::net
