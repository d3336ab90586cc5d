#include "store/peers/relay.h"

#include <deque>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "store/peers/client_stream.h"
#include "store/peers/relay_connection.h"
#include "store/peers/server_stream.h"

namespace packetboat::store {
namespace {

using rpc::replication::RelayBegin;
using rpc::replication::RelayReply;
using rpc::replication::RelayRequest;

RelayBegin ToWire(const RelayedLogin& login) {
  RelayBegin begin;
  begin.set_account_id(login.user.account.value());
  begin.set_shard(login.user.shard.value());
  begin.set_address(login.user.address);
  begin.set_quota_octets(login.user.quota_octets);
  begin.set_tag(login.tag);
  begin.set_peer(login.peer.ToString());
  return begin;
}

RelayedLogin FromWire(const RelayBegin& begin) {
  RelayedLogin login;
  login.user.account = AccountId(begin.account_id());
  login.user.shard = ShardId(begin.shard());
  login.user.address = begin.address();
  login.user.quota_octets = begin.quota_octets();
  login.tag = begin.tag();
  if (absl::StatusOr<net::Endpoint> peer = net::Endpoint::Parse(begin.peer()); peer.ok()) {
    login.peer = *peer;
  }
  return login;
}

// The side that has the mailboxes.
class RelayStream : public ServerStream<RelayRequest, RelayReply> {
 public:
  RelayStream(const RelayedSessions& sessions, RelayCount& count, net::EventLoop& loop)
      : sessions_(sessions), count_(count), loop_(loop), admitted_(count.open++ < count.max) {}

 private:
  grpc::Status Take(RelayRequest request) override {
    if (connection_ == nullptr) {
      if (!admitted_) {
        return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many relayed sessions");
      }
      if (!request.has_begin()) {
        return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "a session without its login");
      }
      Accept(FromWire(request.begin()));
      return grpc::Status::OK;
    }
    if (request.shut_down()) loop_.Post(shut_down_);
    connection_->Received(std::move(*request.mutable_octets()), request.taken());
    if (request.end_of_input()) connection_->ReceivedEnd();
    return grpc::Status::OK;
  }

  void Accept(const RelayedLogin& login) {
    RelayedHandler session = sessions_(login);
    shut_down_ = std::move(session.shut_down);
    connection_ = RelayConnection::Open(
        loop_, login.peer, std::move(session.handler),
        {.send =
             [this, weak = this->weak_from_this()](std::string octets, uint64_t taken) {
               const auto kept = weak.lock();
               if (kept == nullptr) return;
               RelayReply reply;
               reply.set_octets(std::move(octets));
               reply.set_taken(taken);
               Send(std::move(reply));
             },
         // The end of this direction is that of the session.
         .end_output = [] {},
         .end =
             [this, weak = this->weak_from_this()](const absl::Status& why) {
               const auto kept = weak.lock();
               if (kept == nullptr) return;
               why.ok() ? EndAfterReplies() : End(grpc::Status::CANCELLED);
             }});
  }

  void Ended() override {
    if (connection_ != nullptr) connection_->Ended(absl::UnavailableError("the relay broke"));
    connection_ = nullptr;
    --count_.open;
  }

  const RelayedSessions& sessions_;
  RelayCount& count_;
  net::EventLoop& loop_;
  const bool admitted_;
  std::shared_ptr<RelayConnection> connection_;
  std::function<void()> shut_down_;
};

}  // namespace

// The side that has the client. What waits is bounded by the window of the connection on top.
class RelayDialer : public std::enable_shared_from_this<RelayDialer> {
 public:
  explicit RelayDialer(RelayDialers& all) : all_(all) {}

