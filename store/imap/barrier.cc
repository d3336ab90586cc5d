#include "store/imap/barrier.h"

#include <algorithm>
#include <utility>

namespace packetboat::store {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(10);
constexpr absl::Duration kPauseMax = absl::Milliseconds(200);

// One barrier until it is passed or given up.
class Attempts : public std::enable_shared_from_this<Attempts> {
 public:
  Attempts(Shards& shards, ShardId shard, absl::Duration wait, net::EventLoop& loop,
           std::weak_ptr<const void> session, absl::AnyInvocable<void(absl::Status)> done)
      : shards_(shards),
        shard_(shard),
        deadline_(loop.Now() + wait),
        loop_(loop),
        session_(std::move(session)),
        done_(std::move(done)) {}

  void Try() {
    shards_.ReadBarrier(shard_, [self = shared_from_this()](absl::Status status) {
      if (!absl::IsUnavailable(status)) return self->done_(std::move(status));
      self->loop_.Post([self, status = std::move(status)] { self->Refused(status); });
    });
  }

 private:
  void Refused(const absl::Status& status) {
    if (session_.expired()) return;
    if (loop_.Now() + pause_ > deadline_) return done_(status);
    loop_.RunAfter(pause_, [self = shared_from_this()] {
      if (!self->session_.expired()) self->Try();
    });
    pause_ = std::min(2 * pause_, kPauseMax);
  }

  Shards& shards_;
  const ShardId shard_;
  const absl::Time deadline_;
  net::EventLoop& loop_;
  const std::weak_ptr<const void> session_;
  absl::AnyInvocable<void(absl::Status)> done_;
  absl::Duration pause_ = kPauseMin;
};

}  // namespace

void PassBarrier(Shards& shards, ShardId shard, absl::Duration wait, net::EventLoop& loop,
                 std::weak_ptr<const void> session, absl::AnyInvocable<void(absl::Status)> done) {
  std::make_shared<Attempts>(shards, shard, wait, loop, std::move(session), std::move(done))->Try();
}

}  // namespace packetboat::store
