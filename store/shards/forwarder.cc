#include "store/shards/forwarder.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace packetboat::store {

// What all proposals share, and which there are.
class Forwarder::UnderWay {
 public:
  UnderWay(Options options, RemoteProposals& remote, net::EventLoop& loop)
      : options(options), remote(remote), loop(loop) {}

  bool Add(const std::shared_ptr<Proposal>& proposal) {
    absl::MutexLock lock(&mutex_);
    if (!open_) return false;
    proposals_.insert(proposal);
    return true;
  }

  void Remove(const std::shared_ptr<Proposal>& proposal) {
    absl::MutexLock lock(&mutex_);
    proposals_.erase(proposal);
  }

  std::set<std::shared_ptr<Proposal>> TakeAll() {
    absl::MutexLock lock(&mutex_);
    open_ = false;
    return std::exchange(proposals_, {});
  }

  const Options options;
  RemoteProposals& remote;
  net::EventLoop& loop;

 private:
  absl::Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = true;
  std::set<std::shared_ptr<Proposal>> proposals_ ABSL_GUARDED_BY(mutex_);
};

// One proposal until its outcome is told.
class Forwarder::Proposal : public std::enable_shared_from_this<Proposal> {
 public:
  Proposal(std::shared_ptr<UnderWay> under_way, replication::Group& group, std::string command,
           replication::ProposeCallback done)
      : under_way_(std::move(under_way)),
        loop_(under_way_->loop),
        group_(group),
        command_(std::move(command)),
        deadline_(loop_.Now() + under_way_->options.timeout),
        pause_(under_way_->options.pause_min),
        done_(std::move(done)) {}

