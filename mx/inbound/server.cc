#include "mx/inbound/server.h"

#include <map>
#include <utility>

#include "base/status.h"

namespace packetboat::mx {

class InboundServer::Sessions {
 public:
  // A session that counts until its connection is over.
  class Counted : public InboundSession {
   public:
    Counted(std::shared_ptr<const InboundContext> context, std::shared_ptr<Sessions> sessions)
        : InboundSession(std::move(context)), sessions_(std::move(sessions)) {}

    void OnOpen(net::Connection& connection) override {
      sessions_->Add(this, &connection.loop());
      InboundSession::OnOpen(connection);
    }

    void OnClosed(const absl::Status& why) override {
      InboundSession::OnClosed(why);
      sessions_->Remove(this);
    }

   private:
    const std::shared_ptr<Sessions> sessions_;
  };

  void Drain(absl::Duration timeout) {
    absl::MutexLock lock(&mutex_);
    for (const auto& [session, loop] : open_) {
      loop->Post([kept = session->shared_from_this()] { kept->Drain(); });
    }
    mutex_.AwaitWithTimeout(absl::Condition(this, &Sessions::Empty), timeout);
  }

 private:
  void Add(InboundSession* session, net::EventLoop* loop) {
    absl::MutexLock lock(&mutex_);
    open_[session] = loop;
  }

  void Remove(InboundSession* session) {
    absl::MutexLock lock(&mutex_);
    open_.erase(session);
  }

  bool Empty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_.empty(); }

  absl::Mutex mutex_;
  std::map<InboundSession*, net::EventLoop*> open_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<InboundServer>> InboundServer::Start(
    std::vector<InboundListener> listeners, net::Network& network) {
  auto server = std::unique_ptr<InboundServer>(new InboundServer);
  for (InboundListener& listener : listeners) {
    absl::StatusOr<std::unique_ptr<net::Listener>> open = network.Listen(
        std::move(listener.listen),
        [context = listener.context, sessions = server->sessions_](const net::Endpoint&,
                                                                   const net::Endpoint&) {
          return std::make_shared<Sessions::Counted>(context, sessions);
        });
    if (!open.ok()) return open.status();
    server->listeners_.push_back(*std::move(open));
  }
  return server;
}

InboundServer::InboundServer() : sessions_(std::make_shared<Sessions>()) {}
InboundServer::~InboundServer() = default;

std::vector<net::Endpoint> InboundServer::endpoints() const {
  std::vector<net::Endpoint> endpoints;
  for (const auto& listener : listeners_) endpoints.push_back(listener->endpoint());
  return endpoints;
}

void InboundServer::Drain(absl::Duration timeout) {
  for (const auto& listener : listeners_) listener->StopAccepting();
  sessions_->Drain(timeout);
}

}  // namespace packetboat::mx