  void Start(rpc::replication::Peer::Stub& stub, net::EventLoop& loop, const RelayedLogin& login,
             std::shared_ptr<net::ConnectionHandler> handler) {
    RelayRequest begin;
    *begin.mutable_begin() = ToWire(login);
    Queue(std::move(begin));
    const auto self = shared_from_this();
    // The stream keeps this alive; the connection must not.
    connection_ =
        RelayConnection::Open(loop, login.peer, std::move(handler),
                              {.send =
                                   [weak = weak_from_this()](std::string octets, uint64_t taken) {
                                     if (const auto kept = weak.lock())
                                       kept->Send(std::move(octets), taken);
                                   },
                               .end_output =
                                   [weak = weak_from_this()] {
                                     if (const auto kept = weak.lock()) kept->SendEndOfInput();
                                   },
                               .end =
                                   [weak = weak_from_this()](const absl::Status&) {
                                     if (const auto kept = weak.lock()) kept->Cancel();
                                   }});
    auto stream = Stream::Open(
        {.next = [self] { return self->Next(); },
         .on_reply =
             [self](Stream&, RelayReply reply) {
               self->connection_->Received(std::move(*reply.mutable_octets()), reply.taken());
             },
         .on_end = [self](absl::Status why) { self->Ended(std::move(why)); }},
        [&](auto* context, auto* reactor) { stub.async()->Relay(context, reactor); });
    {
      absl::MutexLock lock(&mutex_);
      if (!ended_) stream_ = stream;
      if (cancelled_) stream->Cancel();
    }
    stream->Wake();
  }

  RelayControl Control() {
    return {.ask_to_end =
                [weak = weak_from_this()] {
                  if (const auto kept = weak.lock()) kept->AskToEnd();
                },
            .end_input =
                [weak = std::weak_ptr<RelayConnection>(connection_)] {
                  if (const auto kept = weak.lock()) kept->EndOutput();
                }};
  }

  void Cancel() {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    if (stream_ != nullptr) stream_->Cancel();
  }

 private:
  using Stream = ClientStream<RelayRequest, RelayReply>;

  void AskToEnd() {
    RelayRequest request;
    request.set_shut_down(true);
    Queue(std::move(request));
  }

  void SendEndOfInput() {
    RelayRequest request;
    request.set_end_of_input(true);
    Queue(std::move(request));
  }

  void Send(std::string octets, uint64_t taken) {
    RelayRequest request;
    request.set_octets(std::move(octets));
    request.set_taken(taken);
    Queue(std::move(request));
  }

  void Queue(RelayRequest request) {
    std::shared_ptr<Stream> stream;
    {
      absl::MutexLock lock(&mutex_);
      if (ended_) return;
      queue_.push_back(std::move(request));
      stream = stream_;
    }
    if (stream != nullptr) stream->Wake();
  }

  std::optional<RelayRequest> Next() {
    absl::MutexLock lock(&mutex_);
    if (queue_.empty()) return std::nullopt;
    RelayRequest request = std::move(queue_.front());
    queue_.pop_front();
    return request;
  }

  void Ended(absl::Status why) {
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
      stream_ = nullptr;
      queue_.clear();
    }
    connection_->Ended(std::move(why));
    all_.Remove(this);
  }

  RelayDialers& all_;
  std::shared_ptr<RelayConnection> connection_;

  absl::Mutex mutex_;
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  std::deque<RelayRequest> queue_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

RelayControl RelayDialers::Dial(rpc::replication::Peer::Stub& stub, net::EventLoop& loop,
                                const RelayedLogin& login,
                                std::shared_ptr<net::ConnectionHandler> handler) {
  auto dialer = std::make_shared<RelayDialer>(*this);
  {
    absl::MutexLock lock(&mutex_);
    open_.insert(dialer.get());
    if (closed_) dialer->Cancel();
  }
  dialer->Start(stub, loop, login, std::move(handler));
  return dialer->Control();
}

void RelayDialers::Remove(RelayDialer* dialer) {
  absl::MutexLock lock(&mutex_);
  open_.erase(dialer);
}

void RelayDialers::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  for (RelayDialer* const dialer : open_) dialer->Cancel();
  mutex_.Await(absl::Condition(
      +[](std::set<RelayDialer*>* open) { return open->empty(); }, &open_));
}

grpc::ServerBidiReactor<RelayRequest, RelayReply>* AcceptRelay(const RelayedSessions& sessions,
                                                               RelayCount& count,
                                                               net::EventLoop& loop) {
  auto stream = std::make_shared<RelayStream>(sessions, count, loop);
  stream->Begin();
  return stream.get();
}

}  // namespace packetboat::store