  void Start() {
    absl::MutexLock step(&step_mutex_);
    // Answered by then or not: nobody waits longer.
    timer_ = loop_.RunAfter(deadline_ - loop_.Now(), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self != nullptr) self->Finish(self->WithoutAnswer("no leader answered in time"));
    });
    Try();
  }

  // Of a proposal whose forwarder closes.
  void GiveUp() {
    absl::MutexLock step(&step_mutex_);
    closed_ = true;
    Finish(WithoutAnswer("the store is stopping"));
  }

 private:
  void Retry() {
    absl::MutexLock step(&step_mutex_);
    if (!closed_ && !finished()) Try();
  }

  void Try() ABSL_EXCLUSIVE_LOCKS_REQUIRED(step_mutex_) {
    const replication::GroupStatus status = group_.status();
    if (status.role == replication::Role::kLeader && !hint_.has_value()) return TryHere();
    const std::optional<NodeId> to = Target(status);
    if (!to.has_value()) return TryLater();
    TryAt(*to);
  }

  std::optional<NodeId> Target(const replication::GroupStatus& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(step_mutex_) {
    if (hint_.has_value()) return std::exchange(hint_, std::nullopt);
    if (status.leader.has_value()) return status.leader;
    // A node with replicas will hear who leads; one without asks around.
    if (!status.voters.empty()) return std::nullopt;
    const std::vector<NodeId> voters = under_way_->remote.ReachableVoters();
    if (voters.empty()) return std::nullopt;
    return voters[tries_++ % voters.size()];
  }

  void TryHere() ABSL_EXCLUSIVE_LOCKS_REQUIRED(step_mutex_) {
    proposed_ = true;
    group_.Propose(command_, [self = shared_from_this()](
                                 absl::StatusOr<replication::ApplyResult> applied) mutable {
      if (applied.status().code() == absl::StatusCode::kUnavailable) return self->TryLater();
      self->Finish(std::move(applied));
    });
  }

  void TryAt(NodeId to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(step_mutex_) {
    proposed_ = true;
    under_way_->remote.Propose(
        to, group_.shard(), command_,
        [self = shared_from_this(), to](absl::StatusOr<replication::ApplyResult> applied,
                                        std::optional<NodeId> leader) mutable {
          self->Answered(to, std::move(applied), leader);
        });
  }

  void Answered(NodeId by, absl::StatusOr<replication::ApplyResult> applied,
                std::optional<NodeId> leader) {
    absl::MutexLock step(&step_mutex_);
    if (closed_ || finished()) return;
    if (applied.ok()) return WaitUntilReadable(*std::move(applied));
    if (applied.status().code() != absl::StatusCode::kUnavailable) {
      return Finish(std::move(applied));
    }
    // One hint is followed at once; who is named may not know of its luck yet.
    if (leader.has_value() && *leader != by && !std::exchange(followed_, true)) {
      hint_ = leader;
      return Try();
    }
    followed_ = false;
    TryLater();
  }

  // The write is committed; its proposer shall see it on this node.
  void WaitUntilReadable(replication::ApplyResult applied)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(step_mutex_) {
    if (group_.status().voters.empty()) return Finish(std::move(applied));
    const RaftIndex index = applied.index;
    group_.WaitApplied(index, [self = shared_from_this(),
                               applied = std::move(applied)](absl::Status status) mutable {
      if (status.ok()) return self->Finish(std::move(applied));
      self->Finish(absl::UnknownError("committed, but this store cannot show it"));
    });
  }

  // After a definite refusal, or before there was anybody to ask.
  void TryLater() {
    proposed_ = false;
    absl::Duration pause;
    {
      absl::MutexLock lock(&mutex_);
      pause = pause_;
      pause_ = std::min(2 * pause_, under_way_->options.pause_max);
    }
    if (loop_.Now() + pause > deadline_) {
      return Finish(absl::UnavailableError("no store was found in time that leads the shard"));
    }
    loop_.RunAfter(pause, [self = shared_from_this()] { self->Retry(); });
  }

  absl::Status WithoutAnswer(absl::string_view why) const {
    return proposed_ ? absl::UnknownError(why) : absl::UnavailableError(why);
  }

  bool finished() {
    absl::MutexLock lock(&mutex_);
    return done_ == nullptr;
  }

  void Finish(absl::StatusOr<replication::ApplyResult> outcome) {
    replication::ProposeCallback done;
    {
      absl::MutexLock lock(&mutex_);
      if (done_ == nullptr) return;
      done = std::exchange(done_, nullptr);
    }
    loop_.Cancel(timer_);
    under_way_->Remove(shared_from_this());
    done(std::move(outcome));
  }

  const std::shared_ptr<UnderWay> under_way_;
  net::EventLoop& loop_;
  replication::Group& group_;
  const std::string command_;
  const absl::Time deadline_;
  net::TimerId timer_;
  // Somebody may have taken it.
  std::atomic<bool> proposed_{false};

  // Held while groups and the remote side are called: GiveUp() waits for that.
  absl::Mutex step_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  bool closed_ ABSL_GUARDED_BY(step_mutex_) = false;
  bool followed_ ABSL_GUARDED_BY(step_mutex_) = false;
  std::optional<NodeId> hint_ ABSL_GUARDED_BY(step_mutex_);
  size_t tries_ ABSL_GUARDED_BY(step_mutex_) = 0;

  absl::Mutex mutex_;
  absl::Duration pause_ ABSL_GUARDED_BY(mutex_);
  replication::ProposeCallback done_ ABSL_GUARDED_BY(mutex_);
};

Forwarder::Forwarder(Options options, RemoteProposals& remote, net::EventLoop& loop)
    : under_way_(std::make_shared<UnderWay>(options, remote, loop)) {}

Forwarder::~Forwarder() { Close(); }

void Forwarder::Propose(replication::Group& group, std::string command,
                        replication::ProposeCallback done) {
  auto proposal =
      std::make_shared<Proposal>(under_way_, group, std::move(command), std::move(done));
  if (!under_way_->Add(proposal)) return proposal->GiveUp();
  proposal->Start();
}

void Forwarder::Close() {
  for (const std::shared_ptr<Proposal>& proposal : under_way_->TakeAll()) proposal->GiveUp();
}

}  // namespace packetboat::store
