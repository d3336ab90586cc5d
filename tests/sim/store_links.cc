#include "tests/sim/store_links.h"

#include <functional>
#include <utility>

#include "tests/sim/cluster.h"

namespace packetboat::sim {

using rpc::delivery::DeliverReply;
using rpc::delivery::DeliverRequest;
using rpc::delivery::ShardsReply;

// What the connections of one MX have in common; gone with its process.
struct StoreLinks::Shared {
  World& world;
  Cluster& cluster;
  const Place place;
  Process& process;
};

namespace {

using Shared = StoreLinks::Shared;

// How long a peer's silence is borne before a connection is taken to be dead.
constexpr absl::Duration kKeepalive = absl::Seconds(4);

// One connection. The MX's end owns it; messages on their way hold it weakly, so that nothing
// arrives once that end has gone.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(std::weak_ptr<Shared> shared, size_t store, std::function<void(const absl::Status&)> on_end)
      : shared_(std::move(shared)), store_(static_cast<int>(store)), on_end_(std::move(on_end)) {}

  // Runs `arrive` on the store, if it is the one that this connection is with.
  void ToStore(std::function<void(StoreProcess&)> arrive) {
    const auto shared = shared_.lock();
    if (shared == nullptr || broken_) return;
    const Place there = shared->cluster.machine(store_).place;
    // Found out by the sender: what a cut swallows is never acknowledged.
    if (shared->world.IsCut(shared->place, there)) return Break();
    shared->world.SendInOrder(shared->place, there,
                              [weak = weak_from_this(), arrive = std::move(arrive)] {
                                if (const auto self = weak.lock()) self->ArriveAtStore(arrive);
                              });
  }

  // Runs `arrive` on the MX.
  void ToMx(std::function<void()> arrive) {
    const auto shared = shared_.lock();
    if (shared == nullptr || broken_) return;
    const Place there = shared->cluster.machine(store_).place;
    if (shared->world.IsCut(there, shared->place)) return Break();
    shared->world.SendInOrder(there, shared->place,
                              [weak = weak_from_this(), arrive = std::move(arrive)] {
                                const auto self = weak.lock();
                                if (self != nullptr && !self->broken_) self->OnMx(arrive);
                              });
  }

  // Which life of the store it is with; zero: none yet.
  uint64_t life() const { return life_; }

  void Break() {
    if (std::exchange(broken_, true)) return;
    const auto shared = shared_.lock();
    if (shared == nullptr || !on_end_) return;
    shared->process.After(shared->world.UpTo(kKeepalive), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self != nullptr) self->on_end_(absl::UnavailableError("the connection broke"));
    });
  }

 private:
  void ArriveAtStore(const std::function<void(StoreProcess&)>& arrive) {
    const auto shared = shared_.lock();
    if (shared == nullptr || broken_) return;
    StoreProcess* const store = shared->cluster.store(store_);
    if (store == nullptr || (life_ != 0 && life_ != store->life())) return Break();
    life_ = store->life();
    store->loop().Post([store, arrive] { arrive(*store); });
  }

  void OnMx(const std::function<void()>& arrive) {
    const auto shared = shared_.lock();
    if (shared == nullptr) return;
    shared->process.loop().Post([weak = weak_from_this(), arrive] {
      if (weak.lock() != nullptr) arrive();
    });
  }

  const std::weak_ptr<Shared> shared_;
  const int store_;
  const std::function<void(const absl::Status&)> on_end_;
  uint64_t life_ = 0;
  bool broken_ = false;
};

// Says something now and then, so that an end that has gone is noticed.
void KeepAlive(const std::weak_ptr<Shared>& weak_shared, const std::weak_ptr<Link>& weak_link) {
  const auto shared = weak_shared.lock();
  const auto link = weak_link.lock();
  if (shared == nullptr || link == nullptr) return;
  link->ToStore([](StoreProcess&) {});
  shared->process.After(absl::Seconds(1),
                        [weak_shared, weak_link] { KeepAlive(weak_shared, weak_link); });
}

class LinkedStream : public mx::StoreTransport::Stream {
 public:
  LinkedStream(const std::shared_ptr<Shared>& shared, size_t store,
               mx::StoreTransport::StreamEvents events)
      : link_(std::make_shared<Link>(shared, store, std::move(events.on_end))),
        session_(std::make_shared<std::weak_ptr<store::DeliverySession>>()) {
    link_->ToStore([weak = std::weak_ptr<Link>(link_), session = session_,
                    on_reply = std::move(events.on_reply)](StoreProcess& at) {
      *session = at.StartDelivery([weak, on_reply](DeliverReply reply) {
        const auto link = weak.lock();
        if (link == nullptr) return;
        link->ToMx([on_reply, reply = std::move(reply)] { on_reply(reply); });
      });
    });
    KeepAlive(shared, link_);
  }

  ~LinkedStream() override {
    // The other end learns of it with the next thing that it says; its session ends here.
    if (const auto session = session_->lock()) session->End();
  }

  void Send(DeliverRequest request) override {
    link_->ToStore([session = session_, request = std::move(request)](StoreProcess&) {
      if (const auto open = session->lock()) open->Take(request);
    });
  }

 private:
  const std::shared_ptr<Link> link_;
  // Of the store; gone when it crashes.
  const std::shared_ptr<std::weak_ptr<store::DeliverySession>> session_;
};

class LinkedWatch : public mx::StoreTransport::Watch {
 public:
  LinkedWatch(const std::shared_ptr<Shared>& shared, size_t store,
              mx::StoreTransport::WatchEvents events)
      : link_(std::make_shared<Link>(shared, store, std::move(events.on_end))) {
    link_->ToStore(
        [weak = std::weak_ptr<Link>(link_), on_news = std::move(events.on_news)](StoreProcess& at) {
          at.WatchShards([weak, on_news](ShardsReply news) {
            const auto link = weak.lock();
            if (link == nullptr) return false;
            link->ToMx([on_news, news = std::move(news)] { on_news(news); });
            return true;
          });
        });
    KeepAlive(shared, link_);
  }

 private:
  const std::shared_ptr<Link> link_;
};

}  // namespace

StoreLinks::StoreLinks(World& world, Cluster& cluster, Place place, Process& process)
    : shared_(std::make_shared<Shared>(Shared{world, cluster, place, process})) {}

StoreLinks::~StoreLinks() = default;

size_t StoreLinks::stores() const { return static_cast<size_t>(shared_->cluster.stores()); }

const std::string& StoreLinks::address(size_t store) const {
  return shared_->cluster.machine(static_cast<int>(store)).name;
}

std::unique_ptr<mx::StoreTransport::Stream> StoreLinks::OpenDeliver(size_t store,
                                                                    StreamEvents events) {
  return std::make_unique<LinkedStream>(shared_, store, std::move(events));
}

std::unique_ptr<mx::StoreTransport::Watch> StoreLinks::WatchShards(size_t store,
                                                                   WatchEvents events) {
  return std::make_unique<LinkedWatch>(shared_, store, std::move(events));
}

void StoreLinks::AskShards(size_t store, absl::Duration timeout, ShardsCallback done) {
  auto once = std::make_shared<ShardsCallback>(std::move(done));
  const auto answer = [once](absl::StatusOr<ShardsReply> reply) {
    if (*once) std::exchange(*once, nullptr)(std::move(reply));
  };
  const auto link = std::make_shared<Link>(shared_, store, nullptr);
  link->ToStore([weak = std::weak_ptr<Link>(link), answer](StoreProcess& at) {
    const auto open = weak.lock();
    if (open == nullptr) return;
    open->ToMx([answer, reply = at.DescribeShards()] { answer(reply); });
  });
  // Keeps the connection until then.
  shared_->process.After(
      timeout, [link, answer] { answer(absl::DeadlineExceededError("no answer in time")); });
}

void StoreLinks::ForgetKeys(size_t store, absl::Duration timeout,
                            rpc::delivery::ForgetKeysRequest request, ForgetCallback done) {
  auto once = std::make_shared<ForgetCallback>(std::move(done));
  const auto answer = [once](absl::Status status) {
    if (*once) std::exchange(*once, nullptr)(std::move(status));
  };
  const auto link = std::make_shared<Link>(shared_, store, answer);
  link->ToStore(
      [weak = std::weak_ptr<Link>(link), answer, request = std::move(request)](StoreProcess& at) {
        at.ForgetKeys(request, [weak, answer](const absl::Status& status) {
          const auto open = weak.lock();
          if (open != nullptr) open->ToMx([answer, status] { answer(status); });
        });
      });
  // Keeps the connection until then.
  shared_->process.After(
      timeout, [link, answer] { answer(absl::DeadlineExceededError("no answer in time")); });
}

}  // namespace packetboat::sim
